//! Manifests: the whole configuration in, and out.

use std::ops::ControlFlow;

use super::{
    Answer, Applied, ApplyOptions, Call, Error, Manifest, Registry,
    manifest::digest,
    plan::{Compared, Plan},
};
use crate::{
    domain::{AnyResource, Caller, Owner, Revision, Role},
    store::Snapshot,
};

/// What applying a manifest came to.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// One for each resource of the manifest, in its order; then those that were removed.
    pub(crate) applied: Vec<Applied>,
    /// Stands for all of it.
    pub(crate) plan: String,
    /// The revision that was made, or the current one where nothing changed.
    pub(crate) revision: Revision,
}

/// What of the configuration is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exported {
    /// Only what is this owner's.
    pub(crate) owner: Option<Owner>,
    /// With the tokens of endpoints, which only admins may have.
    pub(crate) with_endpoint_tokens: bool,
}

impl Registry {
    /// Writes what a manifest holds: all of it, or nothing. `answer` can still refuse it.
    ///
    /// The manifest is compared with what is there before the one transaction that writes begins, so that nobody waits
    /// for it who writes meanwhile; where somebody did, it is compared again in the transaction.
    pub(crate) async fn apply<R: Answer>(
        &self,
        call: Call,
        manifest: Manifest,
        options: ApplyOptions,
        answer: impl FnOnce(Outcome) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        if !manifest.endpoint_tokens.is_empty() {
            require_admin(&call.caller)?;
        }
        let caller = call.caller.clone();
        let expected = options.expected_plan.clone();
        let compare = move |snapshot: &Snapshot<'_>| {
            let mut plan = Plan::of_manifest(manifest, options);
            let compared = plan.compare(*snapshot, &caller)?;
            Ok::<_, Error>((plan, compared, snapshot.head()?.revision))
        };
        let (mut plan, compared, seen) = self.store.read(compare).await?;

        let finish = move |plan: &Plan, revision: Revision| {
            let applied = plan.applied();
            let digest = digest(&applied);
            if expected.is_empty() || expected == digest {
                answer(Outcome { applied, plan: digest, revision })
            } else {
                Err(Error::PlanChanged)
            }
        };
        if compared.is_nothing() && call.request.is_none() {
            return finish(&plan, seen);
        }
        let apply = move |writing: &mut super::Writing<'_, '_>| {
            let compared: Compared = if writing.transaction.head_revision() == seen {
                compared
            } else {
                plan.compare(writing.transaction.snapshot(), &writing.call.caller)?
            };
            plan.write(writing, compared)?;
            finish(&plan, writing.revision())
        };
        self.write(call, apply).await
    }

    /// Hands out everything that is asked for and that the caller may see, at one revision, in the order of names;
    /// `each` says where it has enough.
    pub(crate) async fn export<T, F>(
        &self,
        caller: Caller,
        asked: Exported,
        start: T,
        mut each: F,
    ) -> Result<(T, Revision), Error>
    where
        T: Send + 'static,
        F: FnMut(&mut T, AnyResource) -> ControlFlow<()> + Send + 'static,
    {
        if asked.with_endpoint_tokens {
            require_admin(&caller)?;
        }
        self.store
            .read(move |snapshot| {
                let mut all = start;
                snapshot.for_each_resource::<Error>(None, |resource| {
                    let asked_for = asked.owner.as_ref().is_none_or(|owner| resource.owner() == owner);
                    if asked_for && caller.may_read(&resource.name()) {
                        Ok(each(&mut all, resource))
                    } else {
                        Ok(ControlFlow::Continue(()))
                    }
                })?;
                Ok((all, snapshot.head()?.revision))
            })
            .await
    }
}

/// Whoever knows an endpoint's token can send webhooks.
fn require_admin(caller: &Caller) -> Result<(), Error> {
    if caller.role == Role::Admin { Ok(()) } else { Err(Error::RoleNotEnough { needed: Role::Admin }) }
}
