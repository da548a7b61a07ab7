//! What is to be written of one kind.

use std::collections::HashMap;

use pointsman_routing::fault::Fault;
use uuid::Uuid;

use super::tokens::TokenSet;
use crate::{
    domain::{Caller, FieldChange, Fields, Kind, Meta, Owner, Resource},
    registry::{
        Action, Applied, ApplyOptions, Draft, Error, Refused, Rules, Violation, ViolationKind, Writing,
        keep_secrets, plan::State,
    },
    store::{AuditAction, Keep, Snapshot, StoreError, WriteTransaction},
};

/// What is to be written of one kind, in the request's order.
#[derive(Debug)]
pub(crate) struct Steps<K: Rules> {
    pub(super) steps: Vec<Step<K>>,
    /// Where each name stands in `steps`.
    index: HashMap<K::Name, usize>,
    /// So many of the steps are drafts of the request. Behind them stand resources that only have their tokens in it.
    drafted: usize,
    /// What is to be removed.
    pub(super) removals: Vec<Resource<K>>,
}

/// One resource of a plan. The draft stays as it was asked for, so that it can be compared with another state; all else
/// is of the latest comparison.
#[derive(Debug)]
pub(crate) struct Step<K: Rules> {
    pub(in crate::registry) draft: Draft<K>,
    /// What is there before.
    pub(in crate::registry) current: Option<Resource<K>>,
    /// What is to be there, where that is not just the draft's.
    resolved: Option<K>,
    pub(in crate::registry) action: Action,
    /// What differs, for one that is updated.
    changes: Vec<FieldChange>,
    /// The tokens that endpoints of it are to have.
    pub(super) tokens: Vec<TokenSet>,
}

impl<K: Rules> Steps<K> {
    pub(in crate::registry) fn new(drafts: Vec<Draft<K>>) -> Self {
        let mut this = Self { steps: Vec::with_capacity(drafts.len()), ..Self::default() };
        for mut draft in drafts {
            if let Some(first) = draft.name.as_ref().and_then(|name| this.position(name)) {
                let name = draft.name.take().map(|name| name.to_string()).unwrap_or_default();
                let reason = format!("{name} stands in {} already", this.steps[first].draft.at);
                // Which of the two counts is not for us to say.
                draft.faults.push(Fault::new(format!("{}.name", draft.at), reason));
            }
            this.push(draft);
        }
        this.drafted = this.steps.len();
        this
    }

    pub(super) fn push(&mut self, draft: Draft<K>) -> usize {
        let at = self.steps.len();
        if let Some(name) = &draft.name {
            self.index.insert(name.clone(), at);
        }
        self.steps.push(Step::new(draft));
        at
    }

    /// Forgets what an earlier comparison added.
    pub(super) fn reset(&mut self) {
        for step in self.steps.drain(self.drafted..) {
            step.draft.name.map(|name| self.index.remove(&name));
        }
        self.steps.iter_mut().for_each(|step| step.tokens.clear());
        self.removals.clear();
    }

    /// Where the plan writes this resource, if it names it.
    pub(in crate::registry) fn position(&self, name: &K::Name) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// The step of this resource, if the plan changes it.
    pub(in crate::registry) fn changed(&self, name: &K::Name) -> Option<&Step<K>> {
        let step = &self.steps[self.position(name)?];
        (step.action != Action::Unchanged).then_some(step)
    }

    /// Whether there is anything to do.
    pub(super) fn writes(&self) -> bool {
        !self.removals.is_empty() || self.to_write().next().is_some()
    }

    /// Finds out what has to be done.
    pub(super) fn compare(
        &mut self,
        snapshot: Snapshot<'_>,
        options: Option<&ApplyOptions>,
        refused: &mut Refused,
    ) -> Result<(), StoreError> {
        for step in &mut self.steps {
            step.draft.faults.iter().cloned().for_each(|fault| refused.find_fault(fault));
            let Some(name) = &step.draft.name else { continue };
            let current = snapshot.get(name)?;
            step.compare(current, options, refused);
            if let Some(violation) = step.strayed_token(snapshot)? {
                refused.break_rule(violation);
            }
        }
        Ok(())
    }

    /// Refuses what the caller may not see, and changes that it may not make.
    pub(super) fn authorize(&self, caller: &Caller) -> Result<(), Error> {
        for step in &self.steps {
            let Some(name) = step.draft.name.as_ref().map(K::resource_name) else { continue };
            let allowed = match step.action {
                Action::Unchanged => caller.may_read(&name),
                Action::Created | Action::Updated | Action::Removed => caller.may_write(&name),
            };
            if !allowed {
                return Err(Error::OutOfScope(name));
            }
        }
        Ok(())
    }

    pub(super) fn release(&self, transaction: &mut WriteTransaction<'_>) -> Result<(), StoreError> {
        self.updated().try_for_each(|(name, _)| transaction.release::<K>(name))
    }

    pub(super) fn put(
        &self,
        writing: &mut Writing<'_, '_>,
        options: Option<&ApplyOptions>,
        refused: &mut Refused,
    ) -> Result<(), Error> {
        for (name, step) in self.to_write() {
            let snapshot = writing.transaction.snapshot();
            // A row that is refused here would break a constraint of its table.
            let violation = match K::unique(name, &step.draft, snapshot)? {
                Some(violation) => Some(violation),
                None => step.taken_token(name, snapshot)?,
            };
            match violation {
                Some(violation) => refused.break_rule(violation),
                None => {
                    let resource = step.resource(name, options, writing)?;
                    writing.transaction.put(&resource)?;
                }
            }
        }
        Ok(())
    }

    /// Tells history and audit.
    pub(super) fn record(
        &self,
        writing: &mut Writing<'_, '_>,
        options: Option<&ApplyOptions>,
    ) -> Result<(), StoreError> {
        for (name, step) in self.to_write() {
            if let Some(current) = &step.current {
                writing.record(current, step.changes.clone(), AuditAction::Updated)?;
            } else {
                let changes = Fields::diff(None, Some(&step.fields(options)));
                K::keep_revision(writing, name, &[])?;
                writing.audit(name, AuditAction::Created, changes)?;
            }
        }
        for removed in &self.removals {
            let changes = Fields::diff(Some(&Fields::of(removed)), None);
            writing.audit(&removed.name, AuditAction::Removed, changes)?;
        }
        Ok(())
    }

    pub(super) fn judge(&self, state: State<'_>, refused: &mut Refused) -> Result<(), StoreError> {
        self.to_write().try_for_each(|(name, step)| K::judge(name, step, state, refused))
    }

    pub(super) fn applied(&self, applied: &mut Vec<Applied>) {
        applied.extend(self.steps.iter().filter_map(|step| {
            let name = K::resource_name(step.draft.name.as_ref()?);
            Some(Applied {
                name,
                action: step.action,
                changes: step.changes.clone(),
                adopted_from: step.adopted_from().cloned(),
            })
        }));
    }

    pub(super) fn updated(&self) -> impl Iterator<Item = (&K::Name, &Step<K>)> {
        self.to_write().filter(|(_, step)| step.action == Action::Updated)
    }

    fn to_write(&self) -> impl Iterator<Item = (&K::Name, &Step<K>)> {
        let changed = self.steps.iter().filter(|step| step.action != Action::Unchanged);
        changed.filter_map(|step| step.draft.name.as_ref().map(|name| (name, step)))
    }
}

impl<K: Rules> Default for Steps<K> {
    fn default() -> Self {
        Self { steps: Vec::new(), index: HashMap::new(), drafted: 0, removals: Vec::new() }
    }
}

impl<K: Rules> Step<K> {
    fn new(draft: Draft<K>) -> Self {
        Self {
            draft,
            current: None,
            resolved: None,
            action: Action::Unchanged,
            changes: Vec::new(),
            tokens: Vec::new(),
        }
    }

    /// What is to be there.
    pub(in crate::registry) fn spec(&self) -> &K {
        self.resolved.as_ref().unwrap_or(&self.draft.spec)
    }

    fn compare(
        &mut self,
        current: Option<Resource<K>>,
        options: Option<&ApplyOptions>,
        refused: &mut Refused,
    ) {
        self.current = current;
        self.keep_secrets(refused);
        self.changes.clear();
        let Some(current) = &self.current else {
            self.action = Action::Created;
            return;
        };
        let tokens = self.token_changes(&current.tokens);
        let written = self.draft.display_name != current.meta.display_name
            || *self.spec() != current.spec
            || !tokens.is_empty();
        let owner = self.owner(options);
        if !written && owner == current.meta.owner {
            self.action = Action::Unchanged;
            return;
        }
        let other = options.map(|options| &options.owner).filter(|owner| **owner != current.meta.owner);
        if let (Some(owner), false) = (other, options.is_some_and(|options| options.adopt)) {
            refused.break_rule(owned_by_another(&self.draft, current, owner));
        }
        self.action = Action::Updated;
        let mut changes = Fields::diff(Some(&Fields::of(current)), Some(&self.fields(options)));
        changes.extend(tokens);
        changes.extend(K::new_urls(current, self.spec()));
        self.changes = changes;
    }

    /// Puts the secrets that are kept where the draft leaves them as they are.
    fn keep_secrets(&mut self, refused: &mut Refused) {
        let kept = keep_secrets(&self.draft.spec, self.current.as_ref().map(|current| &current.spec));
        for secret in &kept.refused {
            refused.find_fault(secret.fault(&self.draft.at));
        }
        if kept.added_bytes > self.draft.room_bytes {
            let over = kept.added_bytes - self.draft.room_bytes;
            let reason = format!("is {over} bytes too long with the secrets that are kept");
            refused.find_fault(Fault::new(&self.draft.at, reason));
        }
        self.resolved = kept.spec;
    }

    /// Whose it is to be.
    fn owner(&self, options: Option<&ApplyOptions>) -> Owner {
        match (&self.current, options) {
            (Some(current), Some(options)) if !options.adopt => current.meta.owner.clone(),
            (_, Some(options)) => options.owner.clone(),
            (Some(current), None) => current.meta.owner.clone(),
            (None, None) => Owner::default(),
        }
    }

    /// Whose it was, where that changes.
    fn adopted_from(&self) -> Option<&Owner> {
        let current = self.current.as_ref()?;
        self.changes.iter().any(|change| change.field == "owner").then_some(&current.meta.owner)
    }

    fn fields(&self, options: Option<&ApplyOptions>) -> Fields {
        Fields::written(&self.owner(options), &self.draft.display_name, self.spec())
    }

    fn resource(
        &self,
        name: &K::Name,
        options: Option<&ApplyOptions>,
        Writing { transaction, call, now, .. }: &Writing<'_, '_>,
    ) -> Result<Resource<K>, Error> {
        let now = *now;
        let before = self.current.as_ref();
        let meta = Meta {
            uid: before.map_or_else(Uuid::new_v4, |before| before.meta.uid),
            display_name: self.draft.display_name.clone(),
            owner: self.owner(options),
            create_time: before.map_or(now, |before| before.meta.create_time),
            update_time: now,
            revision: transaction.revision(),
        };
        let tokens = self.tokens_after();
        let tokens = match call.keep {
            Keep::Changes => K::tokens(self.spec(), tokens)?,
            // Nobody is to be shown a URL that will never work.
            Keep::Nothing => tokens,
        };
        Ok(Resource { name: name.clone(), meta, spec: self.spec().clone(), tokens })
    }
}

fn owned_by_another<K: Kind>(draft: &Draft<K>, current: &Resource<K>, owner: &Owner) -> Violation {
    let name = K::resource_name(&current.name);
    Violation {
        kind: ViolationKind::OwnedByAnother,
        field: Some(format!("{}.name", draft.at)),
        subject: name.to_string(),
        reason: format!(
            "{name} differs, and it is owned by {:?}, not by {:?}: only an apply that adopts takes it over",
            current.meta.owner.as_str(),
            owner.as_str()
        ),
    }
}
