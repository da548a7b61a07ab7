//! Lists: what a caller may see of a kind, from a name on, where a filter holds.

use std::ops::ControlFlow;

use pointsman_routing::{
    integration::IntegrationSpec,
    name::{IntegrationId, ResourceName},
};

use super::{Error, Registry, Rules, exists};
use crate::{
    domain::{Caller, Resource, filter::Filter},
    store::{Scope, Selection, Snapshot},
};

/// A call looks at no more rows than this that its filter does not hold for. Then it answers with what it has, and the
/// next page begins behind them.
pub(super) const PASSED_OVER_MAX: usize = 50_000;

/// What is listed, and from where on.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Who asks.
    pub(crate) caller: Caller,
    /// The integration whose resources they are; those of all integrations where it is none.
    pub(crate) parent: Option<IntegrationId>,
    /// What they are to be.
    pub(crate) filter: Filter,
    /// The name before the first.
    pub(crate) after: String,
}

/// What was listed.
#[derive(Clone, Debug)]
pub(crate) struct Listed<T, P = String> {
    pub(crate) page: T,
    /// Set where the list was not looked at to its end, though `page` would take more: everything up to this place was.
    pub(crate) up_to: Option<P>,
}

impl Registry {
    /// Reads a list from `list`'s name on, as far as its caller may see it; `each` says where the page ends.
    pub(crate) async fn list<K, T, F>(&self, list: List, start: T, mut each: F) -> Result<Listed<T>, Error>
    where
        K: Rules,
        T: Send + 'static,
        F: FnMut(&mut T, Resource<K>) -> ControlFlow<()> + Send + 'static,
    {
        if let Some(integration) = list.parent.as_ref().filter(|integration| !list.caller.sees(integration)) {
            return Err(Error::OutOfScope(ResourceName::Integration(integration.clone())));
        }
        self.store
            .read(move |snapshot| {
                if let Some(integration) = &list.parent {
                    exists(snapshot.contains::<IntegrationSpec>(integration)?, integration)?;
                }
                let mut page = start;
                let up_to = list.read(snapshot, |resource| each(&mut page, resource))?;
                Ok(Listed { page, up_to })
            })
            .await
    }
}

impl List {
    /// What of everything its pages have in common is not in its list's name: the caller's scope, and the filter.
    pub(crate) fn bound_to(caller: &Caller, filter: &str) -> String {
        let scope = caller.scope.as_ref().map(|scope| {
            let mut names: Vec<_> = scope.iter().map(ToString::to_string).collect();
            names.sort_unstable();
            names.join(",")
        });
        format!("{} {filter}", scope.as_deref().unwrap_or("*"))
    }

    fn read<K: Rules>(
        &self,
        snapshot: &Snapshot<'_>,
        mut each: impl FnMut(Resource<K>) -> ControlFlow<()>,
    ) -> Result<Option<String>, Error> {
        for scope in self.scopes::<K>() {
            let selection = Selection {
                scope: scope.as_ref(),
                after: &self.after,
                filter: &self.filter,
                passed_over_max: PASSED_OVER_MAX,
            };
            let mut full = false;
            let up_to = snapshot.select::<K, Error>(&selection, |resource| {
                let flow = each(resource);
                full = flow.is_break();
                Ok(flow)
            })?;
            if full || up_to.is_some() {
                return Ok(up_to);
            }
        }
        Ok(None)
    }

    /// Where to look, in the order of names; none stands for everywhere.
    fn scopes<K: Rules>(&self) -> Vec<Option<Scope>> {
        if let Some(parent) = &self.parent {
            return vec![Some(Scope::below(parent))];
        }
        let Some(seen) = &self.caller.scope else { return vec![None] };
        let scope_in: fn(&IntegrationId) -> Scope = match K::resource_name(&K::any_name()) {
            // Everybody sees all of them.
            ResourceName::Customer(_) => return vec![None],
            ResourceName::Integration(_) => Scope::only,
            ResourceName::CustomerMapping(_) | ResourceName::Deployment(_) => Scope::below,
        };
        let mut scopes: Vec<_> = seen.iter().map(scope_in).collect();
        scopes.sort_unstable();
        scopes.dedup();
        scopes.into_iter().map(Some).collect()
    }
}
