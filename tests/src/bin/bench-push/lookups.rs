//! A look-up in the edge's table, beside one in a `HashMap` of the same entries. Who looks has the integration from the
//! endpoint, and so is handed the id that all of its mappings share.

use std::{collections::HashMap, hint::black_box, sync::Arc, time::Instant};

use pointsman_routing::{
    deployment::{Customer, CustomerMapping},
    directory::Directory as _,
    integration::{EndpointType, FlowSpec, Integration, IntegrationSpec},
    name::{CustomerId, IntegrationId},
    source::ValueSourceSpec,
    table::{Entry, Table},
};

use crate::{data::Data, report::Report};

/// The best of so many runs counts, for either.
const RUNS: usize = 3;
/// A prime: neighbours do not have neighbours.
const STEP: usize = 7_919;

pub(crate) fn measure(report: &mut Report, data: &Data) {
    let integrations: Vec<_> = (0..data.mapped()).map(integration).collect();
    let id = |mapping: usize| integrations[data.integration_of(mapping)].id.clone();
    let ids: Vec<_> = (0..data.mappings).map(|n| (id(n), Data::source(n))).collect();
    let order: Vec<_> = (0..ids.len()).map(|n| n.wrapping_mul(STEP) % ids.len()).collect();

    let key = |(integration, source): &(IntegrationId, String)| format!("{}/{source}", integration.as_str());
    let map: HashMap<String, usize> = ids.iter().map(key).zip(0..).collect();
    let keys: Vec<_> = ids.iter().map(key).collect();
    let of_map = best(&order, |n| {
        black_box(map.get(&keys[n])).expect("it is there");
    });
    drop((map, keys));

    let mut table = Table::new();
    for integration in &integrations {
        table.upsert(Entry::Integration(Arc::clone(integration), Vec::new()));
    }
    for n in 0..data.customers {
        let id = CustomerId::parse(&format!("customer-{n}")).expect("an id");
        table.upsert(Entry::Customer(Customer::parse(id, &format!("external-{n}")).expect("a customer")));
    }
    for (n, (integration, source)) in ids.iter().enumerate() {
        let name = format!("{integration}/customerMappings/{source}").parse().expect("a name");
        let mapping = CustomerMapping::parse(name, source, &Data::customer(n % data.customers));
        table.upsert(Entry::CustomerMapping(mapping.expect("a mapping")));
    }
    let of_table = best(&order, |n| {
        let (integration, source) = &ids[n];
        let Ok(found) = black_box(table.mapping(integration, source));
        found.expect("it is there");
    });
    report.lookups(of_table, of_map);
}

fn integration(n: usize) -> Arc<Integration> {
    let id: IntegrationId = Data::integration_name(n).parse().expect("the name of an integration");
    let reference = Some("results.body.data.customerId".to_owned());
    let customer = ValueSourceSpec { reference, lookup_customer_mappings: true, ..Default::default() };
    let spec = IntegrationSpec {
        flows: vec![FlowSpec { key: "orders".to_owned(), name: "Orders".to_owned() }],
        endpoint_type: Some(EndpointType::Shared),
        external_customer_id: Some(customer),
        ..IntegrationSpec::default()
    };
    Arc::new(Integration::parse(id, spec).expect("an integration"))
}

/// Nanoseconds of each.
fn best(order: &[usize], mut look_up: impl FnMut(usize)) -> f64 {
    let runs = (0..RUNS).map(|_| {
        let started = Instant::now();
        order.iter().for_each(|&n| look_up(n));
        started.elapsed().as_secs_f64() * 1e9 / crate::report::number(order.len())
    });
    runs.fold(f64::INFINITY, f64::min)
}
