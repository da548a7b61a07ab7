//! Manifests: a state as a whole, in one transaction.

use std::collections::BTreeMap;

use pointsman_proto::admin::v1::{deployment::State, manifest_change::Action, *};
use proptest::prelude::*;
use tonic::{Code, Status};

use crate::harness::{
    ControlPlane, acme, customer, deployment, flow, mapping, reference, said, unshared, url,
};

fn actions(answer: &ApplyManifestResponse) -> Vec<Action> {
    answer.changes.iter().map(ManifestChange::action).collect()
}

#[tokio::test]
async fn applying_again_changes_nothing() {
    let plane = ControlPlane::start().await;
    let first = plane.apply(acme()).await.unwrap();
    assert_eq!((first.revision, actions(&first)), (1, vec![Action::Created; 7]));
    assert_eq!(first.changes[1].name, "customers/bowlers-inc");
    let exported = plane.export().await.manifest.unwrap();
    let again = plane.apply(exported).await.unwrap();
    assert_eq!((again.revision, actions(&again)), (1, vec![Action::Unchanged; 7]));

    // What Get answers, with all that is output only, changes nothing either.
    let integration = plane.integration("integrations/acme-erp").await;
    let stale = Integration { etag: "old".into(), uid: "other".into(), ..integration };
    let again = plane.apply(Manifest { integrations: vec![stale], ..Default::default() }).await.unwrap();
    assert_eq!((again.revision, actions(&again)), (1, vec![Action::Unchanged]));
}

#[tokio::test]
async fn an_export_applies_to_an_empty_database() {
    let plane = ControlPlane::with_acme().await;
    let mut exotic = unshared("integrations/exotic", EndpointType::FlowSpecific);
    exotic.endpoint.as_mut().unwrap().preprocess = Some(Preprocess {
        address: "unix:/run/x.sock".into(),
        timeout: Some(prost_types::Duration { seconds: 1, nanos: 500_000_001 }),
        metadata: [("authorization".to_owned(), "Bearer x".to_owned())].into(),
        body: PreprocessBody::None.into(),
    });
    let mut deployed = deployment("integrations/exotic/deployments/x", "customers/gamma-llc");
    let mut endpoint = url("https://example.com/?a=b");
    endpoint.headers = [("X-Key".to_owned(), "secret".to_owned())].into();
    endpoint.timeout = Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 });
    endpoint.retry_on_reset = true;
    deployed.flow_endpoints = [("main".to_owned(), endpoint)].into();
    deployed.state = State::Paused.into();
    let manifest = Manifest { integrations: vec![exotic], deployments: vec![deployed], ..Default::default() };
    plane.apply(manifest).await.unwrap();
    let exported = plane.export().await.manifest.unwrap();

    let other = ControlPlane::start().await;
    let mut with_secrets = exported.clone();
    let endpoint = with_secrets.integrations[1].endpoint.as_mut().unwrap();
    endpoint.preprocess.as_mut().unwrap().metadata.insert("authorization".into(), "Bearer x".into());
    let flows = &mut with_secrets.deployments[2].flow_endpoints;
    flows.get_mut("main").unwrap().headers.insert("X-Key".into(), "secret".into());
    let refused = said(other.apply(exported.clone()).await);
    assert_eq!(refused.fields.len(), 2, "what stands for secrets is none: {refused:?}");
    other.apply(with_secrets).await.unwrap();
    assert_eq!(other.export().await.manifest.unwrap(), exported);
}

#[tokio::test]
async fn only_what_differs_is_written() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.customer("customers/gamma-llc").await;
    let mut manifest = acme();
    manifest.customers[0].display_name = "Bowlers".into();
    manifest.deployments.push(Deployment {
        state: State::Paused.into(),
        ..deployment("integrations/acme-erp/deployments/more", "customers/gamma-llc")
    });
    let answer = plane.apply(manifest).await.unwrap();
    assert_eq!(answer.revision, 2);
    let Action::Updated = answer.changes[1].action() else { panic!("{answer:?}") };
    let Action::Created = answer.changes[7].action() else { panic!("{answer:?}") };
    assert_eq!(actions(&answer).iter().filter(|action| **action == Action::Unchanged).count(), 6);
    assert_eq!(plane.customer("customers/gamma-llc").await, before);
}

#[tokio::test]
async fn unique_values_can_be_swapped() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.customers[0].external_id = "progix-1002".into();
    manifest.customers[1].external_id = "progix-1001".into();
    manifest.customer_mappings[0].source_customer_id = "C3E72B0C".into();
    manifest.customer_mappings[1].source_customer_id = "A06DFFAC".into();
    plane.apply(manifest.clone()).await.unwrap();
    assert_eq!(plane.export().await.manifest.unwrap(), manifest);

    // And taken over from one that gives its own up, but not from one that is only not mentioned.
    let mut taken = Manifest { customers: vec![manifest.customers[0].clone()], ..Default::default() };
    taken.customers[0].external_id = "progix-1001".into();
    let refused = said(plane.apply(taken).await);
    assert_eq!(refused.preconditions[0].1, "customers/gamma-llc");
    assert_eq!(refused.fields(), ["manifest.customers[0].external_id"]);
}

#[tokio::test]
async fn a_flow_goes_from_an_integration_and_its_deployments_together() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.integrations[0].flows.pop();
    manifest.integrations[0].endpoint.as_mut().unwrap().flow_name = None;
    for deployment in &mut manifest.deployments {
        deployment.flow_endpoints.remove("create-order");
    }
    let kept = manifest.deployments.pop().unwrap();
    let refused = said(plane.apply(manifest.clone()).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_IN_USE"));
    assert_eq!(refused.preconditions.len(), 1);
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/gamma-llc");
    // A deployment that changes and keeps its URL is told so itself, and nobody else.
    let renamed = Deployment { display_name: "Gamma".into(), ..kept.clone() };
    manifest.deployments.push(renamed);
    manifest.deployments[1].flow_endpoints.insert("create-order".into(), url("http://127.0.0.1/"));
    let refused = said(plane.apply(manifest.clone()).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "FLOW_NOT_FOUND"));
    assert_eq!(refused.fields(), ["manifest.deployments[1].flow_endpoints[\"create-order\"]"]);
    manifest.deployments[1] = kept;
    plane.apply(manifest).await.unwrap();
}

#[tokio::test]
async fn a_deployment_moves_to_another_customer_in_one_step() {
    let plane = ControlPlane::with_acme().await;
    let mut manifest = acme();
    manifest.deployments[0].customer = "customers/gamma-llc".into();
    manifest.deployments[1].customer = "customers/bowlers-inc".into();
    plane.apply(manifest).await.unwrap();
    // One alone would be the customer's second.
    let mut alone = acme().deployments.swap_remove(0);
    alone.customer = "customers/bowlers-inc".into();
    let refused = said(plane.apply(Manifest { deployments: vec![alone], ..Default::default() }).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "DEPLOYMENT_ALREADY_ENABLED")
    );
}

#[tokio::test]
async fn of_two_that_are_enabled_in_one_manifest_the_later_is_refused() {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    manifest.deployments[1].customer = "customers/bowlers-inc".into();
    // An order of names that is not the manifest's.
    manifest.deployments[0].name = "integrations/acme-erp/deployments/zzz".into();
    let refused = said(plane.apply(manifest).await);
    assert_eq!(refused.fields(), ["manifest.deployments[1].state"]);
    assert_eq!(refused.preconditions[0].1, "integrations/acme-erp/deployments/zzz");
}

#[tokio::test]
async fn a_resource_stands_in_a_manifest_once() {
    let plane = ControlPlane::start().await;
    let mut manifest = acme();
    manifest.customers.push(customer("customers/bowlers-inc", "other"));
    manifest.customers.push(customer("bowlers-inc", "another"));
    let refused = said(plane.apply(manifest).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(refused.fields(), ["manifest.customers[2].name", "manifest.customers[3].name"]);
    assert!(refused.fields["manifest.customers[2].name"].contains("manifest.customers[0]"), "{refused:?}");
    assert_eq!(plane.revision().await, 0);
}

#[tokio::test]
async fn a_dry_run_tells_what_would_change() {
    let plane = ControlPlane::start().await;
    let request = ApplyManifestRequest {
        manifest: Some(acme()),
        validate_only: true,
        ..ApplyManifestRequest::default()
    };
    let answer = plane.manifests().apply_manifest(request).await.unwrap().into_inner();
    assert_eq!((answer.revision, actions(&answer)), (0, vec![Action::Created; 7]));
    assert_eq!(
        plane.export().await,
        ExportManifestResponse { manifest: Some(Manifest::default()), revision: 0 }
    );
}

/// What a small world can hold: valid most of the time, and broken in many ways.
#[derive(Clone, Debug)]
struct World {
    customers: BTreeMap<u8, u8>,
    shared: bool,
    flows: Vec<u8>,
    mappings: BTreeMap<u8, (u8, u8)>,
    deployments: BTreeMap<u8, (u8, Vec<u8>, bool)>,
}

fn worlds() -> impl Strategy<Value = World> {
    let few = 0..4_u8;
    (
        proptest::collection::btree_map(few.clone(), 0..8_u8, 2..4),
        any::<bool>(),
        proptest::sample::subsequence(vec![0, 1, 2], 2..=3),
        proptest::collection::btree_map(few.clone(), (0..8_u8, 0..3_u8), 0..3),
        proptest::collection::btree_map(
            few,
            (0..3_u8, proptest::sample::subsequence(vec![0, 1, 2], 0..=2), any::<bool>()),
            0..3,
        ),
    )
        .prop_map(|(customers, shared, flows, mappings, deployments)| World {
            customers,
            shared,
            flows,
            mappings,
            deployments,
        })
}

impl World {
    fn manifest(&self) -> Manifest {
        let mut integration = unshared("integrations/i", EndpointType::InstanceSpecific);
        let endpoint = integration.endpoint.as_mut().unwrap();
        if self.shared {
            endpoint.r#type = EndpointType::Shared.into();
            endpoint.external_customer_id = Some(reference("results.body.data.id"));
        }
        endpoint.flow_name = Some(reference("results.body.data.flow"));
        integration.flows = self.flows.iter().map(|key| flow(&format!("f{key}"), "")).collect();
        let deployed = |(id, (to, flows, paused)): (&u8, &(u8, Vec<u8>, bool))| Deployment {
            flow_endpoints: flows.iter().map(|key| (format!("f{key}"), url("http://127.0.0.1/"))).collect(),
            state: if *paused { State::Paused } else { State::Enabled }.into(),
            ..deployment(&format!("integrations/i/deployments/d{id}"), &format!("customers/c{to}"))
        };
        let mapped = |(id, (source, to)): (&u8, &(u8, u8))| {
            mapping(
                &format!("integrations/i/customerMappings/m{id}"),
                &format!("s{source}"),
                &format!("customers/c{to}"),
            )
        };
        Manifest {
            integrations: vec![integration],
            customers: self
                .customers
                .iter()
                .map(|(id, external)| customer(&format!("customers/c{id}"), &format!("e{external}")))
                .collect(),
            customer_mappings: self.mappings.iter().map(mapped).collect(),
            deployments: self.deployments.iter().map(deployed).collect(),
            ..Manifest::default()
        }
    }
}

/// Writes a manifest one resource at a time, into an empty database.
async fn one_by_one(plane: &ControlPlane, manifest: Manifest) -> Result<(), Status> {
    fn id(name: &str) -> &str {
        name.rsplit('/').next().unwrap()
    }
    for integration in manifest.integrations {
        plane.create_integration(id(&integration.name.clone()), integration).await?;
    }
    for customer in manifest.customers {
        plane.create_customer(id(&customer.name.clone()), customer).await?;
    }
    for mapping in manifest.customer_mappings {
        plane.create_mapping("integrations/i", id(&mapping.name.clone()), mapping).await?;
    }
    for deployment in manifest.deployments {
        plane.create_deployment("integrations/i", id(&deployment.name.clone()), deployment).await?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Single calls and a manifest are judged alike and come to the same state; and from any state a manifest leads
    /// to, another leads on to just what it says.
    #[test]
    fn single_calls_and_a_manifest_give_the_same_state(first in worlds(), second in worlds()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (whole, single) = (ControlPlane::start().await, ControlPlane::start().await);
            let applied = whole.apply(first.manifest()).await;
            let created = one_by_one(&single, first.manifest()).await;
            assert_eq!(applied.is_ok(), created.is_ok(), "{applied:?} {created:?}");
            if applied.is_err() {
                assert_eq!(whole.export().await.manifest, Some(Manifest::default()));
                return;
            }
            let before = whole.export().await;
            assert_eq!(before.manifest, single.export().await.manifest);

            let applied = whole.apply(second.manifest()).await;
            let after = whole.export().await;
            match applied {
                Err(_) => assert_eq!(after, before),
                Ok(_) => {
                    let state = after.manifest.unwrap();
                    for customer in second.manifest().customers {
                        assert!(state.customers.contains(&customer));
                    }
                    for mapping in second.manifest().customer_mappings {
                        assert!(state.customer_mappings.contains(&mapping));
                    }
                    for deployment in second.manifest().deployments {
                        assert!(state.deployments.contains(&deployment));
                    }
                    assert_eq!(state.integrations, second.manifest().integrations);
                    // The state as a whole obeys the rules: it can be written into an empty database.
                    let fresh = ControlPlane::start().await;
                    fresh.apply(state).await.unwrap();
                }
            }
        });
    }
}
