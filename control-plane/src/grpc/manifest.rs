//! `pointsman.admin.v1.ManifestService`.

use std::ops::ControlFlow;

use pointsman_proto::admin::v1::{
    self as proto, ApplyManifestRequest, ApplyManifestResponse, ExportManifestRequest,
    ExportManifestResponse, ManifestChange, manifest_change, manifest_service_server,
};
use pointsman_routing::fault::Fault;
use prost::Message as _;
use tokio::task;
use tonic::{Request, Response, Status};

use super::{
    call,
    convert::{self, Admin},
    status,
};
use crate::{
    domain::{AnyResource, Resource, Revision},
    registry::{Action, Applied, Draft, Error, Manifest, Registry},
};

/// The longest message of this service, both ways.
pub const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a resource's tag and length take in a manifest, at most.
const FRAMING_BYTES: usize = 8;
/// Room for the rest of an answer.
const ANSWER_BYTES: usize = 64;

/// The service.
#[derive(Clone, Debug)]
pub struct ManifestService {
    registry: Registry,
}

impl ManifestService {
    /// The service over `registry`.
    #[must_use]
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

#[tonic::async_trait]
impl manifest_service_server::ManifestService for ManifestService {
    async fn apply_manifest(
        &self,
        request: Request<ApplyManifestRequest>,
    ) -> Result<Response<ApplyManifestResponse>, Status> {
        let (call, request) = call::open(request)?;
        let Some(manifest) = request.manifest else {
            return Err(status::from_faults(vec![Fault::new("manifest", "is missing")]));
        };
        // There can be hundreds of thousands of resources to parse.
        let manifest =
            task::spawn_blocking(|| read(manifest)).await.map_err(|error| status::internal(&error))?;
        let answer = |applied: Vec<Applied>, revision: Revision| ApplyManifestResponse {
            changes: applied.into_iter().map(change).collect(),
            revision: revision.number(),
        };
        self.registry.apply(call, manifest, answer).await.map(Response::new).map_err(status::from_error)
    }

    async fn export_manifest(
        &self,
        request: Request<ExportManifestRequest>,
    ) -> Result<Response<ExportManifestResponse>, Status> {
        let exported = self.registry.export(call::caller(&request), Export::default(), Export::add).await;
        let (export, revision) = exported.map_err(status::from_error)?;
        if export.bytes > MANIFEST_BYTES_MAX {
            return Err(status::from_error(Error::TooLarge { limit_bytes: MANIFEST_BYTES_MAX }));
        }
        Ok(Response::new(ExportManifestResponse {
            manifest: Some(export.manifest),
            revision: revision.number(),
        }))
    }
}

fn read(manifest: proto::Manifest) -> Manifest {
    Manifest {
        integrations: drafts("integrations", manifest.integrations),
        customers: drafts("customers", manifest.customers),
        customer_mappings: drafts("customer_mappings", manifest.customer_mappings),
        deployments: drafts("deployments", manifest.deployments),
    }
}

fn drafts<K: Admin>(field: &str, messages: Vec<K::Message>) -> Vec<Draft<K>> {
    let draft = |(index, message): (usize, K::Message)| {
        let at = format!("manifest.{field}[{index}]");
        let name = convert::parse_name::<K>(&format!("{at}.name"), K::name_and_etag(&message).0);
        convert::draft::<K>(at, name.map_err(|fault| vec![fault]), message)
    };
    messages.into_iter().enumerate().map(draft).collect()
}

fn change(applied: Applied) -> ManifestChange {
    let action = match applied.action {
        Action::Created => manifest_change::Action::Created,
        Action::Updated => manifest_change::Action::Updated,
        Action::Unchanged => manifest_change::Action::Unchanged,
    };
    ManifestChange { name: applied.name.to_string(), action: action.into(), ..ManifestChange::default() }
}

/// A manifest that grows. It holds what an admin wrote and nothing that is output only, so that the same configuration
/// is the same file wherever it is kept, and no endpoint URL gets into it.
struct Export {
    manifest: proto::Manifest,
    bytes: usize,
}

impl Export {
    fn add(&mut self, resource: AnyResource) -> ControlFlow<()> {
        let bytes = match resource {
            AnyResource::Integration(resource) => add(&mut self.manifest.integrations, resource),
            AnyResource::Customer(resource) => add(&mut self.manifest.customers, resource),
            AnyResource::CustomerMapping(resource) => add(&mut self.manifest.customer_mappings, resource),
            AnyResource::Deployment(resource) => add(&mut self.manifest.deployments, resource),
        };
        self.bytes += bytes + FRAMING_BYTES;
        if self.bytes > MANIFEST_BYTES_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Default for Export {
    fn default() -> Self {
        Self { manifest: proto::Manifest::default(), bytes: ANSWER_BYTES }
    }
}

fn add<K: Admin>(messages: &mut Vec<K::Message>, resource: Resource<K>) -> usize {
    let message = convert::written(resource);
    let bytes = message.encoded_len();
    messages.push(message);
    bytes
}
