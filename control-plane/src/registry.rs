//! The rules: what may be written, judged and written in one transaction.
//!
//! Every write takes the same way, be it one resource or a manifest of many. Its [`Draft`]s come with the faults that
//! show without a look at anything else. Inside the transaction all of them are put into the tables, and then the state
//! that results is judged as a whole: so the order within a manifest does not matter, resources can swap unique values,
//! and every fault and violation is reported at once. A state that breaks a rule is rolled back. A draft that says
//! what is there already is not written, and a write of only such drafts makes no revision.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use pointsman_routing::{
    integration::IntegrationSpec,
    name::{IntegrationId, ResourceName},
};

use crate::{
    domain::{Caller, Fields, Resource, Revision},
    store::{AuditAction, Head, Snapshot, Store},
};

mod access_tokens;
mod apply;
mod audit;
mod batch;
mod call;
mod draft;
mod error;
mod history;
mod import;
mod list;
mod lookup;
mod manifest;
mod mapping_row;
mod page;
mod pause;
mod plan;
mod rotation;
mod rules;
mod secrets;
mod writing;

pub use access_tokens::{AccessTokenError, AccessTokens};
pub(crate) use apply::{Exported, Outcome};
pub(crate) use batch::Upserted;
pub use call::{Answer, Call, RepeatableRequest};
pub use draft::Draft;
pub use error::{Error, Refused, Violation, ViolationKind};
pub(crate) use history::Rollback;
pub use import::ImportError;
pub(crate) use import::{Failure, Import, ImportOutcome, ImportStart};
pub(crate) use list::List;
pub use lookup::Known;
pub use manifest::{Action, Applied, ApplyOptions, Endpoint, Manifest, TokensDraft};
pub(crate) use mapping_row::{MappingRow, RowTarget};
pub(crate) use page::Cursor;
pub use page::PageTokenError;
pub(crate) use rotation::{Rotated, Rotates, Rotation};
pub(crate) use rules::Rules;
pub(crate) use secrets::keep as keep_secrets;
pub(crate) use writing::Writing;

use import::Imports;

/// All resources, and the rules for writing them. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Registry {
    store: Store,
    clock: fn() -> SystemTime,
    imports: Arc<Imports>,
}

/// What an update does where there is no resource of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// It fails.
    Fail,
    /// It creates the resource.
    Create,
}

/// What an update is for.
#[derive(Clone, Debug)]
pub(crate) struct Target<K: Rules> {
    pub(crate) name: K::Name,
    /// What the caller has seen of it; empty where the caller does not care.
    pub(crate) etag: String,
    pub(crate) if_missing: IfMissing,
}

impl Registry {
    /// A registry of what `store` keeps; `clock` tells when resources are written.
    #[must_use]
    pub fn new(store: Store, clock: fn() -> SystemTime) -> Self {
        Self { store, clock, imports: Arc::default() }
    }

    /// Does `work` in one transaction, on behalf of `call`: all of it lasts, or nothing. A call that was answered before
    /// under its id is answered so again.
    pub(crate) async fn write<R: Answer>(
        &self,
        call: Call,
        work: impl FnOnce(&mut Writing<'_, '_>) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let now = to_the_microsecond((self.clock)());
        let written =
            self.store.write(call.keep, move |transaction| Writing::new(transaction, &call, now).once(work));
        Ok(written.await?.value)
    }

    /// Reads, everything at one revision.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.read(read).await
    }

    /// Creates a resource. Its integration, if it lies in one, must exist.
    pub(crate) async fn create<K: Rules, R: Answer>(
        &self,
        call: Call,
        draft: Draft<K>,
        answer: impl FnOnce(Resource<K>, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let create = move |writing: &mut Writing<'_, '_>| {
            let name = draft.name()?;
            writing.authorize(&K::resource_name(&name))?;
            let snapshot = writing.transaction.snapshot();
            require_integration::<K>(snapshot, &name).map_err(|error| draft.faults_or(error))?;
            if snapshot.contains::<K>(&name)? {
                return Err(draft.faults_or(Error::AlreadyExists(K::resource_name(&name))));
            }
            let resource = write_one(writing, draft, &name)?;
            Ok(answer(resource, writing.revision()))
        };
        self.write(call, create).await
    }

    /// The resource of this name.
    pub(crate) async fn get<K: Rules>(&self, caller: &Caller, name: K::Name) -> Result<Resource<K>, Error> {
        let resource_name = K::resource_name(&name);
        if !caller.may_read(&resource_name) {
            return Err(Error::OutOfScope(resource_name));
        }
        self.store.read(move |snapshot| snapshot.get(&name)?.ok_or_else(|| not_found::<K>(&name))).await
    }

    /// Updates the resource to what `edit` makes of it.
    pub(crate) async fn update<K: Rules, R: Answer>(
        &self,
        call: Call,
        Target { name, etag, if_missing }: Target<K>,
        edit: impl FnOnce(Option<&Resource<K>>) -> Draft<K> + Send + 'static,
        answer: impl FnOnce(Resource<K>, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let update = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&K::resource_name(&name))?;
            let snapshot = writing.transaction.snapshot();
            let current = snapshot.get::<K>(&name)?;
            if current.is_none() {
                require_integration::<K>(snapshot, &name)?;
                if if_missing == IfMissing::Fail {
                    return Err(not_found::<K>(&name));
                }
            }
            check_etag::<K>(&name, current.as_ref(), &etag)?;
            let resource = write_one(writing, edit(current.as_ref()), &name)?;
            Ok(answer(resource, writing.revision()))
        };
        self.write(call, update).await
    }

    /// Deletes the resource, which nothing may use.
    pub(crate) async fn delete<K: Rules, R: Answer>(
        &self,
        call: Call,
        name: K::Name,
        etag: String,
        answer: impl FnOnce(Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let delete = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&K::resource_name(&name))?;
            let snapshot = writing.transaction.snapshot();
            let current = snapshot.get::<K>(&name)?.ok_or_else(|| not_found::<K>(&name))?;
            check_etag::<K>(&name, Some(&current), &etag)?;
            let users = K::users(&name, snapshot)?;
            if !users.is_empty() {
                return Err(Error::in_use(&K::resource_name(&name), &users));
            }
            writing.transaction.remove::<K>(&name)?;
            writing.audit(&name, AuditAction::Removed, Fields::diff(Some(&Fields::of(&current)), None))?;
            Ok(answer(writing.revision()))
        };
        self.write(call, delete).await
    }

    /// The database and its latest revision.
    #[must_use]
    pub(crate) fn head(&self) -> Head {
        Head { epoch: self.store.epoch().clone(), revision: *self.store.revisions().borrow() }
    }

    /// The key that seals page tokens.
    pub(crate) fn page_key(&self) -> &crate::store::PageKey {
        self.store.page_key()
    }
}

fn write_one<K: Rules>(
    writing: &mut Writing<'_, '_>,
    draft: Draft<K>,
    name: &K::Name,
) -> Result<Resource<K>, Error> {
    K::plan(draft).carry_out(writing)?;
    writing.transaction.snapshot().get(name)?.ok_or_else(|| not_found::<K>(name))
}

fn require_integration<K: Rules>(snapshot: Snapshot<'_>, name: &K::Name) -> Result<(), Error> {
    let Some(integration) = K::integration(name) else { return Ok(()) };
    exists(snapshot.contains::<IntegrationSpec>(integration)?, integration)
}

fn exists(found: bool, integration: &IntegrationId) -> Result<(), Error> {
    if found { Ok(()) } else { Err(Error::NotFound(ResourceName::Integration(integration.clone()))) }
}

fn check_etag<K: Rules>(name: &K::Name, current: Option<&Resource<K>>, etag: &str) -> Result<(), Error> {
    if etag.is_empty() || current.is_some_and(|current| current.etag().as_str() == etag) {
        return Ok(());
    }
    Err(Error::EtagMismatch(K::resource_name(name)))
}

fn not_found<K: Rules>(name: &K::Name) -> Error {
    Error::NotFound(K::resource_name(name))
}

/// What the database keeps of a time, so that an answer says what a later read will.
fn to_the_microsecond(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_micros(u64::try_from(since.as_micros()).unwrap_or_default())
}
