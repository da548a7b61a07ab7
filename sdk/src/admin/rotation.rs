//! Two services have an RPC of the same name.

use pointsman_proto::admin::v1::{
    DeploymentServiceRotateEndpointTokenRequest, DeploymentServiceRotateEndpointTokenResponse,
    IntegrationServiceRotateEndpointTokenRequest, IntegrationServiceRotateEndpointTokenResponse,
    deployment_service_client::DeploymentServiceClient, integration_service_client::IntegrationServiceClient,
};

use super::{AdminClient, AdminError, MESSAGE_BYTES_MAX};

impl AdminClient {
    /// RotateEndpointToken of the IntegrationService gives a shared endpoint a new URL. The old one works beside it until
    /// the rotation is finished.
    pub async fn rotate_integration_endpoint_token(
        &self,
        message: IntegrationServiceRotateEndpointTokenRequest,
    ) -> Result<IntegrationServiceRotateEndpointTokenResponse, AdminError> {
        let mut client =
            IntegrationServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        self.answer(client.rotate_endpoint_token(self.request(message, self.timeout)).await)
    }

    /// RotateEndpointToken of the DeploymentService gives an instance- or flow-specific endpoint a new URL. The old one
    /// works beside it until the rotation is finished.
    pub async fn rotate_deployment_endpoint_token(
        &self,
        message: DeploymentServiceRotateEndpointTokenRequest,
    ) -> Result<DeploymentServiceRotateEndpointTokenResponse, AdminError> {
        let mut client =
            DeploymentServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        self.answer(client.rotate_endpoint_token(self.request(message, self.timeout)).await)
    }
}
