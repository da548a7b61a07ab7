//! Access tokens: made, revoked and removed, in the same kind of transaction as everything else.

use pointsman_routing::{fault::Fault, name::AccessTokenId};
use uuid::Uuid;

use super::{Answer, Call, Error, Refused, Registry, Violation, ViolationKind, Writing};
use crate::{
    access::Access,
    domain::{AccessToken, AccessTokenSpec, FieldChange, Revision, Secret},
    store::AuditAction,
};

/// Access tokens at a time. All of them are kept in memory.
const ACCESS_TOKENS_MAX: u32 = 10_000;

/// Manages access tokens. Clones are handles to the same ones.
#[derive(Clone, Debug)]
pub struct AccessTokens {
    registry: Registry,
    access: Access,
}

/// Why an access token is not made, revoked or removed.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// There is none of this name.
    #[error("there is no {0}")]
    NotFound(AccessTokenId),
    /// There is one of this name.
    #[error("{0} is there already")]
    AlreadyExists(AccessTokenId),
    /// It has changed since the caller saw it.
    #[error("{0} has changed since its etag was read: read it again")]
    EtagMismatch(AccessTokenId),
    /// As many as there may be.
    #[error(
        "there are {ACCESS_TOKENS_MAX} access tokens, which is as many as there may be: delete some that are over"
    )]
    TooMany,
    /// The caller's own token is over.
    #[error("the access token of the call is over")]
    CallerIsOver,
}

impl AccessTokens {
    /// Those of `registry`, of which `access` is told.
    #[must_use]
    pub fn new(registry: Registry, access: Access) -> Self {
        Self { registry, access }
    }

    /// Makes one. `answer` takes it with its secret, which is nowhere else.
    pub(crate) async fn create<R: Answer>(
        &self,
        call: Call,
        id: AccessTokenId,
        spec: AccessTokenSpec,
        answer: impl FnOnce(AccessToken, Secret, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let secret = Secret::random()?;
        self.write(call, move |writing| {
            let snapshot = writing.transaction.snapshot();
            if snapshot.access_token(&id)?.is_some() {
                return Err(AccessTokenError::AlreadyExists(id).into());
            }
            if snapshot.access_token_count()? >= ACCESS_TOKENS_MAX {
                return Err(AccessTokenError::TooMany.into());
            }
            if spec.expire_time.is_some_and(|expire_time| expire_time <= writing.now) {
                let fault = Fault::new("access_token.expire_time", "is not in the future");
                return Err(Error::Refused(Refused::faulty(vec![fault])));
            }
            let token = AccessToken {
                id,
                uid: Uuid::new_v4(),
                spec,
                create_time: writing.now,
                update_time: writing.now,
                version: 1,
                revoke_time: None,
                last_used_time: None,
                prefix: secret.prefix().to_owned(),
            };
            writing.transaction.insert_access_token(&token, &secret.hash())?;
            writing.audit(&token.id, AuditAction::Created, fields(&token, FieldChange::added))?;
            Ok(answer(token, secret, writing.revision()))
        })
        .await
    }

    /// One of them.
    pub(crate) async fn get(&self, id: AccessTokenId) -> Result<AccessToken, Error> {
        self.registry
            .read(move |snapshot| {
                snapshot.access_token(&id)?.ok_or_else(|| AccessTokenError::NotFound(id).into())
            })
            .await
    }

    /// At most `limit` of those that `filter` wants, behind the name `after`.
    pub(crate) async fn list(
        &self,
        after: String,
        limit: usize,
        filter: impl Fn(&AccessToken) -> bool + Send + 'static,
    ) -> Result<Vec<AccessToken>, Error> {
        self.registry
            .read(move |snapshot| {
                // A few thousand at most, and most lists want all of them.
                let all = snapshot.access_tokens(&after, usize::MAX)?;
                Ok(all
                    .into_iter()
                    .map(|(token, _)| token)
                    .filter(|token| filter(token))
                    .take(limit)
                    .collect())
            })
            .await
    }

    /// Ends one, and every call and stream that came with it, before this answers. One that was revoked stays as it is.
    pub(crate) async fn revoke<R: Answer>(
        &self,
        call: Call,
        id: AccessTokenId,
        etag: String,
        answer: impl FnOnce(AccessToken, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        self.write(call, move |writing| {
            let mut token = current(writing, id, &etag)?;
            if token.revoke_time.is_none() {
                writing.transaction.revoke_access_token(&token.id, writing.now)?;
                token.revoke_time = Some(writing.now);
                token.update_time = writing.now;
                token.version += 1;
                writing.audit(&token.id, AuditAction::Revoked, Vec::new())?;
            }
            Ok(answer(token, writing.revision()))
        })
        .await
    }

    /// Removes one that is over.
    pub(crate) async fn delete<R: Answer>(
        &self,
        call: Call,
        id: AccessTokenId,
        etag: String,
        answer: impl FnOnce(Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        self.write(call, move |writing| {
            let token = current(writing, id, &etag)?;
            if token.end(writing.now).is_none() {
                return Err(in_use(&token.id));
            }
            writing.transaction.delete_access_token(&token.id)?;
            writing.audit(&token.id, AuditAction::Removed, fields(&token, FieldChange::removed))?;
            Ok(answer(writing.revision()))
        })
        .await
    }

    /// Writes, and makes it count. Both happen also where whoever asked has gone meanwhile: what is in the database and
    /// what counts are never two things.
    async fn write<R: Answer>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Writing<'_, '_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let Self { registry, access } = self.clone();
        let writing = tokio::spawn(async move {
            let written = registry
                .write(call, |writing| {
                    check_caller(writing)?;
                    work(writing)
                })
                .await;
            access.reload().await?;
            written
        });
        writing.await.map_err(|_| crate::store::StoreError::Panicked)?
    }
}

/// These calls are not cut off when their caller's token ends, so that one can revoke its own and be answered. In their
/// turn they look whether it still is good.
fn check_caller(writing: &Writing<'_, '_>) -> Result<(), Error> {
    let name = &writing.call.caller.name;
    let has_token = name.parse::<AccessTokenId>().is_ok();
    if has_token && !writing.transaction.is_access_token_good(name, writing.now)? {
        return Err(AccessTokenError::CallerIsOver.into());
    }
    Ok(())
}

fn current(writing: &Writing<'_, '_>, id: AccessTokenId, etag: &str) -> Result<AccessToken, Error> {
    let token = writing.transaction.snapshot().access_token(&id)?;
    match token {
        None => Err(AccessTokenError::NotFound(id).into()),
        Some(token) if !etag.is_empty() && token.etag() != etag => {
            Err(AccessTokenError::EtagMismatch(id).into())
        }
        Some(token) => Ok(token),
    }
}

/// It is good, and so somebody may be using it.
fn in_use(id: &AccessTokenId) -> Error {
    let mut refused = Refused::default();
    refused.break_rule(Violation {
        kind: ViolationKind::InUse,
        field: None,
        subject: id.to_string(),
        reason: format!("{id} can be in use: revoke it first"),
    });
    Error::Refused(refused)
}

/// What an admin wrote of it, for the audit.
fn fields(token: &AccessToken, change: fn(&str, String) -> FieldChange) -> Vec<FieldChange> {
    let AccessTokenSpec { display_name, role, integrations, edge, expire_time } = &token.spec;
    let mut fields = Vec::new();
    if !display_name.is_empty() {
        fields.push(change("display_name", display_name.clone()));
    }
    fields.push(change("role", role.to_string()));
    for (index, integration) in integrations.iter().enumerate() {
        fields.push(change(&format!("integrations[{index}]"), integration.to_string()));
    }
    fields.extend(edge.iter().map(|edge| change("edge", edge.to_string())));
    fields.extend(
        expire_time.map(|time| change("expire_time", prost_types::Timestamp::from(time).to_string())),
    );
    fields
}
