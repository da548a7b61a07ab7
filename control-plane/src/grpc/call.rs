//! From a message to a call: who asks, whether to keep what is written, and what makes it safe to repeat.

use pointsman_proto::admin::v1::*;
use pointsman_routing::fault::Fault;
use prost::Message;
use sha2::{Digest as _, Sha256};
use tonic::{Request, Status};

use super::status;
use crate::{
    domain::Caller,
    registry::{Answer, Call, RepeatableRequest},
    store::Keep,
};

/// The longest request id.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A message that asks for a write.
pub(super) trait WriteRequest: Message {
    /// The method that takes it.
    const METHOD: &'static str;

    fn validate_only(&self) -> bool;

    fn request_id_mut(&mut self) -> &mut String;
}

/// Who asks: who the door let in, or anybody where it asks for no token.
pub(super) fn caller<M>(request: &Request<M>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_else(|| Caller::anybody(request.remote_addr()))
}

/// The call that a message makes, and the message without the id.
pub(super) fn open<M: WriteRequest>(request: Request<M>) -> (Call, M) {
    let caller = caller(&request);
    read(caller, request.into_inner())
}

/// The same, of a message that `caller` sent.
pub(super) fn read<M: WriteRequest>(caller: Caller, mut message: M) -> (Call, M) {
    let id = std::mem::take(message.request_id_mut());
    let is_sound = id.len() <= REQUEST_ID_BYTES_MAX && id.bytes().all(|byte| byte.is_ascii_graphic());
    let reason = || format!("is not 1 to {REQUEST_ID_BYTES_MAX} visible ASCII characters");
    let fault = (!is_sound).then(|| Fault::new("request_id", reason()));
    let request = (is_sound && !id.is_empty()).then(|| RepeatableRequest { digest: digest(&message), id });
    let keep = if message.validate_only() { Keep::Nothing } else { Keep::Changes };
    (Call { caller, method: M::METHOD, keep, request, fault }, message)
}

/// The status of a call whose message has these faults.
pub(super) fn refused(call: &Call, faults: Vec<Fault>) -> Status {
    status::from_faults(call.faults(faults))
}

/// Maps are ordered and so the same message is always the same bytes.
fn digest<M: WriteRequest>(message: &M) -> [u8; 32] {
    let hash = Sha256::new().chain_update(M::METHOD).chain_update([0]);
    hash.chain_update(message.encode_to_vec()).finalize().into()
}

macro_rules! write_requests {
    ($($service:literal { $($method:literal: $request:ident,)* })*) => {$($(
        impl WriteRequest for $request {
            const METHOD: &'static str = concat!("pointsman.admin.v1.", $service, "/", $method);

            fn validate_only(&self) -> bool {
                self.validate_only
            }

            fn request_id_mut(&mut self) -> &mut String {
                &mut self.request_id
            }
        }
    )*)*};
}

macro_rules! writes {
    ($($service:literal { $($method:literal: $request:ident -> $response:ident,)* })*) => {$($(
        write_requests! { $service { $method: $request, } }

        impl Answer for $response {
            fn to_bytes(&self) -> Vec<u8> {
                self.encode_to_vec()
            }

            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Self::decode(bytes).ok()
            }

            #[allow(clippy::needless_update, reason = "some have nothing but a revision")]
            fn brief(&self) -> Option<Self> {
                Some(Self { revision: self.revision, ..Self::default() })
            }
        }
    )*)*};
}

writes! {
    "IntegrationService" {
        "CreateIntegration": CreateIntegrationRequest -> CreateIntegrationResponse,
        "UpdateIntegration": UpdateIntegrationRequest -> UpdateIntegrationResponse,
        "DeleteIntegration": DeleteIntegrationRequest -> DeleteIntegrationResponse,
        "RollbackIntegration": RollbackIntegrationRequest -> RollbackIntegrationResponse,
        "RotateEndpointToken":
            IntegrationServiceRotateEndpointTokenRequest -> IntegrationServiceRotateEndpointTokenResponse,
    }
    "CustomerService" {
        "CreateCustomer": CreateCustomerRequest -> CreateCustomerResponse,
        "UpdateCustomer": UpdateCustomerRequest -> UpdateCustomerResponse,
        "DeleteCustomer": DeleteCustomerRequest -> DeleteCustomerResponse,
    }
    "CustomerMappingService" {
        "CreateCustomerMapping": CreateCustomerMappingRequest -> CreateCustomerMappingResponse,
        "UpdateCustomerMapping": UpdateCustomerMappingRequest -> UpdateCustomerMappingResponse,
        "DeleteCustomerMapping": DeleteCustomerMappingRequest -> DeleteCustomerMappingResponse,
        "BatchUpsertCustomerMappings":
            BatchUpsertCustomerMappingsRequest -> BatchUpsertCustomerMappingsResponse,
        "ImportCustomerMappings": ImportStart -> ImportCustomerMappingsResponse,
    }
    "DeploymentService" {
        "CreateDeployment": CreateDeploymentRequest -> CreateDeploymentResponse,
        "UpdateDeployment": UpdateDeploymentRequest -> UpdateDeploymentResponse,
        "DeleteDeployment": DeleteDeploymentRequest -> DeleteDeploymentResponse,
        "PauseDeployment": PauseDeploymentRequest -> PauseDeploymentResponse,
        "ResumeDeployment": ResumeDeploymentRequest -> ResumeDeploymentResponse,
        "RotateEndpointToken":
            DeploymentServiceRotateEndpointTokenRequest -> DeploymentServiceRotateEndpointTokenResponse,
    }
    "AccessTokenService" {
        "RevokeAccessToken": RevokeAccessTokenRequest -> RevokeAccessTokenResponse,
        "DeleteAccessToken": DeleteAccessTokenRequest -> DeleteAccessTokenResponse,
    }
    "ManifestService" {
        "ApplyManifest": ApplyManifestRequest -> ApplyManifestResponse,
    }
    "EdgeService" {
        "AcceptConfiguration": AcceptConfigurationRequest -> AcceptConfigurationResponse,
    }
}

// Their answers are in part told once.
write_requests! {
    "AccessTokenService" {
        "CreateAccessToken": CreateAccessTokenRequest,
    }
}

impl Answer for CreateAccessTokenResponse {
    fn to_bytes(&self) -> Vec<u8> {
        Self { secret: String::new(), ..self.clone() }.encode_to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Self::decode(bytes).ok()
    }
}
