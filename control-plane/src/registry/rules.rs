//! The rules across resources, kind by kind.

use std::collections::HashSet;

use pointsman_routing::{
    deployment::DeploymentSpec,
    fault::entry_path,
    integration::{EndpointType, IntegrationSpec},
    name::{CustomerId, DeploymentName, IntegrationId, MappingName, ResourceName},
    table::EndpointToken,
};

use super::{
    Draft, Refused, Violation, ViolationKind, Writing,
    error::NAMED_USERS,
    history,
    plan::{Plan, State, Step, Steps},
};
use crate::{
    domain::{
        CustomerSpec, DeploymentTokens, FieldChange, Fields, MappingSpec, RandomError, Resource, random_token,
    },
    store::{Snapshot, StoreError, Table},
};

/// The rules of a kind.
pub(crate) trait Rules: Table {
    /// Whether its resources have URLs of their own.
    const HAS_URLS: bool = false;

    /// A plan that writes just this.
    fn plan(draft: Draft<Self>) -> Plan;

    /// The integration that a resource lies in.
    fn integration(_name: &Self::Name) -> Option<&IntegrationId> {
        None
    }

    /// The tokens of `before` that count for what becomes of it.
    fn kept_tokens(before: &Resource<Self>, _spec: &Self) -> Self::Tokens {
        before.tokens.clone()
    }

    /// Those that were kept, with new ones where it has none.
    fn tokens(_spec: &Self, kept: Self::Tokens) -> Result<Self::Tokens, RandomError> {
        Ok(kept)
    }

    /// The customer that its URLs lead to, where it is always the same one.
    fn customer(&self) -> Option<&str> {
        None
    }

    /// Which of the URLs of `before` are to be others, before it is known which.
    fn new_urls(_before: &Resource<Self>, _spec: &Self) -> Vec<FieldChange> {
        Vec::new()
    }

    /// Keeps what a resource has become, where its kind keeps that. `changes` is what differs from what was kept last.
    fn keep_revision(
        _writing: &mut Writing<'_, '_>,
        _name: &Self::Name,
        _changes: &[FieldChange],
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// Puts other tokens in the place of those of its own endpoint, or of that of a flow.
    fn set_tokens(_tokens: &mut Self::Tokens, _flow: Option<&str>, _to: Vec<EndpointToken>) {}

    /// The tokens of each of its endpoints, with the key of the flow where it is one's.
    fn token_lists(_tokens: &Self::Tokens) -> Vec<(Option<&str>, &[EndpointToken])> {
        Vec::new()
    }

    /// Whether it has an endpoint for this flow.
    fn has_endpoint_of(&self, _flow: &str) -> bool {
        false
    }

    /// Whether a resource that is there already holds a value which is to be unique.
    fn unique(
        _name: &Self::Name,
        _draft: &Draft<Self>,
        _snapshot: Snapshot<'_>,
    ) -> Result<Option<Violation>, StoreError> {
        Ok(None)
    }

    /// Judges the state as far as this change could have broken it.
    fn judge(
        _name: &Self::Name,
        _step: &Step<Self>,
        _state: State<'_>,
        _refused: &mut Refused,
    ) -> Result<(), StoreError> {
        Ok(())
    }

    /// What uses a resource: one more at most than are named.
    fn users(_name: &Self::Name, _snapshot: Snapshot<'_>) -> Result<Vec<ResourceName>, StoreError> {
        Ok(Vec::new())
    }
}

impl Rules for IntegrationSpec {
    const HAS_URLS: bool = true;

    fn plan(draft: Draft<Self>) -> Plan {
        Plan { integrations: Steps::new(vec![draft]), ..Plan::default() }
    }

    fn tokens(_spec: &Self, mut kept: Vec<EndpointToken>) -> Result<Vec<EndpointToken>, RandomError> {
        at_least_one(&mut kept)?;
        Ok(kept)
    }

    fn keep_revision(
        writing: &mut Writing<'_, '_>,
        name: &IntegrationId,
        changes: &[FieldChange],
    ) -> Result<(), StoreError> {
        history::keep_revision(writing, name, changes)
    }

    fn set_tokens(tokens: &mut Vec<EndpointToken>, _flow: Option<&str>, to: Vec<EndpointToken>) {
        *tokens = to;
    }

    fn token_lists(tokens: &Vec<EndpointToken>) -> Vec<(Option<&str>, &[EndpointToken])> {
        vec![(None, tokens)]
    }

    fn judge(
        name: &IntegrationId,
        step: &Step<Self>,
        state: State<'_>,
        refused: &mut Refused,
    ) -> Result<(), StoreError> {
        let Some(before) = &step.current else { return Ok(()) };
        let at = &step.draft.at;
        let after = &step.draft.spec;
        let kept: HashSet<&str> = after.flows.iter().map(|flow| flow.key.as_str()).collect();
        for flow in before.spec.flows.iter().filter(|flow| !kept.contains(flow.key.as_str())) {
            for deployment in state.snapshot.deployments_of_flow(name, &flow.key, NAMED_USERS)? {
                // One that changes with it is told so itself.
                if state.plan.deployments.changed(&deployment).is_none() {
                    refused.break_rule(flow_in_use(at, &flow.key, &deployment));
                }
            }
        }
        let shared = Some(EndpointType::Shared);
        if after.endpoint_type == shared && before.spec.endpoint_type != shared {
            for customer in state.snapshot.customers_enabled_twice(name, NAMED_USERS)? {
                let enabled = state.snapshot.enabled_deployments(name, &customer.to_string(), NAMED_USERS)?;
                // As above.
                let unchanged: Vec<_> =
                    enabled.iter().filter(|name| state.plan.deployments.changed(name).is_none()).collect();
                if let [first, second, ..] = unchanged[..] {
                    refused.break_rule(enabled_twice(
                        format!("{at}.endpoint.type"),
                        &customer,
                        first,
                        second,
                    ));
                }
            }
        }
        Ok(())
    }

    fn users(name: &IntegrationId, snapshot: Snapshot<'_>) -> Result<Vec<ResourceName>, StoreError> {
        snapshot.users_of_integration(name, NAMED_USERS + 1)
    }
}

impl Rules for CustomerSpec {
    fn plan(draft: Draft<Self>) -> Plan {
        Plan { customers: Steps::new(vec![draft]), ..Plan::default() }
    }

    fn unique(
        name: &CustomerId,
        draft: &Draft<Self>,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<Violation>, StoreError> {
        let external_id = &draft.spec.external_id;
        let holder = snapshot.customer_with(external_id)?.filter(|holder| holder != name);
        Ok(holder.map(|holder| Violation {
            kind: ViolationKind::ExternalIdTaken,
            field: Some(format!("{}.external_id", draft.at)),
            subject: holder.to_string(),
            reason: format!("{external_id:?} is the external id of {holder}"),
        }))
    }

    fn users(name: &CustomerId, snapshot: Snapshot<'_>) -> Result<Vec<ResourceName>, StoreError> {
        snapshot.users_of_customer(name, NAMED_USERS + 1)
    }
}

impl Rules for MappingSpec {
    fn plan(draft: Draft<Self>) -> Plan {
        Plan { mappings: Steps::new(vec![draft]), ..Plan::default() }
    }

    fn integration(name: &MappingName) -> Option<&IntegrationId> {
        Some(&name.integration)
    }

    fn unique(
        name: &MappingName,
        draft: &Draft<Self>,
        snapshot: Snapshot<'_>,
    ) -> Result<Option<Violation>, StoreError> {
        let source_id = &draft.spec.source_customer_id;
        let holder = snapshot.mapping_with(&name.integration, source_id)?.filter(|holder| holder != name);
        Ok(holder.map(|holder| Violation {
            kind: ViolationKind::SourceIdTaken,
            field: Some(format!("{}.source_customer_id", draft.at)),
            subject: holder.to_string(),
            reason: format!("{source_id:?} is the source customer id of {holder}"),
        }))
    }

    fn judge(
        name: &MappingName,
        step: &Step<Self>,
        state: State<'_>,
        refused: &mut Refused,
    ) -> Result<(), StoreError> {
        let at = &step.draft.at;
        judge_integration(at, &name.integration, state, refused)?;
        judge_customer(at, &step.draft.spec.customer, state, refused)
    }
}

impl Rules for DeploymentSpec {
    const HAS_URLS: bool = true;

    fn plan(draft: Draft<Self>) -> Plan {
        Plan { deployments: Steps::new(vec![draft]), ..Plan::default() }
    }

    fn integration(name: &DeploymentName) -> Option<&IntegrationId> {
        Some(&name.integration)
    }

    /// None where it goes to another customer: whoever sends to a URL that it has sends what is the first customer's.
    /// Whatever the endpoint type is now, as it may have been another one and may be so again.
    fn kept_tokens(before: &Resource<Self>, spec: &Self) -> DeploymentTokens {
        let mut kept = before.tokens.clone();
        if spec.customer == before.spec.customer {
            kept.flows.retain(|flow, _| spec.flow_endpoints.contains_key(flow));
        } else {
            kept.own.clear();
            kept.flows.clear();
        }
        kept
    }

    fn tokens(spec: &Self, kept: DeploymentTokens) -> Result<DeploymentTokens, RandomError> {
        let mut tokens = kept;
        at_least_one(&mut tokens.own)?;
        for flow in spec.flow_endpoints.keys() {
            at_least_one(tokens.flows.entry(flow.clone()).or_default())?;
        }
        Ok(tokens)
    }

    fn customer(&self) -> Option<&str> {
        Some(&self.customer)
    }

    fn new_urls(before: &Resource<Self>, spec: &Self) -> Vec<FieldChange> {
        if spec.customer == before.spec.customer {
            return Vec::new();
        }
        let flow = |key| format!("{}.endpoint_url", entry_path("flow_endpoints", key));
        let stays =
            |field: &str| field == "endpoint_url" || spec.flow_endpoints.keys().any(|key| flow(key) == field);
        let mut changes = Fields::diff(Some(&Fields::urls_of(before)), None);
        for change in changes.iter_mut().filter(|change| stays(&change.field)) {
            change.after = Some("a new one".to_owned());
        }
        changes
    }

    fn set_tokens(tokens: &mut DeploymentTokens, flow: Option<&str>, to: Vec<EndpointToken>) {
        match flow {
            None => tokens.own = to,
            Some(flow) => {
                tokens.flows.insert(flow.to_owned(), to);
            }
        }
    }

    fn token_lists(tokens: &DeploymentTokens) -> Vec<(Option<&str>, &[EndpointToken])> {
        let flows = tokens.flows.iter().map(|(flow, tokens)| (Some(flow.as_str()), tokens.as_slice()));
        std::iter::once((None, tokens.own.as_slice())).chain(flows).collect()
    }

    fn has_endpoint_of(&self, flow: &str) -> bool {
        self.flow_endpoints.contains_key(flow)
    }

    fn judge(
        name: &DeploymentName,
        step: &Step<Self>,
        state: State<'_>,
        refused: &mut Refused,
    ) -> Result<(), StoreError> {
        let Step { draft, .. } = step;
        judge_integration(&draft.at, &name.integration, state, refused)?;
        judge_customer(&draft.at, &draft.spec.customer, state, refused)?;
        let Some(endpoint_type) = state.snapshot.endpoint_type(&name.integration)? else { return Ok(()) };
        for flow in state.snapshot.unknown_flows(name)? {
            refused.break_rule(flow_missing(draft, &flow, &name.integration));
        }
        if endpoint_type == Some(EndpointType::Shared) && !draft.spec.paused {
            judge_enabled(name, draft, state, refused)?;
        }
        Ok(())
    }
}

/// Of two enabled deployments, the one that comes later in the plan is told of the other.
fn judge_enabled(
    name: &DeploymentName,
    draft: &Draft<DeploymentSpec>,
    state: State<'_>,
    refused: &mut Refused,
) -> Result<(), StoreError> {
    let Ok(customer) = draft.spec.customer.parse::<CustomerId>() else { return Ok(()) };
    let deployments = &state.plan.deployments;
    let earlier = |other: &&DeploymentName| {
        *other != name
            && (deployments.changed(other).is_none()
                || deployments.position(other) < deployments.position(name))
    };
    // More than the one that is allowed are hardly many; and of any two, the later one is told.
    let enabled = state.snapshot.enabled_deployments(&name.integration, &draft.spec.customer, NAMED_USERS)?;
    if let Some(first) = enabled.iter().find(earlier) {
        refused.break_rule(enabled_twice(format!("{}.state", draft.at), &customer, first, name));
    }
    Ok(())
}

fn judge_integration(
    at: &str,
    integration: &IntegrationId,
    state: State<'_>,
    refused: &mut Refused,
) -> Result<(), StoreError> {
    if !state.has_integration(integration)? {
        refused.break_rule(Violation {
            kind: ViolationKind::IntegrationMissing,
            field: Some(format!("{at}.name")),
            subject: integration.to_string(),
            reason: format!("there is no {integration}"),
        });
    }
    Ok(())
}

fn judge_customer(
    at: &str,
    customer: &str,
    state: State<'_>,
    refused: &mut Refused,
) -> Result<(), StoreError> {
    // A name that does not parse is a fault already.
    let Ok(customer) = customer.parse::<CustomerId>() else { return Ok(()) };
    if !state.has_customer(&customer)? {
        refused.break_rule(Violation {
            kind: ViolationKind::CustomerMissing,
            field: Some(format!("{at}.customer")),
            subject: customer.to_string(),
            reason: format!("there is no {customer}"),
        });
    }
    Ok(())
}

fn flow_missing(draft: &Draft<DeploymentSpec>, flow: &str, integration: &IntegrationId) -> Violation {
    Violation {
        kind: ViolationKind::FlowMissing,
        field: Some(format!("{}.{}", draft.at, entry_path("flow_endpoints", flow))),
        subject: integration.to_string(),
        reason: format!("{integration} has no flow of the key {flow:?}"),
    }
}

fn flow_in_use(at: &str, flow: &str, deployment: &DeploymentName) -> Violation {
    Violation {
        kind: ViolationKind::FlowInUse,
        field: Some(format!("{at}.flows")),
        subject: deployment.to_string(),
        reason: format!("the flow {flow:?} cannot be removed: {deployment} has a URL for it"),
    }
}

fn enabled_twice(
    field: String,
    customer: &CustomerId,
    first: &DeploymentName,
    second: &DeploymentName,
) -> Violation {
    Violation {
        kind: ViolationKind::EnabledTwice,
        field: Some(field),
        subject: first.to_string(),
        reason: format!(
            "{first} is enabled for {customer} already, so {second} cannot be: on a shared endpoint a customer has one \
             enabled deployment"
        ),
    }
}

fn at_least_one(tokens: &mut Vec<EndpointToken>) -> Result<(), RandomError> {
    if tokens.is_empty() {
        tokens.push(random_token()?);
    }
    Ok(())
}
