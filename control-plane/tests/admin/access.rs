//! Who may do what: tokens, roles, scopes, and what happens when a token ends.

mod bearer;
mod door;
mod scopes;
mod start;
mod tokens;

pub(crate) use bearer::with;
use pointsman_proto::admin::v1::{CreateAccessTokenRequest, access_token::Role};

/// The request for the first token.
pub(crate) fn admin_token() -> CreateAccessTokenRequest {
    bearer::create("admin", bearer::token(Role::Admin, &[]))
}
