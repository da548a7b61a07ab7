//! The rules: what may be written, judged and written in one transaction.
//!
//! Every write takes the same way, be it one resource or a manifest of many. Its [`Draft`]s come with the faults that
//! show without a look at anything else. Inside the transaction all of them are put into the tables, and then the state
//! that results is judged as a whole: so the order within a manifest does not matter, resources can swap unique values,
//! and every fault and violation is reported at once. A state that breaks a rule is rolled back. A draft that says
//! what is there already is not written, and a write of only such drafts makes no revision.

use std::{ops::ControlFlow, time::SystemTime};

use pointsman_routing::name::{IntegrationId, ResourceName};

use crate::{
    domain::{AnyResource, Resource, Revision},
    store::{Keep, Scope, Store, WriteTransaction, Written},
};

mod draft;
mod error;
mod manifest;
mod page;
mod plan;
mod rules;

pub use draft::Draft;
pub use error::{Error, Refused, Violation, ViolationKind};
pub use manifest::{Action, Applied, Manifest};
pub use page::PageTokenError;
pub(crate) use page::{Cursor, List};
pub(crate) use rules::Rules;

use plan::Plan;

/// All resources, and the rules for writing them. Clones are handles to the same one.
#[derive(Clone, Debug)]
pub struct Registry {
    store: Store,
    clock: fn() -> SystemTime,
}

/// What an update does where there is no resource of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// It fails.
    Fail,
    /// It creates the resource.
    Create,
}

impl Registry {
    /// A registry of what `store` keeps; `clock` tells when resources are written.
    #[must_use]
    pub fn new(store: Store, clock: fn() -> SystemTime) -> Self {
        Self { store, clock }
    }

    /// Creates a resource. Its integration, if it lies in one, must exist.
    pub(crate) async fn create<K: Rules>(
        &self,
        draft: Draft<K>,
        keep: Keep,
    ) -> Result<Written<Resource<K>>, Error> {
        let now = (self.clock)();
        self.store
            .write(keep, move |transaction| {
                let name = draft.name()?;
                require_integration::<K>(transaction, &name).map_err(|error| draft.faults_or(error))?;
                if transaction.snapshot().contains::<K>(&name)? {
                    return Err(draft.faults_or(Error::AlreadyExists(K::resource_name(&name))));
                }
                write_one(transaction, draft, &name, now, keep)
            })
            .await
    }

    /// The resource of this name.
    pub(crate) async fn get<K: Rules>(&self, name: K::Name) -> Result<Resource<K>, Error> {
        self.store.read(move |snapshot| snapshot.get(&name)?.ok_or_else(|| not_found::<K>(&name))).await
    }

    /// Reads a list from `list`'s cursor on; `each` says where the page ends.
    pub(crate) async fn list<K, T, F>(&self, list: List, start: T, mut each: F) -> Result<T, Error>
    where
        K: Rules,
        T: Send + 'static,
        F: FnMut(&mut T, Resource<K>) -> ControlFlow<()> + Send + 'static,
    {
        self.store
            .read(move |snapshot| {
                let mut page = start;
                if let Some(integration) = &list.parent {
                    exists(
                        snapshot.contains::<pointsman_routing::integration::IntegrationSpec>(integration)?,
                        integration,
                    )?;
                }
                let scope = list.parent.as_ref().map_or_else(Scope::all, Scope::below);
                snapshot
                    .for_each_of::<K, Error>(&scope, &list.after, |resource| Ok(each(&mut page, resource)))?;
                Ok(page)
            })
            .await
    }

    /// Updates the resource to what `edit` makes of it. `etag` is what the caller has seen of it; empty where the
    /// caller does not care.
    pub(crate) async fn update<K, F>(
        &self,
        name: K::Name,
        etag: String,
        if_missing: IfMissing,
        keep: Keep,
        edit: F,
    ) -> Result<Written<Resource<K>>, Error>
    where
        K: Rules,
        F: FnOnce(Option<&Resource<K>>) -> Draft<K> + Send + 'static,
    {
        let now = (self.clock)();
        self.store
            .write(keep, move |transaction| {
                let current = transaction.snapshot().get::<K>(&name)?;
                if current.is_none() {
                    require_integration::<K>(transaction, &name)?;
                    if if_missing == IfMissing::Fail {
                        return Err(not_found::<K>(&name));
                    }
                }
                check_etag::<K>(&name, current.as_ref(), &etag)?;
                let draft = edit(current.as_ref());
                write_one(transaction, draft, &name, now, keep)
            })
            .await
    }

    /// Deletes the resource, which nothing may use.
    pub(crate) async fn delete<K: Rules>(
        &self,
        name: K::Name,
        etag: String,
        keep: Keep,
    ) -> Result<Written<()>, Error> {
        self.store
            .write(keep, move |transaction| {
                let current = transaction.snapshot().get::<K>(&name)?.ok_or_else(|| not_found::<K>(&name))?;
                check_etag::<K>(&name, Some(&current), &etag)?;
                let users = K::users(&name, transaction.snapshot())?;
                if !users.is_empty() {
                    return Err(Error::in_use(&K::resource_name(&name), &users));
                }
                Ok(transaction.remove::<K>(&name)?)
            })
            .await
    }

    /// Writes what a manifest holds: all of it, or nothing.
    pub async fn apply(&self, manifest: Manifest, keep: Keep) -> Result<Written<Vec<Applied>>, Error> {
        let now = (self.clock)();
        self.store
            .write(keep, move |transaction| {
                let mut plan = Plan::from(manifest);
                plan.carry_out(transaction, now, keep)?;
                Ok(plan.applied())
            })
            .await
    }

    /// Hands out everything, at one revision, in the order of names; `each` says where it has enough.
    pub(crate) async fn export<T, F>(&self, start: T, mut each: F) -> Result<(T, Revision), Error>
    where
        T: Send + 'static,
        F: FnMut(&mut T, AnyResource) -> ControlFlow<()> + Send + 'static,
    {
        self.store
            .read(move |snapshot| {
                let mut all = start;
                snapshot.for_each_resource::<Error>(None, |resource| Ok(each(&mut all, resource)))?;
                Ok((all, snapshot.head()?.revision))
            })
            .await
    }

    /// The key that seals page tokens.
    pub(crate) fn page_key(&self) -> &crate::store::PageKey {
        self.store.page_key()
    }
}

fn write_one<K: Rules>(
    transaction: &mut WriteTransaction<'_>,
    draft: Draft<K>,
    name: &K::Name,
    now: SystemTime,
    keep: Keep,
) -> Result<Resource<K>, Error> {
    K::plan(draft).carry_out(transaction, now, keep)?;
    transaction.snapshot().get(name)?.ok_or_else(|| not_found::<K>(name))
}

fn require_integration<K: Rules>(transaction: &WriteTransaction<'_>, name: &K::Name) -> Result<(), Error> {
    let Some(integration) = K::integration(name) else { return Ok(()) };
    let snapshot = transaction.snapshot();
    exists(snapshot.contains::<pointsman_routing::integration::IntegrationSpec>(integration)?, integration)
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
