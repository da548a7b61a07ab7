//! Manifests of several owners: what is whose, what is pruned, what is taken over, and what was shown before.

use pointsman_proto::admin::v1::{deployment::State, manifest_change::Action, *};
use rusqlite::Connection;
use tonic::{Code, Status};

use crate::harness::{ControlPlane, acme, customer, deployment, mapping, said, unshared};

/// A manifest as its owner applies it.
pub(crate) fn of(owner: &str, manifest: Manifest) -> ApplyManifestRequest {
    ApplyManifestRequest { manifest: Some(manifest), owner: owner.to_owned(), ..Default::default() }
}

/// The same, with what it does not name removed.
pub(crate) fn pruning(owner: &str, manifest: Manifest) -> ApplyManifestRequest {
    ApplyManifestRequest { prune: true, ..of(owner, manifest) }
}

impl ControlPlane {
    pub(crate) async fn ask(&self, request: ApplyManifestRequest) -> Result<ApplyManifestResponse, Status> {
        self.manifests().apply_manifest(request).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn export_of(&self, owner: &str) -> Manifest {
        let request = ExportManifestRequest { owner: owner.to_owned(), ..Default::default() };
        let exported = self.manifests().export_manifest(request).await.unwrap().into_inner();
        exported.manifest.unwrap()
    }
}

/// What was done, but for what was so already.
fn done(answer: &ApplyManifestResponse) -> Vec<(Action, &str)> {
    let changed = answer.changes.iter().filter(|change| change.action() != Action::Unchanged);
    changed.map(|change| (change.action(), change.name.as_str())).collect()
}

fn customers(names: &[(&str, &str)]) -> Manifest {
    let customers = names.iter().map(|(id, external)| customer(&format!("customers/{id}"), external));
    Manifest { customers: customers.collect(), ..Manifest::default() }
}

#[tokio::test]
async fn each_resource_remembers_whose_it_is() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1")]))).await.unwrap();
    plane.apply(customers(&[("b", "2")])).await.unwrap();
    plane.create_customer("c", customer("", "3")).await.unwrap();
    assert_eq!(plane.customer("customers/a").await.owner, "crm");
    assert_eq!(plane.customer("customers/b").await.owner, "default");
    assert_eq!(plane.customer("customers/c").await.owner, "default");
    // A single call changes what anybody has, and it stays theirs.
    let renamed = Customer { display_name: "A".into(), ..customer("customers/a", "1") };
    plane.update_customer(renamed, &["display_name"]).await.unwrap();
    assert_eq!(plane.customer("customers/a").await.owner, "crm");

    assert_eq!(plane.export_of("crm").await.customers.len(), 1);
    assert_eq!(plane.export_of("default").await, customers(&[("b", "2"), ("c", "3")]));
    assert_eq!(plane.export_of("nobody").await, Manifest::default());
}

#[tokio::test]
async fn an_owner_is_named_like_an_id() {
    let plane = ControlPlane::start().await;
    let refused = said(plane.ask(of("the crm", Manifest::default())).await);
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["owner"]));
    let request = ExportManifestRequest { owner: "-".into(), ..Default::default() };
    assert_eq!(said(plane.manifests().export_manifest(request).await).fields(), ["owner"]);
}

#[tokio::test]
async fn what_another_owner_has_is_not_changed_unless_it_is_adopted() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1"), ("b", "2"), ("c", "3")]))).await.unwrap();
    // Two differ, one does not.
    let wanted = customers(&[("a", "1"), ("b", "20"), ("c", "30")]);
    let refused = said(plane.ask(of("billing", wanted.clone())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "OWNED_BY_ANOTHER"));
    let named: Vec<_> = refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
    assert_eq!(named, ["customers/b", "customers/c"]);
    assert_eq!(refused.fields(), ["manifest.customers[1].name", "manifest.customers[2].name"]);
    assert!(refused.preconditions[0].2.contains("\"crm\""), "{refused:?}");

    // What is so already is nobody's quarrel, and stays whose it is.
    let same = plane.ask(of("billing", customers(&[("a", "1")]))).await.unwrap();
    assert_eq!((done(&same), same.revision), (vec![], 1));
    assert_eq!(plane.customer("customers/a").await.owner, "crm");

    let adopted = ApplyManifestRequest { adopt: true, ..of("billing", wanted) };
    let answer = plane.ask(adopted.clone()).await.unwrap();
    assert_eq!(
        answer.changes.iter().map(|change| change.adopted_from.as_str()).collect::<Vec<_>>(),
        ["crm"; 3]
    );
    assert_eq!(answer.changes[0].action(), Action::Updated);
    let owner = &answer.changes[0].changes[..];
    let [FieldChange { field, before: Some(before), after: Some(after), reroutes: false }] = owner else {
        panic!("{owner:?}")
    };
    assert_eq!((field.as_str(), before.as_str(), after.as_str()), ("owner", "crm", "billing"));
    assert_eq!(plane.customer("customers/c").await.owner, "billing");
    assert_eq!(plane.export_of("crm").await, Manifest::default());
    // Adopting again adopts nothing.
    let again = plane.ask(adopted).await.unwrap();
    assert_eq!((done(&again), again.revision), (vec![], 2));
    assert!(again.changes.iter().all(|change| change.adopted_from.is_empty()));
}

#[tokio::test]
async fn fields_are_told_before_and_after() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.customers[0].external_id = "progix-9".into();
    manifest.customers[0].display_name = "Bowlers".into();
    let answer = plane.apply(manifest).await.unwrap();
    let [display, external] = &answer.changes[1].changes[..] else { panic!("{answer:?}") };
    assert_eq!((display.field.as_str(), &display.before, display.reroutes), ("display_name", &None, false));
    assert_eq!(display.after.as_deref(), Some("Bowlers"));
    assert_eq!((external.field.as_str(), external.reroutes), ("external_id", true));
    assert_eq!(external.before.as_deref(), Some("progix-1001"));
    // One that is new or as it was has none.
    assert!(
        answer
            .changes
            .iter()
            .filter(|change| change.action() != Action::Updated)
            .all(|change| change.changes.is_empty())
    );
}

#[tokio::test]
async fn only_what_is_the_owners_is_pruned_and_only_where_it_is_asked_for() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1"), ("b", "2"), ("c", "3")]))).await.unwrap();
    plane.apply(customers(&[("z", "26")])).await.unwrap();
    let less = customers(&[("a", "1"), ("b", "2")]);
    let kept = plane.ask(of("crm", less.clone())).await.unwrap();
    assert_eq!((done(&kept), kept.revision), (vec![], 2));
    let pruned = plane.ask(pruning("crm", less.clone())).await.unwrap();
    assert_eq!((done(&pruned), pruned.revision), (vec![(Action::Removed, "customers/c")], 3));
    assert_eq!(plane.export().await.manifest.unwrap(), customers(&[("a", "1"), ("b", "2"), ("z", "26")]));
    // Its unique values are free, in the same step even.
    let swapped = customers(&[("a", "1"), ("d", "2")]);
    let pruned = plane.ask(pruning("crm", swapped)).await.unwrap();
    assert_eq!(done(&pruned), [(Action::Created, "customers/d"), (Action::Removed, "customers/b")]);
}

#[tokio::test]
async fn what_others_use_is_not_pruned_and_its_users_are_named() {
    let plane = ControlPlane::start().await;
    let acme = acme();
    let base = Manifest { deployments: vec![], customer_mappings: vec![], ..acme.clone() };
    plane.ask(of("base", base.clone())).await.unwrap();
    let used = Manifest {
        deployments: acme.deployments.clone(),
        customer_mappings: acme.customer_mappings.clone(),
        ..Manifest::default()
    };
    plane.ask(of("rollout", used)).await.unwrap();

    let mut less = base.clone();
    less.customers.remove(1);
    let refused = said(plane.ask(pruning("base", less.clone())).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "IN_USE"));
    let named: Vec<_> = refused.preconditions.iter().map(|(_, subject, _)| subject.as_str()).collect();
    assert_eq!(
        named,
        ["integrations/acme-erp/deployments/gamma-llc", "integrations/acme-erp/customerMappings/c3e72b0c"]
    );
    assert!(refused.preconditions[0].2.contains("customers/gamma-llc cannot be removed"), "{refused:?}");
    assert!(refused.preconditions[0].2.contains("of the owner \"rollout\""), "{refused:?}");

    // A manifest that names the user with another customer takes the use away.
    less.deployments = vec![Deployment {
        state: State::Paused.into(),
        ..deployment("integrations/acme-erp/deployments/gamma-llc", "customers/bowlers-inc")
    }];
    less.customer_mappings =
        vec![mapping("integrations/acme-erp/customerMappings/c3e72b0c", "C3E72B0C", "customers/bowlers-inc")];
    let request = ApplyManifestRequest { adopt: true, ..pruning("base", less) };
    let answer = plane.ask(request).await.unwrap();
    assert_eq!(answer.changes.last().unwrap().name, "customers/gamma-llc");
}

#[tokio::test]
async fn a_resource_of_the_manifest_cannot_use_what_is_pruned() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.customers.remove(1);
    manifest.deployments[1].display_name = "Gamma".into();
    let refused = said(plane.ask(pruning("", manifest)).await);
    // The one that changes is told of its field, the other one of its use.
    assert_eq!(refused.fields(), ["manifest.deployments[1].customer"]);
    let kinds: Vec<_> =
        refused.preconditions.iter().map(|(kind, subject, _)| (kind.as_str(), subject.as_str())).collect();
    assert_eq!(
        kinds,
        [
            ("CUSTOMER_NOT_FOUND", "customers/gamma-llc"),
            ("IN_USE", "integrations/acme-erp/customerMappings/c3e72b0c")
        ]
    );
}

#[tokio::test]
async fn a_whole_integration_is_pruned_with_all_that_lies_in_it() {
    let plane = ControlPlane::with_acme().await;
    let more = Manifest {
        customers: ["a", "b", "c", "d", "e", "f", "g"]
            .map(|id| customer(&format!("customers/{id}"), id))
            .into(),
        ..Manifest::default()
    };
    plane.apply(more.clone()).await.unwrap();
    let kept = Manifest { customers: [more.customers, acme().customers].concat(), ..Manifest::default() };
    let answer = plane.ask(pruning("", kept.clone())).await.unwrap();
    assert_eq!(answer.revision, 3);
    assert_eq!(
        done(&answer).iter().map(|(_, name)| *name).collect::<Vec<_>>(),
        [
            "integrations/acme-erp/deployments/bowlers-inc",
            "integrations/acme-erp/deployments/gamma-llc",
            "integrations/acme-erp/customerMappings/a06dffac",
            "integrations/acme-erp/customerMappings/c3e72b0c",
            "integrations/acme-erp",
        ]
    );
    assert_eq!(plane.export().await.manifest.unwrap().integrations, []);
    // It can come back, as another one.
    plane.apply(acme()).await.unwrap();
}

#[tokio::test]
async fn most_of_what_an_owner_has_is_not_pruned_by_mistake() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]))).await.unwrap();
    plane.apply(customers(&[("z", "26")])).await.unwrap();
    for (left, count) in
        [(Manifest::default(), "all 4 resources"), (customers(&[("a", "1")]), "3 of the 4 resources")]
    {
        let refused = said(plane.ask(pruning("crm", left.clone())).await);
        assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "MASS_REMOVAL"));
        assert!(refused.fields["prune"].contains(count), "{refused:?}");
        // A dry run says the same.
        let dry = ApplyManifestRequest { validate_only: true, ..pruning("crm", left) };
        assert_eq!(said(plane.ask(dry).await).reason, "MASS_REMOVAL");
    }
    // Half of it is no more than half.
    plane.ask(pruning("crm", customers(&[("a", "1"), ("b", "2")]))).await.unwrap();
    let all = ApplyManifestRequest { allow_mass_removal: true, ..pruning("crm", Manifest::default()) };
    assert_eq!(done(&plane.ask(all).await.unwrap()).len(), 2);
    assert_eq!(plane.export().await.manifest.unwrap(), customers(&[("z", "26")]));
    // Who has nothing loses nothing.
    plane.ask(pruning("crm", Manifest::default())).await.unwrap();
}

#[tokio::test]
async fn what_was_shown_is_what_is_done_or_nothing_is() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.customers[0].external_id = "progix-9".into();
    let show = ApplyManifestRequest { validate_only: true, ..of("", manifest.clone()) };
    let shown = plane.ask(show.clone()).await.unwrap();
    assert!(!shown.plan.is_empty());
    let request = ApplyManifestRequest { expected_plan: shown.plan.clone(), ..of("", manifest) };

    // What has nothing to do with it does not matter.
    plane.create_customer("other", customer("", "other")).await.unwrap();
    assert_eq!(plane.ask(show.clone()).await.unwrap().plan, shown.plan);
    // Somebody changes what is to be changed, and then puts it back.
    for (external_id, same) in [("progix-5", false), ("progix-1001", true)] {
        plane
            .update_customer(customer("customers/bowlers-inc", external_id), &["external_id"])
            .await
            .unwrap();
        if !same {
            let before = plane.export().await;
            let refused = said(plane.ask(request.clone()).await);
            assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "PLAN_CHANGED"));
            assert_eq!(plane.export().await, before);
        }
    }
    let applied = plane.ask(request.clone()).await.unwrap();
    assert_eq!((applied.plan, applied.changes), (shown.plan, shown.changes));
    assert_eq!(plane.customer("customers/bowlers-inc").await.external_id, "progix-9");
    // Done is done: there is nothing of what was shown left to do.
    assert_eq!(said(plane.ask(request).await).reason, "PLAN_CHANGED");
}

#[tokio::test]
async fn a_dry_run_prunes_and_adopts_nothing() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1"), ("b", "2")]))).await.unwrap();
    plane.apply(customers(&[("z", "26")])).await.unwrap();
    let before = plane.export().await;
    let wanted = customers(&[("a", "1"), ("z", "27")]);
    let dry = ApplyManifestRequest { validate_only: true, adopt: true, ..pruning("crm", wanted) };
    let answer = plane.ask(dry).await.unwrap();
    assert_eq!(done(&answer), [(Action::Updated, "customers/z"), (Action::Removed, "customers/b")]);
    assert_eq!(answer.revision, before.revision);
    assert_eq!(plane.export().await, before);
    assert_eq!(plane.customer("customers/z").await.owner, "default");
}

#[tokio::test]
async fn the_audit_has_each_change_of_a_manifest_and_none_of_a_dry_run() {
    let plane = ControlPlane::start().await;
    plane.ask(of("crm", customers(&[("a", "1"), ("b", "2")]))).await.unwrap();
    let request = ApplyManifestRequest { adopt: true, ..pruning("billing", customers(&[("a", "10")])) };
    plane.ask(ApplyManifestRequest { validate_only: true, ..request.clone() }).await.unwrap();
    plane.ask(request).await.unwrap();
    plane
        .ask(ApplyManifestRequest { allow_mass_removal: true, ..pruning("billing", Manifest::default()) })
        .await
        .unwrap();
    let database = Connection::open(plane.data().join("pointsman.db")).unwrap();
    let sql = "SELECT revision || ' ' || action || ' ' || resource || ' ' || reroutes || ' ' || method FROM audit_entries \
               ORDER BY id";
    let mut statement = database.prepare(sql).unwrap();
    let told: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let expected = [
        "1 created customers/a 0",
        "1 created customers/b 0",
        "2 updated customers/a 1",
        "3 removed customers/a 1",
    ];
    let method = "pointsman.admin.v1.ManifestService/ApplyManifest";
    assert_eq!(told, expected.map(|entry| format!("{entry} {method}")));
    let changes: String = database
        .query_row("SELECT changes FROM audit_entries WHERE revision = 2", [], |row| row.get(0))
        .unwrap();
    for part in [r#""before":"crm","after":"billing""#, r#""field":"external_id","before":"1","after":"10""#]
    {
        assert!(changes.contains(part), "{changes}");
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_was() {
    let plane = ControlPlane::start().await;
    let request = ApplyManifestRequest { request_id: "once".into(), ..of("crm", customers(&[("a", "1")])) };
    let first = plane.ask(request.clone()).await.unwrap();
    assert_eq!(plane.ask(request.clone()).await.unwrap(), first);
    let other = ApplyManifestRequest { prune: true, ..request };
    assert_eq!(said(plane.ask(other).await).reason, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn deployments_of_a_type_without_shared_endpoints_can_have_any_number_per_customer() {
    let plane = ControlPlane::start().await;
    let integration = unshared("integrations/own", EndpointType::InstanceSpecific);
    let deployments = (0..30).map(|id| Deployment {
        flow_endpoints: [("main".to_owned(), crate::harness::url("http://127.0.0.1/"))].into(),
        ..deployment(&format!("integrations/own/deployments/d{id}"), "customers/a")
    });
    let mut manifest = Manifest {
        integrations: vec![integration],
        deployments: deployments.collect(),
        ..customers(&[("a", "1")])
    };
    plane.apply(manifest.clone()).await.unwrap();
    // As a shared one it is refused, however many they are.
    let endpoint = manifest.integrations[0].endpoint.as_mut().unwrap();
    endpoint.r#type = EndpointType::Shared.into();
    endpoint.external_customer_id = Some(crate::harness::reference("results.headers.x"));
    let refused = said(plane.apply(manifest.clone()).await);
    assert_eq!(refused.reason, "DEPLOYMENT_ALREADY_ENABLED");
    // All of them change with it: all but the first are told.
    manifest.deployments.iter_mut().for_each(|deployment| deployment.display_name = "x".into());
    let refused = said(plane.apply(manifest).await);
    assert_eq!(refused.reason, "DEPLOYMENT_ALREADY_ENABLED");
    assert!(!refused.fields().contains(&"manifest.deployments[0].state"), "{refused:?}");
}
