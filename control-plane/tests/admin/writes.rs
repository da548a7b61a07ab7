//! One state, whichever way it is written: single calls, batches, manifests, and what was exported.

use std::collections::BTreeMap;

use pointsman_proto::admin::v1::{
    customer_mapping_row::Target, deployment::State, manifest_change::Action, *,
};
use proptest::prelude::*;
use tonic::Status;

use crate::{
    harness::{ControlPlane, customer, deployment, field_mask, flow, mapping, reference, unshared, url},
    owners::{of, pruning},
};

const INTEGRATION: &str = "integrations/i";

/// A change of one resource.
#[derive(Clone, Debug)]
enum Write {
    /// Whether the integration's endpoint is shared, and its flows.
    Integration(bool, Vec<u8>),
    Customer(u8, u8, String),
    Mapping(u8, u8, u8),
    Deployment(u8, u8, Vec<u8>, bool, String),
    RemoveCustomer(u8),
    RemoveMapping(u8),
    RemoveDeployment(u8),
}

/// Texts that a reader could take for something else, or that are to be kept as they are.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("<redacted".to_owned()),
        Just("no: 'x' # \"{y}\"".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,8}",
    ]
}

fn writes() -> impl Strategy<Value = Write> {
    let few = || 0..4_u8;
    let flows = |sizes| proptest::sample::subsequence(vec![0_u8, 1, 2], sizes);
    prop_oneof![
        2 => (any::<bool>(), flows(1..4)).prop_map(|(shared, flows)| Write::Integration(shared, flows)),
        4 => (few(), 0..6_u8, hostile()).prop_map(|(id, external, text)| Write::Customer(id, external, text)),
        4 => (few(), 0..6_u8, few()).prop_map(|(id, source, to)| Write::Mapping(id, source, to)),
        4 => (few(), few(), flows(0..3), any::<bool>(), "[!-~]{1,8}")
            .prop_map(|(id, to, flows, paused, secret)| Write::Deployment(id, to, flows, paused, secret)),
        1 => few().prop_map(Write::RemoveCustomer),
        1 => few().prop_map(Write::RemoveMapping),
        1 => few().prop_map(Write::RemoveDeployment),
    ]
}

fn integration(shared: bool, flows: &[u8]) -> Integration {
    let mut integration = unshared(INTEGRATION, EndpointType::InstanceSpecific);
    let endpoint = integration.endpoint.as_mut().unwrap();
    if shared {
        endpoint.r#type = EndpointType::Shared.into();
        endpoint.external_customer_id = Some(reference("results.body.data.id"));
    }
    endpoint.flow_name = Some(reference("results.body.data.flow"));
    integration.flows = flows.iter().map(|key| flow(&format!("f{key}"), "")).collect();
    integration
}

fn customer_name(id: u8) -> String {
    format!("customers/c{id}")
}

fn mapping_name(id: u8) -> String {
    format!("{INTEGRATION}/customerMappings/m{id}")
}

fn deployment_name(id: u8) -> String {
    format!("{INTEGRATION}/deployments/d{id}")
}

impl Write {
    /// What it writes, or the name of what it removes.
    fn manifest(&self) -> Result<Manifest, String> {
        let mut manifest = Manifest::default();
        match self {
            Self::Integration(shared, flows) => manifest.integrations.push(integration(*shared, flows)),
            Self::Customer(id, external, text) => manifest.customers.push(Customer {
                display_name: text.clone(),
                ..customer(&customer_name(*id), &format!("e{external}"))
            }),
            Self::Mapping(id, source, to) => {
                manifest.customer_mappings.push(mapping(
                    &mapping_name(*id),
                    &format!("s{source}"),
                    &customer_name(*to),
                ));
            }
            Self::Deployment(id, to, flows, paused, secret) => {
                let endpoint = FlowEndpoint {
                    headers: BTreeMap::from([("x-key".to_owned(), secret.clone())]),
                    ..url("http://127.0.0.1/")
                };
                manifest.deployments.push(Deployment {
                    flow_endpoints: flows.iter().map(|key| (format!("f{key}"), endpoint.clone())).collect(),
                    state: if *paused { State::Paused } else { State::Enabled }.into(),
                    ..deployment(&deployment_name(*id), &customer_name(*to))
                });
            }
            Self::RemoveCustomer(id) => return Err(customer_name(*id)),
            Self::RemoveMapping(id) => return Err(mapping_name(*id)),
            Self::RemoveDeployment(id) => return Err(deployment_name(*id)),
        }
        Ok(manifest)
    }

    /// By a call of its own. What is not there need not be removed.
    async fn singly(&self, plane: &ControlPlane) -> Result<(), Status> {
        let missing_is_fine = |answer: Result<(), Status>| match answer {
            Err(status) if status.code() == tonic::Code::NotFound => Ok(()),
            answer => answer,
        };
        match self.manifest() {
            Ok(mut manifest) => {
                // Written whole, as a manifest writes it.
                let (allow_missing, update_mask) = (true, field_mask(&["*"]));
                if let integration @ Some(_) = manifest.integrations.pop() {
                    let request = UpdateIntegrationRequest {
                        integration,
                        allow_missing,
                        update_mask: update_mask.clone(),
                        ..Default::default()
                    };
                    plane.integrations().update_integration(request).await?;
                }
                if let customer @ Some(_) = manifest.customers.pop() {
                    let request = UpdateCustomerRequest {
                        customer,
                        allow_missing,
                        update_mask: update_mask.clone(),
                        ..Default::default()
                    };
                    plane.customers().update_customer(request).await?;
                }
                if let customer_mapping @ Some(_) = manifest.customer_mappings.pop() {
                    let request = UpdateCustomerMappingRequest {
                        customer_mapping,
                        allow_missing,
                        update_mask: update_mask.clone(),
                        ..Default::default()
                    };
                    plane.mappings().update_customer_mapping(request).await?;
                }
                if let deployment @ Some(_) = manifest.deployments.pop() {
                    let request = UpdateDeploymentRequest {
                        deployment,
                        allow_missing,
                        update_mask: update_mask.clone(),
                        ..Default::default()
                    };
                    plane.deployments().update_deployment(request).await?;
                }
                Ok(())
            }
            Err(name) if name.contains("/customerMappings/") => {
                let request = DeleteCustomerMappingRequest { name, ..Default::default() };
                missing_is_fine(plane.mappings().delete_customer_mapping(request).await.map(drop))
            }
            Err(name) if name.contains("/deployments/") => {
                let request = DeleteDeploymentRequest { name, ..Default::default() };
                missing_is_fine(plane.deployments().delete_deployment(request).await.map(drop))
            }
            Err(name) => {
                let request = DeleteCustomerRequest { name, ..Default::default() };
                missing_is_fine(plane.customers().delete_customer(request).await.map(drop))
            }
        }
    }

    /// By a manifest: of what is written, or of all that stays.
    async fn as_manifest(&self, plane: &ControlPlane) -> Result<(), Status> {
        let request = match self.manifest() {
            Ok(manifest) => of("", manifest),
            Err(name) => {
                let mut left = plane.export().await.manifest.unwrap();
                left.customers.retain(|customer| customer.name != name);
                left.customer_mappings.retain(|mapping| mapping.name != name);
                left.deployments.retain(|deployment| deployment.name != name);
                ApplyManifestRequest { allow_mass_removal: true, ..pruning("", left) }
            }
        };
        plane.ask(request).await.map(drop)
    }

    /// By a batch, where it writes a mapping that a batch would find under the same name; else by a call of its own.
    async fn in_a_batch(&self, plane: &ControlPlane) -> Result<(), Status> {
        let Self::Mapping(id, source, to) = self else { return self.singly(plane).await };
        let (name, source) = (mapping_name(*id), format!("s{source}"));
        let there = plane.export().await.manifest.unwrap().customer_mappings;
        let is_same =
            |mapping: &CustomerMapping| mapping.name == name || mapping.source_customer_id == source;
        if there
            .iter()
            .any(|mapping| is_same(mapping) && (mapping.name != name || mapping.source_customer_id != source))
        {
            return self.singly(plane).await;
        }
        let row = CustomerMappingRow {
            source_customer_id: source,
            customer_mapping_id: format!("m{id}"),
            target: Some(Target::Customer(customer_name(*to))),
            display_name: Some(String::new()),
        };
        let request = BatchUpsertCustomerMappingsRequest {
            parent: INTEGRATION.to_owned(),
            rows: vec![row],
            ..Default::default()
        };
        plane.mappings().batch_upsert_customer_mappings(request).await.map(drop)
    }
}

/// The state, with its secrets: exports have `<redacted>`, so those of the writes that were made are put back.
fn with_secrets(mut state: Manifest, secrets: &BTreeMap<String, String>) -> Manifest {
    for deployment in &mut state.deployments {
        for endpoint in deployment.flow_endpoints.values_mut() {
            endpoint.headers.insert("x-key".to_owned(), secrets[&deployment.name].clone());
        }
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every write is judged alike and comes to the same state; and the last state comes about in one step too, from
    /// nothing and from any state on the way.
    #[test]
    fn any_sequence_of_writes_gives_one_state(writes in proptest::collection::vec(writes(), 8..24)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let (single, batch, manifest) =
                (ControlPlane::start().await, ControlPlane::start().await, ControlPlane::start().await);
            let half = ControlPlane::start().await;
            // Without these hardly any write is valid.
            let base = [Write::Integration(false, vec![0, 1]), Write::Customer(0, 0, String::new())];
            let mut secrets = BTreeMap::new();
            let (mut made, all) = (0, base.len() + writes.len());
            for (index, write) in base.into_iter().chain(writes).enumerate() {
                let answers =
                    (write.singly(&single).await, write.in_a_batch(&batch).await, write.as_manifest(&manifest).await);
                let fine = (answers.0.is_ok(), answers.1.is_ok(), answers.2.is_ok());
                assert!(fine == (true, true, true) || fine == (false, false, false), "{write:?}: {answers:?}");
                made += usize::from(fine.0);
                if let (true, Write::Deployment(id, .., secret)) = (fine.0, &write) {
                    secrets.insert(deployment_name(*id), secret.clone());
                }
                let state = single.export().await;
                // Also how often it changed.
                assert_eq!(batch.export().await, state, "{write:?}");
                assert_eq!(manifest.export().await, state, "{write:?}");
                if index == all / 2 {
                    half.apply(with_secrets(state.manifest.unwrap(), &secrets)).await.unwrap();
                }
            }
            assert!(made >= 2);
            let last = single.export().await.manifest.unwrap();
            let fresh = ControlPlane::start().await;
            for plane in [&fresh, &half] {
                let request = pruning("", with_secrets(last.clone(), &secrets));
                let request = ApplyManifestRequest { allow_mass_removal: true, ..request };
                plane.ask(request.clone()).await.unwrap();
                assert_eq!(plane.export().await.manifest.as_ref(), Some(&last));
                // Also the secrets are the same: nothing is left to do.
                let again = plane.ask(request).await.unwrap();
                assert!(again.changes.iter().all(|change| change.action() == Action::Unchanged), "{again:?}");
            }
        });
    }

    /// Whatever is there and whoever owns it: what is exported applies as it is, as anybody's, with tokens or without.
    #[test]
    fn what_is_exported_applies_as_it_is(writes in proptest::collection::vec((writes(), 0..3_u8), 4..20)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let plane = ControlPlane::start().await;
            let base = [Write::Integration(true, vec![0, 1]), Write::Customer(0, 0, "a\u{1}\n".into())];
            for (write, owner) in base.into_iter().map(|write| (write, 0)).chain(writes) {
                // What is not valid, or is another's, is not there.
                if let Ok(manifest) = write.manifest() {
                    let _ = plane.ask(of(&format!("owner-{owner}"), manifest)).await;
                }
            }
            let before = plane.export().await;
            for with_endpoint_tokens in [false, true] {
                for owner in ["", "owner-0", "owner-1", "owner-2"] {
                    let request = ExportManifestRequest { owner: owner.to_owned(), with_endpoint_tokens };
                    let exported = plane.manifests().export_manifest(request).await.unwrap().into_inner();
                    let exported = exported.manifest.unwrap();
                    // Nothing of the owner is left out of it, so that there is nothing to prune either.
                    for request in [of("somebody", exported.clone()), pruning(owner, exported)] {
                        let answer = plane.ask(request).await.unwrap();
                        assert!(answer.changes.iter().all(|change| change.action() == Action::Unchanged), "{answer:?}");
                    }
                }
            }
            assert_eq!(plane.export().await, before);
        });
    }
}
