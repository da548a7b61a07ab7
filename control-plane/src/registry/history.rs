//! What integrations were: every change of one keeps a revision, in the change's own transaction, and an earlier
//! revision can be gone back to.

use std::{collections::BTreeMap, ops::ControlFlow};

use pointsman_routing::{
    fault::{Fault, entry_path},
    integration::IntegrationSpec,
    name::{IntegrationId, ResourceName},
};

use super::{
    Answer, Call, Draft, Error, Registry, Target, Writing, check_etag, exists, not_found, write_one,
};
use crate::{
    domain::{Caller, FieldChange, Resource, Revision, redact},
    store::{IntegrationRevision, StoreError},
};

/// Of one change of an integration, the texts that are kept of what differs, in bytes. What it became is kept whole.
const CHANGES_BYTES_MAX: usize = 256 * 1024;

/// Where a rollback's request has the revision, and what is in it.
const AT: &str = "revision";
/// Where it has the metadata that it supplies.
const METADATA: &str = "preprocess_metadata";

/// What a rollback asks for.
#[derive(Clone, Debug)]
pub(crate) struct Rollback {
    /// One of the integration's revisions.
    pub(crate) revision: Revision,
    /// Values in place of secrets that are kept: name → value.
    pub(crate) metadata: Metadata,
    /// How long it may become, and how long it is as a message.
    pub(crate) limit_bytes: usize,
    pub(crate) measure: fn(&IntegrationId, &IntegrationRevision) -> usize,
}

/// Metadata of a Preprocess service. The values are secrets.
pub(crate) type Metadata = BTreeMap<String, String>;

impl Registry {
    /// Reads what an integration was, the latest first, from the revision below `below` on; `each` says where the page
    /// ends.
    pub(crate) async fn integration_revisions<T, F>(
        &self,
        caller: &Caller,
        name: IntegrationId,
        below: Option<Revision>,
        start: T,
        mut each: F,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut T, IntegrationRevision) -> ControlFlow<()> + Send + 'static,
    {
        if !caller.sees(&name) {
            return Err(Error::OutOfScope(ResourceName::Integration(name)));
        }
        self.store
            .read(move |snapshot| {
                exists(snapshot.contains::<IntegrationSpec>(&name)?, &name)?;
                let mut page = start;
                snapshot.for_each_integration_revision(&name, below, |kept| each(&mut page, kept))?;
                Ok(page)
            })
            .await
    }

    /// Makes an integration what it was at an earlier revision, as an update would.
    pub(crate) async fn roll_back<R: Answer>(
        &self,
        call: Call,
        Target { name, etag, .. }: Target<IntegrationSpec>,
        rollback: Rollback,
        answer: impl FnOnce(Resource<IntegrationSpec>, Revision) -> R + Send + 'static,
    ) -> Result<R, Error> {
        let roll_back = move |writing: &mut Writing<'_, '_>| {
            writing.authorize(&ResourceName::Integration(name.clone()))?;
            let snapshot = writing.transaction.snapshot();
            let current =
                snapshot.get::<IntegrationSpec>(&name)?.ok_or_else(|| not_found::<IntegrationSpec>(&name))?;
            check_etag(&name, Some(&current), &etag)?;
            let kept = snapshot.integration_revision(&name, rollback.revision)?.ok_or_else(|| {
                Error::NoRevision { integration: name.clone(), revision: rollback.revision }
            })?;
            let draft = rollback.draft(&name, kept);
            writing.rolls_back_to = Some(rollback.revision);
            let resource = write_one(writing, draft, &name).map_err(|error| error.rename(supplied))?;
            Ok(answer(resource, writing.revision()))
        };
        self.write(call, roll_back).await
    }
}

/// What the request calls a field of the revision that it can supply.
fn supplied(field: &str) -> Option<String> {
    let entry = field.strip_prefix(AT)?.strip_prefix(".endpoint.preprocess.metadata")?;
    Some(format!("{METADATA}{entry}"))
}

impl Rollback {
    /// What the integration is to become.
    fn draft(&self, name: &IntegrationId, mut kept: IntegrationRevision) -> Draft<IntegrationSpec> {
        let faults = self.supply(&mut kept.spec);
        let bytes = (self.measure)(name, &kept);
        let draft = Draft::new(AT, Ok(name.clone()), kept.display_name, kept.spec, Vec::new());
        draft.with_more_faults(faults).measured(bytes, self.limit_bytes)
    }

    /// Puts the values in that the request supplies.
    fn supply(&self, spec: &mut IntegrationSpec) -> Vec<Fault> {
        let mut metadata = spec.preprocess.as_mut().map(|service| &mut service.metadata);
        let mut faults = Vec::new();
        for (name, value) in &self.metadata {
            match metadata.as_mut().and_then(|metadata| metadata.get_mut(name)) {
                Some(secret) => secret.clone_from(value),
                None => {
                    let reason = format!("revision {} has no metadata of this name", self.revision);
                    faults.push(Fault::new(entry_path(METADATA, name), reason));
                }
            }
        }
        faults
    }
}

/// Keeps what an integration has become.
pub(super) fn keep_revision(
    writing: &mut Writing<'_, '_>,
    name: &IntegrationId,
    changes: &[FieldChange],
) -> Result<(), StoreError> {
    let after = writing.transaction.snapshot().get::<IntegrationSpec>(name)?;
    let Some(mut after) = after else { return Ok(()) };
    let kept = within_bound(changes);
    redact(&mut after.spec);
    let revision = IntegrationRevision {
        revision: after.meta.revision,
        create_time: after.meta.update_time,
        caller: writing.call.caller.name.to_string(),
        rolled_back_to: writing.rolls_back_to,
        display_name: after.meta.display_name,
        spec: after.spec,
        more_changes: u32::try_from(changes.len() - kept.len()).unwrap_or(u32::MAX),
        changes: kept.to_vec(),
    };
    writing.transaction.keep_revision(name, &revision)
}

/// As many of the changes as fit.
fn within_bound(changes: &[FieldChange]) -> &[FieldChange] {
    let bytes = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let mut left = CHANGES_BYTES_MAX;
    let fits = |change: &&FieldChange| {
        let size = change.field.len() + bytes(&change.before) + bytes(&change.after);
        let rest = left.checked_sub(size);
        left = rest.unwrap_or(0);
        rest.is_some()
    };
    &changes[..changes.iter().take_while(fits).count()]
}
