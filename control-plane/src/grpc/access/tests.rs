use std::collections::BTreeSet;

use super::*;

/// What the descriptors hold and is not served here: vendors serve it.
const SERVED_ELSEWHERE: &str = "pointsman.preprocess.v1.PreprocessService";

fn methods() -> BTreeSet<String> {
    let services = pointsman_proto::descriptor_pool().services();
    let ours = services.filter(|service| service.full_name().starts_with("pointsman."));
    ours.filter(|service| service.full_name() != SERVED_ELSEWHERE)
        .flat_map(|service| {
            let methods = service.methods();
            methods.map(|method| format!("{}/{}", service.full_name(), method.name())).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn the_table_holds_every_method_and_no_other() {
    let table: BTreeSet<_> =
        requirements().map(|(method, _)| method).filter(|method| method.starts_with("pointsman.")).collect();
    assert_eq!(table, methods());
}

#[test]
fn each_method_of_ours_asks_for_a_role_and_admins_may_call_it() {
    for method in methods() {
        let Some(Roles(roles)) = requirement(&method) else { panic!("{method} asks for nothing") };
        assert!(roles.contains(&Role::Admin), "{method}");
    }
}

#[test]
fn what_is_not_in_the_table_is_not_found() {
    for method in [
        "",
        "/",
        "pointsman.admin.v1.CustomerService",
        "pointsman.admin.v1.CustomerService/",
        "pointsman.admin.v1.CustomerService/Getcustomer",
        "pointsman.admin.v1.CustomerService/GetCustomer/",
        "pointsman.preprocess.v1.PreprocessService/Preprocess",
        "grpc.health.v1.Health/List",
    ] {
        assert_eq!(requirement(method), None, "{method}");
    }
}
