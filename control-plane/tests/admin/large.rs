//! Manifests of 100,000 resources.

use pointsman_proto::admin::v1::{deployment::State, manifest_change::Action, *};

use crate::{
    harness::{ControlPlane, acme_erp, customer, deployment, mapping},
    owners::{of, pruning},
};

/// 100,000 resources: 4 integrations, and for each of 20,000 customers 2 mappings and 2 deployments of both flows.
fn large() -> Manifest {
    const CUSTOMERS: usize = 20_000;
    const INTEGRATIONS: usize = 4;
    let integration = |id| Integration { name: format!("integrations/acme-erp-{id}"), ..acme_erp() };
    let mut manifest =
        Manifest { integrations: (0..INTEGRATIONS).map(integration).collect(), ..Manifest::default() };
    for id in 0..CUSTOMERS {
        let name = format!("customers/customer-{id:05}");
        if id >= INTEGRATIONS {
            manifest.customers.push(customer(&name, &format!("progix-{id:05}")));
        }
        let name = format!("customers/customer-{:05}", id.max(INTEGRATIONS));
        for of in [id % INTEGRATIONS, (id + 1) % INTEGRATIONS] {
            let integration = format!("integrations/acme-erp-{of}");
            manifest.customer_mappings.push(mapping(
                &format!("{integration}/customerMappings/m-{id:05}"),
                &format!("A06D{id:05}"),
                &name,
            ));
            let mut deployed = deployment(&format!("{integration}/deployments/d-{id:05}"), &name);
            deployed.flow_endpoints.values_mut().for_each(|endpoint| {
                endpoint.headers = [("authorization".to_owned(), format!("Bearer secret-{id}"))].into();
            });
            if id < INTEGRATIONS {
                deployed.state = State::Paused.into();
            }
            manifest.deployments.push(deployed);
        }
    }
    manifest
}

fn count(answer: &ApplyManifestResponse, action: Action) -> usize {
    answer.changes.iter().filter(|change| change.action() == action).count()
}

/// Whatever is quadratic in it would take hours.
#[tokio::test]
async fn a_manifest_of_100_000_resources_works() {
    let plane = ControlPlane::start().await;
    let manifest = large();
    let answer = plane.ask(of("", manifest.clone())).await.unwrap();
    assert_eq!((answer.revision, count(&answer, Action::Created)), (1, 100_000));

    // Out and in again, with the tokens of 120,004 endpoints: nothing changes, and nothing is pruned.
    let request = ExportManifestRequest { with_endpoint_tokens: true, ..Default::default() };
    let exported = plane.manifests().export_manifest(request).await.unwrap().into_inner().manifest.unwrap();
    assert_eq!(exported.endpoint_tokens.len(), 120_004);
    let answer = plane.ask(pruning("", exported)).await.unwrap();
    assert_eq!((answer.revision, count(&answer, Action::Unchanged)), (1, 100_000));

    // What would change is told field by field.
    let mut changed = manifest;
    for deployment in &mut changed.deployments {
        deployment.flow_endpoints.values_mut().for_each(|endpoint| endpoint.url.push_str("/changed"));
    }
    let dry = ApplyManifestRequest { validate_only: true, ..of("", changed) };
    let answer = plane.ask(dry).await.unwrap();
    assert_eq!((count(&answer, Action::Updated), answer.without_fields), (40_000, 0));
    assert!(
        answer.changes.iter().all(|change| change.action() != Action::Updated || change.changes.len() == 2)
    );

    let prune = ApplyManifestRequest { allow_mass_removal: true, ..pruning("", Manifest::default()) };
    let answer = plane.ask(prune).await.unwrap();
    assert_eq!((answer.revision, count(&answer, Action::Removed)), (2, 100_000));
}
