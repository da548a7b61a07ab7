//! Which tokens lead where.

use std::{collections::BTreeMap, sync::Arc};

use super::{EndpointToken, Entry, Stamp, shards::Key};
use crate::{
    decide::Target,
    deployment::Deployment,
    integration::{EndpointType, Integration},
    name::{FlowKey, IntegrationId},
};

/// What a token leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The token, as the table holds it.
    pub token: EndpointToken,
    /// The integration.
    pub integration: Arc<Integration>,
    /// What the endpoint stands for.
    pub target: Target,
}

/// An integration in the table.
#[derive(Debug)]
pub(super) struct IntegrationRecord {
    pub(super) integration: Arc<Integration>,
    pub(super) tokens: Box<[EndpointToken]>,
    pub(super) stamp: Stamp,
}

impl IntegrationRecord {
    pub(super) fn key(record: &Arc<Self>) -> Key<'_> {
        Key::of(record.integration.id.as_str())
    }

    pub(super) fn new(integration: Arc<Integration>, tokens: Vec<EndpointToken>, stamp: Stamp) -> Self {
        Self { integration, tokens: without_repeats(tokens).into(), stamp }
    }

    pub(super) fn to_entry(&self) -> Entry {
        Entry::Integration(Arc::clone(&self.integration), self.tokens.to_vec())
    }
}

/// A deployment in the table.
#[derive(Debug)]
pub(super) struct DeploymentRecord {
    pub(super) deployment: Arc<Deployment>,
    /// Those of its own endpoint, and then those of its flows'.
    tokens: Box<[(Option<FlowKey>, EndpointToken)]>,
    pub(super) stamp: Stamp,
}

impl DeploymentRecord {
    pub(super) fn new(
        deployment: Arc<Deployment>,
        tokens: Vec<EndpointToken>,
        flow_tokens: BTreeMap<FlowKey, Vec<EndpointToken>>,
        stamp: Stamp,
    ) -> Self {
        let own = without_repeats(tokens).into_iter().map(|token| (None, token));
        let flows = flow_tokens.into_iter().flat_map(|(flow, tokens)| {
            let shared = deployment.flow_endpoints.keys().find(|key| **key == flow).cloned();
            let flow = shared.unwrap_or(flow);
            without_repeats(tokens).into_iter().map(move |token| (Some(flow.clone()), token))
        });
        let tokens = own.chain(flows).collect();
        Self { deployment, tokens, stamp }
    }

    /// A flow without tokens is not told of.
    pub(super) fn to_entry(&self) -> Entry {
        let (mut own, mut flows) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for (flow, token) in &self.tokens {
            match flow {
                None => own.push(token.clone()),
                Some(flow) => flows.entry(flow.clone()).or_default().push(token.clone()),
            }
        }
        Entry::Deployment(Arc::clone(&self.deployment), own, flows)
    }

    pub(super) fn key(record: &Arc<Self>) -> Key<'_> {
        Key::within(record.deployment.name.integration.as_str(), record.deployment.name.deployment.as_str())
    }

    pub(super) fn all_tokens(&self) -> impl Iterator<Item = &EndpointToken> {
        self.tokens.iter().map(|(_, token)| token)
    }
}

/// What leads to a deployment from a customer of its integration.
pub(super) fn customer_key(deployment: &Arc<Deployment>) -> Key<'_> {
    Key::within(deployment.name.integration.as_str(), deployment.customer.as_str())
}

/// A token's claim to lead to an endpoint: whose it is, and which of theirs.
#[derive(Clone, Debug)]
pub(super) enum Claim {
    Integration(Arc<IntegrationRecord>, u32),
    Deployment(Arc<DeploymentRecord>, u32),
}

impl Claim {
    pub(super) fn of_integration(record: &Arc<IntegrationRecord>) -> impl Iterator<Item = Self> {
        (0..).take(record.tokens.len()).map(|index| Self::Integration(Arc::clone(record), index))
    }

    pub(super) fn of_deployment(record: &Arc<DeploymentRecord>) -> impl Iterator<Item = Self> {
        (0..).take(record.tokens.len()).map(|index| Self::Deployment(Arc::clone(record), index))
    }

    pub(super) fn key(&self) -> Key<'_> {
        Key::of(self.token().expose())
    }

    pub(super) fn token(&self) -> &EndpointToken {
        match self {
            Self::Integration(record, index) => &record.tokens[*index as usize],
            Self::Deployment(record, index) => &record.tokens[*index as usize].1,
        }
    }

    pub(super) fn is_of_integration(&self, record: &Arc<IntegrationRecord>) -> bool {
        matches!(self, Self::Integration(holder, _) if Arc::ptr_eq(holder, record))
    }

    pub(super) fn is_of_deployment(&self, record: &Arc<DeploymentRecord>) -> bool {
        matches!(self, Self::Deployment(holder, _) if Arc::ptr_eq(holder, record))
    }

    pub(super) fn integration(&self) -> &IntegrationId {
        match self {
            Self::Integration(record, _) => &record.integration.id,
            Self::Deployment(record, _) => &record.deployment.name.integration,
        }
    }

    /// The endpoint, where the claim counts for the type that `integration` has now.
    pub(super) fn endpoint(&self, integration: &Arc<Integration>) -> Option<Endpoint> {
        let target = match (self, integration.endpoint_type) {
            (Self::Integration(..), EndpointType::Shared) => Target::Shared,
            (Self::Deployment(record, index), endpoint_type) => {
                let deployment = Arc::clone(&record.deployment);
                match (&record.tokens[*index as usize].0, endpoint_type) {
                    (None, EndpointType::InstanceSpecific) => Target::Deployment(deployment),
                    (Some(flow), EndpointType::FlowSpecific) => Target::Flow(deployment, flow.clone()),
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some(Endpoint { token: self.token().clone(), integration: Arc::clone(integration), target })
    }
}

/// A token that is given twice is one claim: it does not stand against itself.
fn without_repeats(mut tokens: Vec<EndpointToken>) -> Vec<EndpointToken> {
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
