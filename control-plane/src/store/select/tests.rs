use std::ops::ControlFlow;

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec};

use super::{Scope, Selection};
use crate::{
    domain::{
        CustomerSpec, MappingSpec,
        filter::{Field, Filter},
    },
    publisher::Settings,
    store::{Snapshot, StoreError, Table},
    testkit::{Plane, acme, put, put_acme, put_customer, put_deployment, put_mapping},
};

fn filter(text: &str, fields: &[Field]) -> Filter {
    Filter::parse(text, fields).unwrap()
}

/// How SQLite would find the rows.
fn plan<K: Table>(snapshot: &Snapshot<'_>, scope: Option<&Scope>, filter: &Filter) -> String {
    let selection = Selection { scope, after: "integrations/a", filter, passed_over_max: 1 };
    let query = selection.query::<K>().unwrap();
    let mut statement = snapshot.connection.prepare(&format!("EXPLAIN QUERY PLAN {}", query.sql)).unwrap();
    let rows = statement.query_map(rusqlite::params_from_iter(query.params), |row| row.get::<_, String>(3));
    rows.unwrap().map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn what_has_an_index_is_found_by_it() {
    let plane = Plane::new(Settings::default());
    let plans = |snapshot: &Snapshot<'_>| {
        let acme = Scope::below(&"integrations/acme".parse().unwrap());
        let mapping =
            |scope, text| plan::<MappingSpec>(snapshot, scope, &filter(text, Field::OF_CUSTOMER_MAPPINGS));
        let deployment =
            |scope, text| plan::<DeploymentSpec>(snapshot, scope, &filter(text, Field::OF_DEPLOYMENTS));
        let customer = |text| plan::<CustomerSpec>(snapshot, None, &filter(text, Field::OF_CUSTOMERS));
        Ok::<_, StoreError>([
            (customer("external_id = x"), "SEARCH customers USING INDEX"),
            (customer("external_id = x"), "(external_id=?"),
            (mapping(Some(&acme), "source_customer_id = x"), "(integration=? AND source_customer_id=?"),
            (mapping(None, "source_customer_id = x"), "(integration=? AND source_customer_id=?"),
            (mapping(None, "customer = customers/x"), "customer_mappings_by_customer (customer=? AND name>?"),
            (
                mapping(Some(&acme), "customer = customers/x AND owner = a"),
                "customer_mappings_by_customer (customer=? AND name>? AND name<?)",
            ),
            (deployment(None, "customer = customers/x"), "deployments_by_customer (customer=? AND name>?"),
            // Without an index: from the place on, in the order of names.
            (mapping(Some(&acme), "owner = a"), "USING PRIMARY KEY (name>? AND name<?)"),
            (mapping(None, ""), "USING PRIMARY KEY (name>?)"),
        ])
    };
    for (plan, expected) in plane.store.read(move |snapshot| plans(snapshot)).await.unwrap() {
        assert!(plan.contains(expected), "{plan}: no {expected}");
        let sorts = plan.contains("TEMP B-TREE");
        let few = plan.contains("integration=?") || plan.contains("external_id=?");
        assert!(!sorts || few, "{plan}");
    }
}

#[tokio::test]
async fn every_field_of_a_kind_has_a_column() {
    fn columns<K: Table>(fields: &[Field]) {
        for field in fields {
            assert!(K::column(*field).is_some(), "{} of {}", field.name(), K::TABLE);
        }
    }
    columns::<IntegrationSpec>(Field::OF_INTEGRATIONS);
    columns::<CustomerSpec>(Field::OF_CUSTOMERS);
    columns::<MappingSpec>(Field::OF_CUSTOMER_MAPPINGS);
    columns::<DeploymentSpec>(Field::OF_DEPLOYMENTS);
}

/// The names that are handed out, and where it ended for having passed over too much.
fn select<K: Table>(
    snapshot: &Snapshot<'_>,
    scope: Option<&Scope>,
    after: &str,
    (filter, passed_over_max): (&Filter, usize),
) -> (Vec<String>, Option<String>) {
    let mut names = Vec::new();
    let selection = Selection { scope, after, filter, passed_over_max };
    let up_to = snapshot.select::<K, StoreError>(&selection, |resource| {
        names.push(resource.name.to_string());
        Ok(ControlFlow::Continue(()))
    });
    (names, up_to.unwrap())
}

#[tokio::test]
async fn a_bounded_number_of_rows_is_passed_over_and_none_is_skipped() {
    let plane = Plane::new(Settings::default());
    let fill = |tx: &mut crate::store::WriteTransaction<'_>| {
        put_acme(tx, "acme", acme());
        for index in 0..40 {
            put_customer(tx, &format!("c{index:02}"), &format!("id-{index}"));
            put_deployment(tx, "acme", &format!("d{index:02}"), &format!("c{index:02}"), index % 10 == 7);
        }
    };
    plane.write(fill).await;
    let read = |snapshot: &Snapshot<'_>| {
        let paused = filter("state = STATE_PAUSED", Field::OF_DEPLOYMENTS);
        let (mut names, mut after, mut calls) = (Vec::new(), String::new(), 0);
        loop {
            let (more, up_to) = select::<DeploymentSpec>(snapshot, None, &after, (&paused, 3));
            names.extend(more);
            calls += 1;
            match up_to {
                Some(up_to) => after = up_to,
                None => break,
            }
        }
        Ok::<_, StoreError>((names, calls))
    };
    let (names, calls) = plane.store.read(move |snapshot| read(snapshot)).await.unwrap();
    let expected: Vec<_> =
        ["07", "17", "27", "37"].map(|n| format!("integrations/acme/deployments/d{n}")).into();
    assert_eq!(names, expected);
    assert_eq!(calls, 36 / 3 + 1);
}

#[tokio::test]
async fn a_scope_holds_what_lies_in_it_and_no_neighbour() {
    let plane = Plane::new(Settings::default());
    let fill = |tx: &mut crate::store::WriteTransaction<'_>| {
        put_customer(tx, "c", "id");
        for id in ["a", "a-b", "a.b", "a0", "ab"] {
            put(tx, &format!("integrations/{id}"), acme(), Vec::new());
            put_mapping(tx, &format!("integrations/{id}/customerMappings/m"), "x", "c");
        }
    };
    plane.write(fill).await;
    let read = |snapshot: &Snapshot<'_>| {
        let (below, only) = (
            Scope::below(&"integrations/a".parse().unwrap()),
            Scope::only(&"integrations/a".parse().unwrap()),
        );
        let none = Filter::none();
        let x = filter("source_customer_id = x", Field::OF_CUSTOMER_MAPPINGS);
        Ok::<_, StoreError>((
            select::<MappingSpec>(snapshot, Some(&below), "", (&none, 9)).0,
            select::<MappingSpec>(snapshot, Some(&below), "integrations/a/customerMappings/m", (&none, 9)).0,
            select::<IntegrationSpec>(snapshot, Some(&only), "", (&none, 9)).0,
            select::<IntegrationSpec>(snapshot, Some(&only), "integrations/a", (&none, 9)).0,
            select::<MappingSpec>(snapshot, Some(&below), "", (&x, 9)).0,
            select::<MappingSpec>(snapshot, None, "integrations/a.b/customerMappings/m", (&x, 9)).0,
        ))
    };
    let found = plane.store.read(move |snapshot| read(snapshot)).await.unwrap();
    let (below, behind, only, behind_only, x, x_behind) = found;
    assert_eq!(below, ["integrations/a/customerMappings/m"]);
    assert_eq!(behind, <[&str; 0]>::default());
    assert_eq!(only, ["integrations/a"]);
    assert_eq!(behind_only, <[&str; 0]>::default());
    assert_eq!(x, ["integrations/a/customerMappings/m"]);
    let rest = [
        "integrations/a/customerMappings/m",
        "integrations/a0/customerMappings/m",
        "integrations/ab/customerMappings/m",
    ];
    assert_eq!(x_behind, rest);
}
