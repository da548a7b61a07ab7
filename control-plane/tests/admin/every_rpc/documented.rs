//! docs/admin-api.md names every RPC.

use std::collections::{BTreeMap, BTreeSet};

use super::wire::methods;

#[test]
fn every_rpc_is_in_the_document_and_no_other() {
    let document = include_str!("../../../../docs/admin-api.md");
    let (_, services) = document.split_once("\n## Services\n").unwrap();
    let services = services.split_once("\n## ").map_or(services, |(services, _)| services);
    let rows = services.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<BTreeSet<_>>();
    let documented: BTreeMap<_, _> =
        rows.map(|(service, cells)| (service.to_owned(), code(cells.split(" | ").next().unwrap()))).collect();
    let mut served = BTreeMap::<String, BTreeSet<String>>::new();
    for method in methods() {
        let service = method.parent_service().name().to_owned();
        served.entry(service).or_default().insert(method.name().to_owned());
    }
    assert_eq!(documented, served);
}
