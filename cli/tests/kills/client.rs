//! A client that writes resources of its own, and knows what must be there.

use std::collections::BTreeMap;

use pointsman_proto::admin::v1::{
    ApplyManifestRequest, CreateCustomerMappingRequest, CreateCustomerRequest, Customer, CustomerMapping,
    DeleteCustomerMappingRequest, Manifest, UpdateCustomerRequest,
};
use pointsman_sdk::admin::{AdminClient, AdminError};

use super::chance::Chance;

/// The integration that all mappings lie in.
pub(crate) const INTEGRATION: &str = "integrations/acme-erp";

/// Names of resources and what is said of them.
pub(crate) type State = BTreeMap<String, String>;

/// One of the clients.
#[derive(Debug)]
pub(crate) struct Client {
    id: usize,
    chance: Chance,
    made: usize,
    /// What must be there.
    pub(crate) state: State,
    /// The revisions of answered writes, in their order.
    pub(crate) revisions: Vec<i64>,
    /// The write under way.
    pub(crate) pending: Option<Write>,
}

/// A write, and what it makes of the state: a value for what is there afterwards, none for what is gone.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    request: Request,
    pub(crate) effects: Vec<(String, Option<String>)>,
}

#[derive(Clone, Debug)]
enum Request {
    CreateCustomer(CreateCustomerRequest),
    UpdateCustomer(UpdateCustomerRequest),
    CreateMapping(CreateCustomerMappingRequest),
    DeleteMapping(DeleteCustomerMappingRequest),
    Apply(ApplyManifestRequest),
}

impl Client {
    pub(crate) fn new(id: usize, seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self { id, chance, made: 0, state: State::new(), revisions: Vec::new(), pending: None }
    }

    /// Makes the next write and tells what came of it.
    pub(crate) async fn write(&mut self, admin: &AdminClient) -> Result<(), AdminError> {
        let write = self.next();
        self.pending = Some(write.clone());
        let revision = write.send(admin).await?;
        self.pending = None;
        write.change(&mut self.state);
        self.revisions.push(revision);
        Ok(())
    }

    fn next(&mut self) -> Write {
        self.made += 1;
        let request_id = format!("{}-{}", self.id, self.made);
        let customers = self.names("customers/");
        let mappings = self.names(INTEGRATION);
        match self.chance.below(6) {
            0 | 1 if !customers.is_empty() => {
                let name = &customers[self.chance.below(customers.len())];
                let mut customer = self.customer(name.trim_start_matches("customers/"));
                customer.display_name = format!("Renamed {}", self.made);
                let effects = vec![(name.clone(), Some(of_customer(&customer)))];
                let request =
                    UpdateCustomerRequest { customer: Some(customer), request_id, ..Default::default() };
                Write { request: Request::UpdateCustomer(request), effects }
            }
            2 if !customers.is_empty() => {
                let customer = &customers[self.chance.below(customers.len())];
                let (id, mapping) = self.mapping(customer);
                let effects = vec![(mapping.name.clone(), Some(of_mapping(&mapping)))];
                let request = CreateCustomerMappingRequest {
                    parent: INTEGRATION.to_owned(),
                    customer_mapping_id: id,
                    customer_mapping: Some(mapping),
                    request_id,
                    ..Default::default()
                };
                Write { request: Request::CreateMapping(request), effects }
            }
            3 if !mappings.is_empty() => {
                let name = mappings[self.chance.below(mappings.len())].clone();
                let effects = vec![(name.clone(), None)];
                let request = DeleteCustomerMappingRequest { name, request_id, ..Default::default() };
                Write { request: Request::DeleteMapping(request), effects }
            }
            4 => self.manifest(request_id),
            _ => {
                let customer_id = format!("c{}-{}", self.id, self.made);
                let customer = self.customer(&customer_id);
                let effects = vec![(customer.name.clone(), Some(of_customer(&customer)))];
                let request = CreateCustomerRequest {
                    customer_id,
                    customer: Some(customer),
                    request_id,
                    ..Default::default()
                };
                Write { request: Request::CreateCustomer(request), effects }
            }
        }
    }

    /// Several customers with a mapping each: all or none.
    fn manifest(&mut self, request_id: String) -> Write {
        let mut manifest = Manifest::default();
        let mut effects = Vec::new();
        for part in 0..2 + self.chance.below(4) {
            let customer = self.customer(&format!("c{}-{}-{part}", self.id, self.made));
            let (_, mut mapping) = self.mapping(&customer.name);
            mapping.name.push_str(&format!("-{part}"));
            mapping.source_customer_id.push_str(&format!("-{part}"));
            effects.push((customer.name.clone(), Some(of_customer(&customer))));
            effects.push((mapping.name.clone(), Some(of_mapping(&mapping))));
            manifest.customers.push(customer);
            manifest.customer_mappings.push(mapping);
        }
        let request = ApplyManifestRequest { manifest: Some(manifest), request_id, ..Default::default() };
        Write { request: Request::Apply(request), effects }
    }

    fn customer(&self, id: &str) -> Customer {
        Customer {
            name: format!("customers/{id}"),
            external_id: format!("external {id}"),
            ..Customer::default()
        }
    }

    fn mapping(&self, customer: &str) -> (String, CustomerMapping) {
        let id = format!("m{}-{}", self.id, self.made);
        let mapping = CustomerMapping {
            name: format!("{INTEGRATION}/customerMappings/{id}"),
            source_customer_id: id.to_uppercase(),
            customer: customer.to_owned(),
            ..CustomerMapping::default()
        };
        (id, mapping)
    }

    fn names(&self, prefix: &str) -> Vec<String> {
        self.state.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }
}

impl Write {
    /// Sends it; answers with its revision.
    pub(crate) async fn send(&self, admin: &AdminClient) -> Result<i64, AdminError> {
        Ok(match self.request.clone() {
            Request::CreateCustomer(request) => admin.create_customer(request).await?.revision,
            Request::UpdateCustomer(request) => admin.update_customer(request).await?.revision,
            Request::CreateMapping(request) => admin.create_customer_mapping(request).await?.revision,
            Request::DeleteMapping(request) => admin.delete_customer_mapping(request).await?.revision,
            Request::Apply(request) => admin.apply_manifest(request).await?.revision,
        })
    }

    /// What it makes of a state.
    pub(crate) fn change(&self, state: &mut State) {
        for (name, value) in &self.effects {
            match value {
                Some(value) => state.insert(name.clone(), value.clone()),
                None => state.remove(name),
            };
        }
    }
}

pub(crate) fn of_customer(customer: &Customer) -> String {
    format!("{} | {}", customer.external_id, customer.display_name)
}

pub(crate) fn of_mapping(mapping: &CustomerMapping) -> String {
    format!("{} | {} | {}", mapping.source_customer_id, mapping.customer, mapping.display_name)
}
