//! Endpoint tokens that a manifest brings along.

use std::collections::HashMap;

use pointsman_routing::{fault::Fault, fault::entry_path, name::ResourceName, table::EndpointToken};

use super::{Plan, Step, Steps};
use crate::{
    domain::{Caller, FieldChange, REDACTED},
    registry::{Draft, Endpoint, Error, Refused, Rules, TokensDraft, Violation, ViolationKind},
    store::{Snapshot, StoreError, WriteTransaction},
};

/// The tokens that one endpoint of a resource is to have.
#[derive(Debug)]
pub(crate) struct TokenSet {
    at: String,
    /// The key of the flow whose endpoint it is; none for the resource's own.
    flow: Option<String>,
    tokens: Vec<EndpointToken>,
}

/// Finds fault with an endpoint, and with a token, that is there twice.
pub(super) fn each_once(mut drafts: Vec<TokensDraft>) -> Vec<TokensDraft> {
    let mut endpoints = HashMap::<Endpoint, usize>::new();
    let mut tokens = HashMap::<EndpointToken, usize>::new();
    for index in 0..drafts.len() {
        let mut faults = Vec::new();
        let TokensDraft { at, endpoint, tokens: own, .. } = &drafts[index];
        if let Some(endpoint) = endpoint
            && let Some(&first) = endpoints.get(endpoint)
        {
            faults.push(Fault::new(
                format!("{at}.endpoint"),
                format!("the same as that of {}", drafts[first].at),
            ));
        } else if let Some(endpoint) = endpoint {
            endpoints.insert(endpoint.clone(), index);
        }
        for (position, token) in own.iter().enumerate() {
            if let Some(&first) = tokens.get(token) {
                let reason = format!("is the same as one of {}", drafts[first].at);
                faults.push(Fault::new(format!("{at}.tokens[{position}]"), reason));
            } else {
                tokens.insert(token.clone(), index);
            }
        }
        drafts[index].faults.extend(faults);
    }
    drafts
}

impl Plan {
    /// Brings each endpoint's tokens to the step of its resource.
    pub(super) fn attach_tokens(
        &mut self,
        snapshot: Snapshot<'_>,
        caller: &Caller,
        refused: &mut Refused,
    ) -> Result<(), Error> {
        self.integrations.reset();
        self.deployments.reset();
        self.customers.reset();
        self.mappings.reset();
        for draft in &self.endpoint_tokens {
            draft.faults.iter().cloned().for_each(|fault| refused.find_fault(fault));
            let Some(endpoint) = &draft.endpoint else { continue };
            let resource = endpoint.resource();
            if !caller.may_write(&resource) {
                return Err(Error::OutOfScope(resource));
            }
            let found = match &resource {
                ResourceName::Integration(name) => {
                    self.integrations.attach(name, draft, endpoint.flow(), snapshot)?
                }
                ResourceName::Deployment(name) => {
                    self.deployments.attach(name, draft, endpoint.flow(), snapshot)?
                }
                ResourceName::Customer(_) | ResourceName::CustomerMapping(_) => false,
            };
            if !found {
                refused.break_rule(endpoint_missing(draft, endpoint));
            }
        }
        Ok(())
    }
}

impl<K: Rules> Steps<K> {
    /// Whether there is such an endpoint.
    fn attach(
        &mut self,
        name: &K::Name,
        draft: &TokensDraft,
        flow: Option<&str>,
        snapshot: Snapshot<'_>,
    ) -> Result<bool, StoreError> {
        let position = match self.position(name) {
            Some(position) => position,
            None => match snapshot.get::<K>(name)? {
                Some(current) => self.push(Draft::of(current, &draft.at)),
                None => return Ok(false),
            },
        };
        let step = &mut self.steps[position];
        if flow.is_some_and(|flow| !step.draft.spec.has_endpoint_of(flow)) {
            return Ok(false);
        }
        step.tokens.push(TokenSet {
            at: draft.at.clone(),
            flow: flow.map(str::to_owned),
            tokens: draft.tokens.clone(),
        });
        Ok(true)
    }

    /// Lets go of the tokens that resources give up, so that others can have them.
    pub(super) fn release_tokens(&self, transaction: &mut WriteTransaction<'_>) -> Result<(), StoreError> {
        for (_, step) in self.updated() {
            let Some(current) = &step.current else { continue };
            let after = step.tokens_after();
            let kept = K::token_lists(&after);
            for (_, tokens) in K::token_lists(&current.tokens) {
                for token in tokens.iter().filter(|token| !kept.iter().any(|(_, kept)| kept.contains(token)))
                {
                    transaction.release_token(token)?;
                }
            }
        }
        Ok(())
    }
}

impl<K: Rules> Step<K> {
    /// The tokens that it has in the end, but for new ones.
    pub(super) fn tokens_after(&self) -> K::Tokens {
        let current = self.current.as_ref();
        let mut tokens = current.map(|current| K::kept_tokens(current, self.spec())).unwrap_or_default();
        for set in &self.tokens {
            K::set_tokens(&mut tokens, set.flow.as_deref(), set.tokens.clone());
        }
        tokens
    }

    /// What differs of its tokens.
    pub(super) fn token_changes(&self, current: &K::Tokens) -> Vec<FieldChange> {
        let lists = K::token_lists(current);
        let changed = self.tokens.iter().filter_map(|set| {
            let before = lists.iter().find(|(flow, _)| *flow == set.flow.as_deref());
            let before = before.map_or(&[][..], |(_, tokens)| *tokens);
            (before != set.tokens).then(|| FieldChange {
                field: match &set.flow {
                    Some(flow) => format!("{}.endpoint_tokens", entry_path("flow_endpoints", flow)),
                    None => "endpoint_tokens".to_owned(),
                },
                before: (!before.is_empty()).then(|| REDACTED.to_owned()),
                after: Some(REDACTED.to_owned()),
                reroutes: true,
            })
        });
        changed.collect()
    }

    /// Whether a token that it is to have is known to senders as another customer's: what they send must not come to run as
    /// this one's, also where the deployment itself was the other's so far.
    pub(super) fn strayed_token(&self, snapshot: Snapshot<'_>) -> Result<Option<Violation>, StoreError> {
        let Some(customer) = K::customer(self.spec()) else { return Ok(None) };
        for set in &self.tokens {
            for token in &set.tokens {
                let led_to = snapshot.token_customer(token)?;
                if let Some(other) = led_to.filter(|other| other != customer) {
                    return Ok(Some(Violation {
                        kind: ViolationKind::EndpointTokenOfAnother,
                        field: Some(format!("{}.tokens", set.at)),
                        reason: format!(
                            "one of them leads to {other} now, and must not come to lead to {customer}: leave it out, \
                             and there will be a new one"
                        ),
                        subject: other,
                    }));
                }
            }
        }
        Ok(None)
    }

    /// Whether a token that it is to have leads elsewhere.
    pub(super) fn taken_token(
        &self,
        name: &K::Name,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<Violation>, StoreError> {
        let after = self.tokens_after();
        let lists = K::token_lists(&after);
        for set in &self.tokens {
            for token in &set.tokens {
                let holder = snapshot.token_holder(token)?;
                let own = name.to_string();
                let twice = lists.iter().filter(|(_, tokens)| tokens.contains(token)).count() > 1;
                if let Some(holder) = holder.filter(|holder| *holder != own || twice) {
                    return Ok(Some(Violation {
                        kind: ViolationKind::EndpointTokenTaken,
                        field: Some(format!("{}.tokens", set.at)),
                        reason: format!("one of them is a token of another endpoint, of {holder}"),
                        subject: holder,
                    }));
                }
            }
        }
        Ok(None)
    }
}

fn endpoint_missing(draft: &TokensDraft, endpoint: &Endpoint) -> Violation {
    let resource = endpoint.resource();
    let (field, reason) = match endpoint.flow() {
        Some(flow) => ("flow", format!("there is no {resource} with a URL for a flow of the key {flow:?}")),
        None => ("endpoint", format!("there is no {resource}")),
    };
    Violation {
        kind: ViolationKind::EndpointMissing,
        field: Some(format!("{}.{field}", draft.at)),
        subject: resource.to_string(),
        reason,
    }
}
