//! `pointsman.admin.v1.AccessTokenService`.

use std::{collections::BTreeSet, time::SystemTime};

use pointsman_proto::admin::v1::{
    self as proto, CreateAccessTokenRequest, CreateAccessTokenResponse, DeleteAccessTokenRequest,
    DeleteAccessTokenResponse, GetAccessTokenRequest, GetAccessTokenResponse, ListAccessTokensRequest,
    ListAccessTokensResponse, RevokeAccessTokenRequest, RevokeAccessTokenResponse,
    access_token::Role as ProtoRole, access_token_service_server,
};
use pointsman_routing::{
    fault::Fault,
    name::{AccessTokenId, EdgeId, IntegrationId},
};
use tonic::{Request, Response, Status};

use super::{
    call,
    crud::{Asked, made},
    status,
};
use crate::{
    domain::{
        AccessToken, AccessTokenSpec, Revision, Role, Secret,
        filter::{Field, Value},
    },
    registry::{AccessTokens, Cursor},
    store::{Keep, PageKey},
};

mod offline;

pub use offline::{OfflineError, create_offline};

/// What page tokens are good for.
const LIST: &str = "pointsman.admin.v1.ListAccessTokens";
/// Integrations that one access token can be for.
const INTEGRATIONS_MAX: usize = 100;
/// The longest display name.
const DISPLAY_NAME_BYTES_MAX: usize = 255;

/// The service.
#[derive(Clone, Debug)]
pub struct AccessTokenService {
    tokens: AccessTokens,
    page_key: PageKey,
}

impl AccessTokenService {
    /// The service over `tokens`; `page_key` seals page tokens.
    #[must_use]
    pub fn new(tokens: AccessTokens, page_key: PageKey) -> Self {
        Self { tokens, page_key }
    }
}

#[tonic::async_trait]
impl access_token_service_server::AccessTokenService for AccessTokenService {
    async fn create_access_token(
        &self,
        request: Request<CreateAccessTokenRequest>,
    ) -> Result<Response<CreateAccessTokenResponse>, Status> {
        let (call, request) = call::open(request);
        let (id, spec) = read(request).map_err(|faults| call::refused(&call, faults))?;
        let answer = answer_with(call.keep);
        self.tokens.create(call, id, spec, answer).await.map(Response::new).map_err(status::from_error)
    }

    async fn get_access_token(
        &self,
        request: Request<GetAccessTokenRequest>,
    ) -> Result<Response<GetAccessTokenResponse>, Status> {
        let id = name(&request.get_ref().name).map_err(|fault| status::from_faults(vec![fault]))?;
        let token = self.tokens.get(id).await.map_err(status::from_error)?;
        Ok(Response::new(GetAccessTokenResponse { access_token: Some(message(token)) }))
    }

    async fn list_access_tokens(
        &self,
        request: Request<ListAccessTokensRequest>,
    ) -> Result<Response<ListAccessTokensResponse>, Status> {
        let request = request.into_inner();
        let asked = Asked::new(request.page_size, &request.page_token, &request.filter);
        let (limit, filter) = asked.read(Field::OF_ACCESS_TOKENS).map_err(status::from_faults)?;
        let cursor = Cursor::new(&self.page_key, format!("{LIST} {}", asked.filter));
        let after = cursor.open(asked.page_token).map_err(|error| status::from_error(error.into()))?;
        let such = move |token: &AccessToken| filter.holds(|field| value(field, token));
        let found = self.tokens.list(after, limit + 1, such).await;
        let mut found = found.map_err(status::from_error)?;
        let is_last = found.len() <= limit;
        found.truncate(limit);
        let last = found.last().filter(|_| !is_last).map(|token| cursor.seal(&token.id.to_string()));
        Ok(Response::new(ListAccessTokensResponse {
            access_tokens: found.into_iter().map(message).collect(),
            next_page_token: last.unwrap_or_default(),
        }))
    }

    async fn revoke_access_token(
        &self,
        request: Request<RevokeAccessTokenRequest>,
    ) -> Result<Response<RevokeAccessTokenResponse>, Status> {
        let (call, request) = call::open(request);
        let id = name(&request.name).map_err(|fault| call::refused(&call, vec![fault]))?;
        let keep = call.keep;
        let answer = move |token, revision| RevokeAccessTokenResponse {
            access_token: Some(message(token)),
            revision: made(revision, keep),
        };
        let revoked = self.tokens.revoke(call, id, request.etag, answer).await;
        revoked.map(Response::new).map_err(status::from_error)
    }

    async fn delete_access_token(
        &self,
        request: Request<DeleteAccessTokenRequest>,
    ) -> Result<Response<DeleteAccessTokenResponse>, Status> {
        let (call, request) = call::open(request);
        let id = name(&request.name).map_err(|fault| call::refused(&call, vec![fault]))?;
        let keep = call.keep;
        let answer = move |revision| DeleteAccessTokenResponse { revision: made(revision, keep) };
        let deleted = self.tokens.delete(call, id, request.etag, answer).await;
        deleted.map(Response::new).map_err(status::from_error)
    }
}

/// What a filter is held against.
fn value(field: Field, token: &AccessToken) -> Option<Value> {
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    match field {
        Field::Role => text(role_message(token.spec.role).as_str_name()),
        Field::Edge => text(&token.spec.edge.as_ref()?.to_string()),
        _ => None,
    }
}

/// What turns a token as it was made into an answer.
fn answer_with(keep: Keep) -> impl FnOnce(AccessToken, Secret, Revision) -> CreateAccessTokenResponse {
    move |token, secret, revision| CreateAccessTokenResponse {
        access_token: Some(message(token)),
        // That of one that was not kept is good for nothing.
        secret: if keep == Keep::Changes { secret.expose().to_owned() } else { String::new() },
        revision: made(revision, keep),
    }
}

fn name(name: &str) -> Result<AccessTokenId, Fault> {
    name.parse().map_err(|error| Fault::new("name", error))
}

/// The id and what was written, or all that is wrong with them.
pub(super) fn read(
    request: CreateAccessTokenRequest,
) -> Result<(AccessTokenId, AccessTokenSpec), Vec<Fault>> {
    let id =
        AccessTokenId::parse(&request.access_token_id).map_err(|error| Fault::new("access_token_id", error));
    let Some(message) = request.access_token else {
        return Err(id.err().into_iter().chain([Fault::new("access_token", "is missing")]).collect());
    };
    let (spec, faults) = read_spec(message);
    match (id, spec) {
        (Ok(id), Some(spec)) if faults.is_empty() => Ok((id, spec)),
        (id, _) => {
            let faults = faults.into_iter().map(|fault| fault.within("access_token"));
            Err(id.err().into_iter().chain(faults).collect())
        }
    }
}

/// What was written, as far as there is a role, and everything that is wrong with it.
fn read_spec(message: proto::AccessToken) -> (Option<AccessTokenSpec>, Vec<Fault>) {
    let mut faults = Vec::new();
    let proto::AccessToken { display_name, role, integrations, edge, expire_time, .. } = message;
    if display_name.len() > DISPLAY_NAME_BYTES_MAX {
        faults.push(Fault::new("display_name", format!("is longer than {DISPLAY_NAME_BYTES_MAX} bytes")));
    }
    let integrations = read_integrations(&integrations, &mut faults);
    let edge = (!edge.is_empty()).then(|| edge.parse::<EdgeId>());
    let edge = edge.and_then(|edge| edge.map_err(|error| faults.push(Fault::new("edge", error))).ok());
    let expire_time = expire_time.and_then(|time| {
        let read =
            SystemTime::try_from(time).map_err(|_| faults.push(Fault::new("expire_time", "is no time")));
        read.ok()
    });
    let role = read_role(role).map_err(|fault| faults.push(fault)).ok();
    let spec = role.map(|role| AccessTokenSpec { display_name, role, integrations, edge, expire_time });
    // What does not fit together is only looked for where its parts are right.
    if let Some(spec) = spec.as_ref().filter(|_| faults.is_empty()) {
        faults = mismatches(spec);
    }
    (spec, faults)
}

fn read_role(number: i32) -> Result<Role, Fault> {
    match ProtoRole::try_from(number) {
        Ok(ProtoRole::Admin) => Ok(Role::Admin),
        Ok(ProtoRole::Editor) => Ok(Role::Editor),
        Ok(ProtoRole::Viewer) => Ok(Role::Viewer),
        Ok(ProtoRole::Edge) => Ok(Role::Edge),
        Ok(ProtoRole::Preprocess) => Ok(Role::Preprocess),
        Ok(ProtoRole::Unspecified) => Err(Fault::new("role", "is missing")),
        Err(_) => Err(Fault::new("role", format!("{number} is none of its values"))),
    }
}

fn read_integrations(names: &[String], faults: &mut Vec<Fault>) -> Vec<IntegrationId> {
    if names.len() > INTEGRATIONS_MAX {
        faults.push(Fault::new("integrations", format!("are more than {INTEGRATIONS_MAX}")));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let field = || format!("integrations[{index}]");
        match name.parse::<IntegrationId>() {
            Ok(id) if !seen.insert(id.clone()) => faults.push(Fault::new(field(), "is there twice")),
            Ok(_) => {}
            Err(error) => faults.push(Fault::new(field(), error)),
        }
    }
    seen.into_iter().collect()
}

/// What the role asks of the rest.
fn mismatches(spec: &AccessTokenSpec) -> Vec<Fault> {
    let AccessTokenSpec { role, integrations, edge, .. } = spec;
    let mut faults = Vec::new();
    match (role, integrations.is_empty()) {
        (Role::Admin | Role::Edge, false) => {
            faults.push(Fault::new(
                "integrations",
                format!("must be empty: the role {role} is for all of them"),
            ));
        }
        (Role::Preprocess, true) => {
            faults.push(Fault::new("integrations", "are missing: the role preprocess is for some of them"));
        }
        _ => {}
    }
    match (role, edge) {
        (Role::Edge, None) => faults.push(Fault::new("edge", "is missing: the role edge is for one edge")),
        (Role::Admin | Role::Editor | Role::Viewer | Role::Preprocess, Some(_)) => {
            faults.push(Fault::new("edge", format!("must be empty: the role {role} is for no edge")));
        }
        _ => {}
    }
    faults
}

pub(super) fn message(token: AccessToken) -> proto::AccessToken {
    let etag = token.etag();
    let AccessToken { id, uid, spec, create_time, update_time, revoke_time, last_used_time, prefix, .. } =
        token;
    proto::AccessToken {
        name: id.to_string(),
        uid: uid.to_string(),
        display_name: spec.display_name,
        create_time: Some(create_time.into()),
        update_time: Some(update_time.into()),
        etag,
        role: role_message(spec.role).into(),
        integrations: spec.integrations.iter().map(ToString::to_string).collect(),
        edge: spec.edge.map(|edge| edge.to_string()).unwrap_or_default(),
        expire_time: spec.expire_time.map(Into::into),
        revoke_time: revoke_time.map(Into::into),
        prefix,
        last_used_time: last_used_time.map(Into::into),
    }
}

const fn role_message(role: Role) -> ProtoRole {
    match role {
        Role::Admin => ProtoRole::Admin,
        Role::Editor => ProtoRole::Editor,
        Role::Viewer => ProtoRole::Viewer,
        Role::Edge => ProtoRole::Edge,
        Role::Preprocess => ProtoRole::Preprocess,
    }
}
