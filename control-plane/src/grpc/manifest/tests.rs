//! What callers may do with manifests whose role or scope is less than all.

use std::{sync::Arc, time::SystemTime};

use pointsman_proto::admin::v1::{manifest_change::Action, manifest_service_server::ManifestService as _, *};
use pointsman_routing::name::IntegrationId;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::ManifestService;
use crate::{
    domain::{Caller, Role},
    registry::Registry,
    store::Store,
};

struct Plane {
    service: ManifestService,
    _data: tempfile::TempDir,
}

impl Plane {
    fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).unwrap();
        Self { service: ManifestService::new(Registry::new(store, SystemTime::now)), _data: data }
    }

    async fn apply(
        &self,
        caller: &Caller,
        request: ApplyManifestRequest,
    ) -> Result<ApplyManifestResponse, Status> {
        let mut request = Request::new(request);
        request.extensions_mut().insert(caller.clone());
        self.service.apply_manifest(request).await.map(tonic::Response::into_inner)
    }

    async fn export(&self, caller: &Caller, with_endpoint_tokens: bool) -> Result<Manifest, Status> {
        let mut request = Request::new(ExportManifestRequest { with_endpoint_tokens, ..Default::default() });
        request.extensions_mut().insert(caller.clone());
        let answer = self.service.export_manifest(request).await?;
        Ok(answer.into_inner().manifest.unwrap())
    }
}

fn caller(role: Role, integrations: Option<&[&str]>) -> Caller {
    let ids =
        integrations.map(|ids| ids.iter().map(|id| IntegrationId::parse(id).unwrap()).collect::<Arc<[_]>>());
    Caller { role, scope: ids, ..Caller::local() }
}

fn integration(id: &str) -> Integration {
    Integration {
        name: format!("integrations/{id}"),
        flows: vec![Flow { key: "main".into(), name: String::new() }],
        endpoint: Some(Endpoint {
            r#type: EndpointType::InstanceSpecific.into(),
            mode: DeliveryMode::Sync.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn mapping(integration: &str, id: &str) -> CustomerMapping {
    CustomerMapping {
        name: format!("integrations/{integration}/customerMappings/{id}"),
        source_customer_id: id.to_owned(),
        customer: "customers/c".into(),
        ..Default::default()
    }
}

/// Two integrations with two mappings each, and a customer.
fn both() -> Manifest {
    Manifest {
        integrations: vec![integration("mine"), integration("other")],
        customers: vec![Customer {
            name: "customers/c".into(),
            external_id: "1".into(),
            ..Default::default()
        }],
        customer_mappings: ["mine", "other"]
            .into_iter()
            .flat_map(|of| ["a", "b"].map(|id| mapping(of, id)))
            .collect(),
        ..Default::default()
    }
}

fn request(manifest: Manifest) -> ApplyManifestRequest {
    ApplyManifestRequest { manifest: Some(manifest), ..Default::default() }
}

fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, String) {
    let status = answer.unwrap_err();
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

fn out_of_scope() -> (Code, String) {
    (Code::PermissionDenied, "OUT_OF_SCOPE".to_owned())
}

#[tokio::test]
async fn endpoint_tokens_are_for_admins() {
    let plane = Plane::new();
    let admin = caller(Role::Admin, None);
    plane.apply(&admin, request(both())).await.unwrap();
    let tokens = plane.export(&admin, true).await.unwrap();
    assert_eq!(tokens.endpoint_tokens.len(), 2);
    let refused = (Code::PermissionDenied, "ROLE_NOT_ENOUGH".to_owned());
    for role in [Role::Editor, Role::Viewer] {
        let caller = caller(role, None);
        assert_eq!(reason(plane.export(&caller, true).await), refused);
        assert_eq!(plane.export(&caller, false).await.unwrap(), both());
        // Not even what is so already, and not as a dry run: that would tell which tokens are right.
        let dry = ApplyManifestRequest { validate_only: true, ..request(tokens.clone()) };
        assert_eq!(reason(plane.apply(&caller, dry).await), refused);
    }
    // An admin of some integrations takes theirs along.
    let some = caller_of_mine(Role::Admin);
    let own = plane.export(&some, true).await.unwrap();
    assert_eq!(
        own.endpoint_tokens.iter().map(|tokens| tokens.endpoint.as_str()).collect::<Vec<_>>(),
        ["integrations/mine"]
    );
    let others = Manifest { endpoint_tokens: tokens.endpoint_tokens, ..Manifest::default() };
    assert_eq!(reason(plane.apply(&some, request(others)).await), out_of_scope());
}

fn caller_of_mine(role: Role) -> Caller {
    caller(role, Some(&["mine"]))
}

#[tokio::test]
async fn a_scoped_caller_sees_and_writes_only_what_is_in_its_integrations() {
    let plane = Plane::new();
    plane.apply(&caller(Role::Admin, None), request(both())).await.unwrap();
    let scoped = caller_of_mine(Role::Editor);
    let seen = plane.export(&scoped, false).await.unwrap();
    assert_eq!((seen.integrations.len(), seen.customers.len(), seen.customer_mappings.len()), (1, 1, 2));
    // What it sees applies as it is, customers included.
    let again = plane.apply(&scoped, request(seen.clone())).await.unwrap();
    assert!(again.changes.iter().all(|change| change.action() == Action::Unchanged));

    let mut renamed = seen.clone();
    renamed.integrations[0].display_name = "Mine".into();
    plane.apply(&scoped, request(renamed)).await.unwrap();
    let mut customer = seen.clone();
    customer.customers[0].display_name = "C".into();
    assert_eq!(reason(plane.apply(&scoped, request(customer)).await), out_of_scope());
    // Of others it does not even learn whether it guessed right.
    for guess in [both().integrations[1].clone(), integration("nowhere")] {
        let guess = Manifest { integrations: vec![guess], ..Manifest::default() };
        let dry = ApplyManifestRequest { validate_only: true, ..request(guess) };
        assert_eq!(reason(plane.apply(&scoped, dry).await), out_of_scope());
    }
}

#[tokio::test]
async fn a_scoped_caller_prunes_only_in_its_integrations() {
    let plane = Plane::new();
    let admin = caller(Role::Admin, None);
    plane.apply(&admin, request(both())).await.unwrap();
    let less = Manifest {
        integrations: vec![integration("mine")],
        customer_mappings: vec![mapping("mine", "a")],
        ..Manifest::default()
    };
    let prune = ApplyManifestRequest { prune: true, ..request(less) };
    let answer = plane.apply(&caller_of_mine(Role::Editor), prune).await.unwrap();
    let removed = answer.changes.iter().filter(|change| change.action() == Action::Removed);
    assert_eq!(
        removed.map(|change| change.name.as_str()).collect::<Vec<_>>(),
        ["integrations/mine/customerMappings/b"]
    );
    // Most of what it could remove is too much for it, whatever else the owner has.
    let all = ApplyManifestRequest { prune: true, ..request(Manifest::default()) };
    let refused = reason(plane.apply(&caller_of_mine(Role::Editor), all.clone()).await);
    assert_eq!(refused, (Code::FailedPrecondition, "MASS_REMOVAL".to_owned()));
    let meant = ApplyManifestRequest { allow_mass_removal: true, ..all };
    plane.apply(&caller_of_mine(Role::Editor), meant).await.unwrap();
    let left = plane.export(&admin, false).await.unwrap();
    assert_eq!(left.integrations, [integration("other")]);
    assert_eq!((left.customers.len(), left.customer_mappings.len()), (1, 2));
}
