//! The configuration: integrations with a shared endpoint, each deployed to some customers; and customer mappings of the
//! first integrations, many of each.

use futures::{StreamExt as _, stream};
use pointsman_proto::admin::v1::{
    ApplyManifestRequest, CustomerMappingRow, GetIntegrationRequest, ImportCommit,
    ImportCustomerMappingsRequest, ImportMode, ImportRows, ImportStart, customer_mapping_row::Target,
    customer_mapping_service_client::CustomerMappingServiceClient, import_customer_mappings_request::Message,
    integration_service_client::IntegrationServiceClient, manifest_service_client::ManifestServiceClient,
};
use pointsman_tests::sandbox::{hook_path, read_manifest};
use serde_json::{Value, json};

use crate::part::ControlPlane;

/// Integrations that have mappings, at most.
const MAPPED: usize = 100;
/// Resources of a manifest, and rows of an import's message.
const AT_ONCE: usize = 5_000;
/// Long enough for a manifest of so many.
const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Data {
    pub(crate) integrations: usize,
    pub(crate) deployments: usize,
    pub(crate) mappings: usize,
    pub(crate) customers: usize,
}

impl Data {
    /// Makes all of it.
    pub(crate) async fn fill(&self, plane: &ControlPlane, flow: &str) {
        let integrations = (0..self.integrations).map(Self::integration).collect();
        apply(plane, "integrations", integrations).await;
        let customer = |n| json!({ "name": Self::customer(n), "externalId": format!("external-{n}") });
        apply(plane, "customers", (0..self.customers).map(customer).collect()).await;
        apply(plane, "deployments", (0..self.deployments).map(|n| self.deployment(n, flow)).collect()).await;
        for integration in 0..self.mapped() {
            self.import(plane, integration).await;
        }
    }

    fn integration(n: usize) -> Value {
        json!({
            "name": Self::integration_name(n),
            "flows": [{ "key": "orders", "name": "Orders" }],
            "endpoint": {
                "type": "ENDPOINT_TYPE_SHARED",
                "externalCustomerId": {
                    "reference": "results.body.data.customerId",
                    "lookup": "LOOKUP_CUSTOMER_MAPPINGS",
                },
            },
        })
    }

    fn deployment(&self, n: usize, flow: &str) -> Value {
        // Those of one integration are of customers in a row.
        let (integration, round) = (n % self.integrations, n / self.integrations);
        let customer = Self::customer((integration + round) % self.customers);
        json!({
            "name": format!("{}/deployments/deployment-{n}", Self::integration_name(integration)),
            "customer": customer,
            "flowEndpoints": { "orders": { "url": format!("{flow}/deployments/{n}") } },
        })
    }

    async fn import(&self, plane: &ControlPlane, integration: usize) {
        let message = |message| ImportCustomerMappingsRequest { message: Some(message) };
        let start = ImportStart {
            parent: Self::integration_name(integration),
            import_id: format!("import-{integration}"),
            mode: ImportMode::AllOrNothing.into(),
            ..ImportStart::default()
        };
        let rows: Vec<_> = self.of(integration).map(|n| self.row(n, 0)).collect();
        let count = i64::try_from(rows.len()).expect("a small number");
        let parts: Vec<_> = rows
            .chunks(AT_ONCE)
            .map(|rows| message(Message::Rows(ImportRows { rows: rows.to_vec() })))
            .collect();
        let last = message(Message::Commit(ImportCommit { row_count: count }));
        let messages = std::iter::once(message(Message::Start(start))).chain(parts).chain([last]);
        let mut client = CustomerMappingServiceClient::new(plane.channel());
        let imported = client.import_customer_mappings(stream::iter(messages)).await.expect("an import");
        assert!(imported.into_inner().committed, "rows are refused");
    }

    /// How many integrations have mappings.
    pub(crate) fn mapped(&self) -> usize {
        self.integrations.min(MAPPED)
    }

    /// The mappings of an integration.
    pub(crate) fn of(&self, integration: usize) -> impl Iterator<Item = usize> {
        (integration..self.mappings).step_by(self.mapped())
    }

    /// The integration of a mapping.
    pub(crate) fn integration_of(&self, mapping: usize) -> usize {
        mapping % self.mapped()
    }

    /// A mapping as it is imported. From turn to turn it is of another customer; each has a deployment.
    pub(crate) fn row(&self, mapping: usize, turn: usize) -> CustomerMappingRow {
        let integration = self.integration_of(mapping);
        let deployed = (self.deployments / self.integrations).clamp(1, self.customers);
        let customer = (integration + (mapping / self.mapped() + turn) % deployed) % self.customers;
        CustomerMappingRow {
            source_customer_id: Self::source(mapping),
            target: Some(Target::Customer(Self::customer(customer))),
            ..CustomerMappingRow::default()
        }
    }

    pub(crate) fn integration_name(n: usize) -> String {
        format!("integrations/integration-{n}")
    }

    pub(crate) fn customer(n: usize) -> String {
        format!("customers/customer-{n}")
    }

    /// The source customer id of a mapping. An odd factor gives each 32-bit number once.
    pub(crate) fn source(mapping: usize) -> String {
        format!("{:08X}", mapping.wrapping_mul(2_654_435_761) & 0xffff_ffff)
    }

    /// The paths of the webhooks of all integrations that have mappings.
    pub(crate) async fn hooks(&self, plane: &ControlPlane) -> Vec<String> {
        let hooks = stream::iter(0..self.mapped()).then(async |n| {
            let request = GetIntegrationRequest { name: Self::integration_name(n) };
            let answer = IntegrationServiceClient::new(plane.channel()).get_integration(request).await;
            let integration = answer.expect("an answer").into_inner().integration.expect("an integration");
            hook_path(&integration.endpoint.expect("an endpoint").url)
        });
        hooks.collect().await
    }
}

/// Applies resources of one kind, not too many at once.
async fn apply(plane: &ControlPlane, kind: &str, resources: Vec<Value>) {
    let client = ManifestServiceClient::new(plane.channel());
    let mut client = client.max_decoding_message_size(ANSWER_BYTES);
    for resources in resources.chunks(AT_ONCE) {
        let manifest = Some(read_manifest(&json!({ kind: resources })));
        let request = ApplyManifestRequest { manifest, ..ApplyManifestRequest::default() };
        client.apply_manifest(request).await.expect("a manifest that is accepted");
    }
}
