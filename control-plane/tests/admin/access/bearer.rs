//! Callers with a token.

use std::time::{Duration, SystemTime};

use pointsman_proto::admin::v1::{
    access_token::Role, access_token_service_client::AccessTokenServiceClient, *,
};
use tonic::{
    Request, Status, codegen::InterceptedService, metadata::AsciiMetadataValue, service::Interceptor,
    transport::Channel,
};

use crate::harness::{ControlPlane, reason};

/// Sends a secret with each call, or none.
#[derive(Clone)]
pub(crate) struct Bearer(Option<AsciiMetadataValue>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

pub(crate) type Authorized = InterceptedService<Channel, Bearer>;

/// A channel that sends this secret; none where it is empty.
pub(crate) fn with(channel: Channel, secret: &str) -> Authorized {
    let value = (!secret.is_empty()).then(|| format!("Bearer {secret}").parse().unwrap());
    InterceptedService::new(channel, Bearer(value))
}

/// A token of this role, for integrations `scope` or an edge where the role asks for it.
pub(crate) fn token(role: Role, scope: &[&str]) -> AccessToken {
    let edge = if role == Role::Edge { "edges/a".to_owned() } else { String::new() };
    let integrations = scope.iter().map(|id| format!("integrations/{id}")).collect();
    AccessToken { role: role.into(), integrations, edge, ..AccessToken::default() }
}

pub(crate) fn expiring(token: AccessToken, after: Duration) -> AccessToken {
    AccessToken { expire_time: Some((SystemTime::now() + after).into()), ..token }
}

impl ControlPlane {
    pub(crate) fn tokens(&self, secret: &str) -> AccessTokenServiceClient<Authorized> {
        AccessTokenServiceClient::new(with(self.channel(), secret))
    }

    /// The first token: an admin's.
    pub(crate) async fn close(&self) -> String {
        self.make("", "admin", token(Role::Admin, &[])).await
    }

    /// Makes a token, as the bearer of `secret`, and gives its secret.
    pub(crate) async fn make(&self, secret: &str, id: &str, token: AccessToken) -> String {
        let request = create(id, token);
        let made = self.tokens(secret).create_access_token(request).await;
        made.unwrap_or_else(|status| panic!("{id}: {status}")).into_inner().secret
    }

    pub(crate) async fn revoke(&self, secret: &str, id: &str) -> AccessToken {
        let request = RevokeAccessTokenRequest { name: format!("accessTokens/{id}"), ..Default::default() };
        let revoked = self.tokens(secret).revoke_access_token(request).await.unwrap();
        revoked.into_inner().access_token.unwrap()
    }

    /// Whether the bearer of `secret` may read, or the reason why not.
    pub(crate) async fn reads(&self, secret: &str) -> Result<(), String> {
        let mut client = customer_service_client::CustomerServiceClient::new(with(self.channel(), secret));
        let read = client.list_customers(ListCustomersRequest::default()).await;
        read.map(drop).map_err(|status| reason(&status))
    }
}

pub(crate) fn create(id: &str, token: AccessToken) -> CreateAccessTokenRequest {
    CreateAccessTokenRequest {
        access_token_id: id.to_owned(),
        access_token: Some(token),
        ..CreateAccessTokenRequest::default()
    }
}
