//! Who may do what: tokens, roles, scopes, and what happens when a token ends.

mod bearer;
mod door;
mod scopes;
mod start;
mod tokens;

use std::path::Path;

use pointsman_control_plane::grpc::access_token::{OfflineError, create_offline};
use pointsman_proto::admin::v1::{CreateAccessTokenRequest, CreateAccessTokenResponse, access_token::Role};

pub(crate) use bearer::{token, with};

/// The request for the first token.
pub(crate) fn admin_token() -> CreateAccessTokenRequest {
    bearer::create("admin", bearer::token(Role::Admin, &[]))
}

/// Makes a token in the database in this folder.
pub(crate) async fn offline(
    data: &Path,
    request: CreateAccessTokenRequest,
) -> Result<CreateAccessTokenResponse, OfflineError> {
    create_offline(data, request).await
}
