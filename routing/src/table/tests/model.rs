//! A table against a plain list of what it should hold.

use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

macro_rules! variant {
    ($entry:expr, $pattern:pat => $value:expr) => {
        match $entry {
            $pattern => Some($value),
            _ => None,
        }
    };
}
const INTEGRATIONS: [&str; 2] = ["i", "j"];
const IDS: [&str; 3] = ["a", "b", "c"];
const TEXTS: [&str; 3] = ["x", "y", "z"];
const TOKENS: [&str; 4] = ["t0", "t1", "t2", "t3"];

/// What a table should hold, by name.
type Model = BTreeMap<ResourceName, Entry>;

/// Every answer that a table can give here.
#[derive(Debug, PartialEq)]
struct Answers {
    len: usize,
    customers: Vec<Option<Customer>>,
    by_external_id: Vec<Option<Customer>>,
    by_source_id: Vec<Option<CustomerMapping>>,
    deployments: Vec<Option<Arc<Deployment>>>,
    endpoints: Vec<Option<Endpoint>>,
}

fn answers_of_table(table: &Table) -> Answers {
    let integrations = INTEGRATIONS.map(|id| IntegrationId::parse(id).unwrap());
    let customers = IDS.map(|id| CustomerId::parse(id).unwrap());
    Answers {
        len: table.len(),
        customers: customers.iter().map(|id| infallible(table.customer(id))).collect(),
        by_external_id: TEXTS.map(|text| infallible(table.customer_by_external_id(text))).to_vec(),
        by_source_id: pairs(&integrations, &TEXTS)
            .map(|(integration, text)| {
                infallible(table.mapping(integration, text)).map(|found| found.0.to_mapping())
            })
            .collect(),
        deployments: pairs(&integrations, &customers)
            .map(|(integration, customer)| infallible(table.deployment_for(integration, customer)))
            .collect(),
        endpoints: TOKENS.map(|token| table.endpoint(token)).to_vec(),
    }
}

/// The same answers, from the rules: look at everything, and take what is the only one.
fn answers_of_model(model: &Model) -> Answers {
    let customers =
        || model.values().filter_map(|entry| variant!(entry, Entry::Customer(customer) => customer));
    let mappings =
        || model.values().filter_map(|entry| variant!(entry, Entry::CustomerMapping(mapping) => mapping));
    let deployments = || {
        model.values().filter_map(|entry| variant!(entry, Entry::Deployment(deployment, ..) => deployment))
    };
    let deployment_for = |integration: &str, customer: &str| {
        let of_customer = || {
            deployments().filter(|found| {
                found.name.integration.as_str() == integration && found.customer.as_str() == customer
            })
        };
        let enabled: Vec<_> = of_customer().filter(|found| !found.paused).collect();
        match enabled.as_slice() {
            [] => of_customer().next(),
            [one] => Some(*one),
            _ => None,
        }
    };
    Answers {
        len: model.len(),
        customers: IDS.map(|id| customers().find(|customer| customer.id.as_str() == id).cloned()).to_vec(),
        by_external_id: TEXTS
            .map(|text| the_one(customers().filter(|customer| *customer.external_id == *text)).cloned())
            .to_vec(),
        by_source_id: pairs(&INTEGRATIONS, &TEXTS)
            .map(|(integration, text)| {
                let claims = mappings().filter(|mapping| {
                    mapping.name.integration.as_str() == *integration && *mapping.source_customer_id == **text
                });
                the_one(claims).cloned()
            })
            .collect(),
        deployments: pairs(&INTEGRATIONS, &IDS)
            .map(|(integration, customer)| deployment_for(integration, customer).cloned())
            .collect(),
        endpoints: TOKENS.map(|token| the_one(endpoints_of_model(model, token).into_iter())).to_vec(),
    }
}

fn endpoints_of_model(model: &Model, token: &str) -> Vec<Endpoint> {
    let token = EndpointToken::parse(token).unwrap();
    let integrations: Vec<_> = model
        .values()
        .filter_map(|entry| variant!(entry, Entry::Integration(integration, tokens) => (integration, tokens)))
        .collect();
    let mut endpoints = Vec::new();
    for (integration, tokens) in integrations {
        let endpoint =
            |target| Endpoint { token: token.clone(), integration: Arc::clone(integration), target };
        if integration.endpoint_type == EndpointType::Shared && tokens.contains(&token) {
            endpoints.push(endpoint(Target::Shared));
        }
        for entry in model.values() {
            let Entry::Deployment(deployment, tokens, flow_tokens) = entry else { continue };
            if deployment.name.integration != integration.id {
                continue;
            }
            if integration.endpoint_type == EndpointType::InstanceSpecific && tokens.contains(&token) {
                endpoints.push(endpoint(Target::Deployment(Arc::clone(deployment))));
            }
            for (flow, tokens) in flow_tokens {
                if integration.endpoint_type == EndpointType::FlowSpecific && tokens.contains(&token) {
                    endpoints.push(endpoint(Target::Flow(Arc::clone(deployment), flow.clone())));
                }
            }
        }
    }
    endpoints
}

fn infallible<T>(Ok(value): Result<T, Infallible>) -> T {
    value
}

fn the_one<T>(items: impl Iterator<Item = T>) -> Option<T> {
    let mut items: Vec<T> = items.collect();
    if items.len() == 1 { items.pop() } else { None }
}

fn pairs<'a, A, B>(left: &'a [A], right: &'a [B]) -> impl Iterator<Item = (&'a A, &'a B)> {
    left.iter().flat_map(move |left| right.iter().map(move |right| (left, right)))
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let endpoint_type =
        select(vec![EndpointType::Shared, EndpointType::InstanceSpecific, EndpointType::FlowSpecific]);
    let tokens = || vec(select(TOKENS.to_vec()), 0..3);
    let name =
        || (select(INTEGRATIONS.to_vec()), select(IDS.to_vec())).prop_map(|(i, id)| format!("{i}/{id}"));
    let id = || select(IDS.to_vec());
    let text = || select(TEXTS.to_vec());
    prop_oneof![
        (select(INTEGRATIONS.to_vec()), endpoint_type, tokens())
            .prop_map(|(id, endpoint_type, tokens)| integration(id, endpoint_type, &tokens)),
        (id(), text()).prop_map(|(id, external_id)| customer(id, external_id)),
        (name(), text(), id()).prop_map(|(name, source_id, customer)| mapping(&name, source_id, customer)),
        (name(), id(), any::<bool>(), tokens(), tokens()).prop_map(|(name, customer, paused, own, flow)| {
            deployment(&name, customer, paused, &own, &flow)
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// However a table came to hold what it holds, it answers as the rules say, and as one that is built at once.
    #[test]
    fn a_table_answers_by_what_it_holds(
        changes in vec((any_entry(), prop::bool::weighted(0.7)), 0..40),
        seed: proptest::sample::Index,
    ) {
        let (mut table, mut model) = (Table::new(), Model::new());
        let middle = seed.index(changes.len() + 1);
        let mut kept = None;
        for (step, (entry, is_upsert)) in changes.into_iter().enumerate() {
            if step == middle {
                kept = Some((table.clone(), answers_of_model(&model)));
            }
            let name = entry.name();
            if is_upsert {
                model.insert(name, entry.clone());
                table.upsert(entry);
            } else {
                model.remove(&name);
                table.remove(&name);
            }
        }
        let expected = answers_of_model(&model);
        prop_assert_eq!(&answers_of_table(&table), &expected);

        let mut entries: Vec<Entry> = model.into_values().collect();
        prop_assert_eq!(&answers_of_table(&super::table(entries.clone())), &expected);
        entries.reverse();
        prop_assert_eq!(&answers_of_table(&super::table(entries)), &expected);

        if let Some((kept, then)) = kept {
            prop_assert_eq!(&answers_of_table(&kept), &then, "a clone changed");
        }
    }

    /// The order of the changes within one commit does not show.
    #[test]
    fn the_order_of_a_commit_does_not_show(
        before in vec(any_entry(), 0..20),
        commit in vec(any_entry(), 0..10),
    ) {
        // A commit names each resource once.
        let commit: Model = commit.into_iter().map(|entry| (entry.name(), entry)).collect();
        let (mut forth, mut back) = (super::table(before.clone()), super::table(before));
        commit.values().for_each(|entry| forth.upsert(entry.clone()));
        commit.values().rev().for_each(|entry| back.upsert(entry.clone()));
        prop_assert_eq!(answers_of_table(&forth), answers_of_table(&back));
    }
}
