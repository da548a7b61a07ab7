//! `pointsman.admin.v1.ManifestService`.

use std::ops::ControlFlow;

use pointsman_proto::admin::v1::{
    self as proto, ApplyManifestRequest, ApplyManifestResponse, ExportManifestRequest,
    ExportManifestResponse, manifest_service_server,
};
use prost::Message as _;
use tokio::task;
use tonic::{Request, Response, Status};

use super::{
    call,
    convert::{self, Admin},
    status,
};
use crate::{
    domain::{AnyResource, Resource},
    registry::{Error, Exported, Registry},
};

mod answer;
pub(super) mod read;
mod tokens;

/// The longest message of this service, both ways: a million resources, or 100,000 large ones with their endpoints'
/// tokens.
pub const MANIFEST_BYTES_MAX: usize = 256 * 1024 * 1024;
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
        let (call, request) = call::open(request);
        // There can be hundreds of thousands of resources to parse.
        let read = task::spawn_blocking(|| read::request(request)).await;
        let (manifest, options) =
            read.map_err(|error| status::internal(&error))?.map_err(|faults| call::refused(&call, faults))?;
        let applied = self.registry.apply(call, manifest, options, answer::of).await;
        applied.map(Response::new).map_err(status::from_error)
    }

    async fn export_manifest(
        &self,
        request: Request<ExportManifestRequest>,
    ) -> Result<Response<ExportManifestResponse>, Status> {
        let caller = call::caller(&request);
        let ExportManifestRequest { owner, with_endpoint_tokens } = request.into_inner();
        let owner = if owner.is_empty() { None } else { Some(read::owner(&owner)?) };
        let asked = Exported { owner, with_endpoint_tokens };
        let export = Export { with_endpoint_tokens, ..Export::default() };
        let exported = self.registry.export(caller, asked, export, Export::add).await;
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

/// A manifest that grows. It holds what an admin wrote and nothing that is output only, so that the same configuration
/// is the same file wherever it is kept, and no endpoint URL gets into it.
struct Export {
    manifest: proto::Manifest,
    with_endpoint_tokens: bool,
    bytes: usize,
}

impl Export {
    fn add(&mut self, resource: AnyResource) -> ControlFlow<()> {
        if self.with_endpoint_tokens {
            let before = self.manifest.endpoint_tokens.len();
            tokens::add(&mut self.manifest.endpoint_tokens, &resource);
            let added = &self.manifest.endpoint_tokens[before..];
            self.bytes += added.iter().map(|tokens| tokens.encoded_len() + FRAMING_BYTES).sum::<usize>();
        }
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
        Self { manifest: proto::Manifest::default(), with_endpoint_tokens: false, bytes: ANSWER_BYTES }
    }
}

fn add<K: Admin>(messages: &mut Vec<K::Message>, resource: Resource<K>) -> usize {
    let message = convert::written(resource);
    let bytes = message.encoded_len();
    messages.push(message);
    bytes
}

#[cfg(test)]
mod tests;
