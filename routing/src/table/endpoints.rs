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
    /// The integration.
    pub integration: Arc<Integration>,
    /// What the endpoint stands for.
    pub target: Target,
}

/// An integration in the table.
#[derive(Debug)]
pub(super) struct IntegrationRecord {
    pub(super) integration: Arc<Integration>,
    pub(super) tokens: Vec<EndpointToken>,
    pub(super) stamp: Stamp,
}

impl IntegrationRecord {
    pub(super) fn new(integration: Arc<Integration>, tokens: Vec<EndpointToken>, stamp: Stamp) -> Self {
        Self { integration, tokens: without_repeats(tokens), stamp }
    }

    pub(super) fn to_entry(&self) -> Entry {
        Entry::Integration(Arc::clone(&self.integration), self.tokens.clone())
    }
}

/// A deployment in the table.
#[derive(Debug)]
pub(super) struct DeploymentRecord {
    pub(super) deployment: Arc<Deployment>,
    tokens: Vec<EndpointToken>,
    flow_tokens: BTreeMap<FlowKey, Vec<EndpointToken>>,
    pub(super) stamp: Stamp,
}

impl DeploymentRecord {
    pub(super) fn new(
        deployment: Arc<Deployment>,
        tokens: Vec<EndpointToken>,
        flow_tokens: BTreeMap<FlowKey, Vec<EndpointToken>>,
        stamp: Stamp,
    ) -> Self {
        let flow_tokens =
            flow_tokens.into_iter().map(|(flow, tokens)| (flow, without_repeats(tokens))).collect();
        Self { deployment, tokens: without_repeats(tokens), flow_tokens, stamp }
    }

    pub(super) fn to_entry(&self) -> Entry {
        Entry::Deployment(Arc::clone(&self.deployment), self.tokens.clone(), self.flow_tokens.clone())
    }

    pub(super) fn key(&self) -> Key<'_> {
        (self.deployment.name.integration.as_str(), self.deployment.name.deployment.as_str())
    }

    pub(super) fn customer_key(&self) -> Key<'_> {
        (self.deployment.name.integration.as_str(), self.deployment.customer.as_str())
    }

    pub(super) fn all_tokens(&self) -> impl Iterator<Item = &EndpointToken> {
        self.tokens.iter().chain(self.flow_tokens.values().flatten())
    }
}

/// A token's claim to lead to an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) token: EndpointToken,
    holder: Holder,
}

#[derive(Clone, Debug)]
enum Holder {
    Integration(Arc<IntegrationRecord>),
    Deployment(Arc<DeploymentRecord>),
    Flow(Arc<DeploymentRecord>, FlowKey),
}

impl Claim {
    pub(super) fn of_integration(record: &Arc<IntegrationRecord>) -> impl Iterator<Item = Self> {
        let claim = |token: &EndpointToken| Self {
            token: token.clone(),
            holder: Holder::Integration(Arc::clone(record)),
        };
        record.tokens.iter().map(claim)
    }

    pub(super) fn of_deployment(record: &Arc<DeploymentRecord>) -> impl Iterator<Item = Self> {
        let own = record.tokens.iter().map(|token| (token, Holder::Deployment(Arc::clone(record))));
        let flows = record.flow_tokens.iter().flat_map(|(flow, tokens)| {
            tokens.iter().map(|token| (token, Holder::Flow(Arc::clone(record), flow.clone())))
        });
        own.chain(flows).map(|(token, holder)| Self { token: token.clone(), holder })
    }

    pub(super) fn is_of_integration(&self, record: &Arc<IntegrationRecord>) -> bool {
        matches!(&self.holder, Holder::Integration(holder) if Arc::ptr_eq(holder, record))
    }

    pub(super) fn is_of_deployment(&self, record: &Arc<DeploymentRecord>) -> bool {
        match &self.holder {
            Holder::Integration(_) => false,
            Holder::Deployment(holder) | Holder::Flow(holder, _) => Arc::ptr_eq(holder, record),
        }
    }

    pub(super) fn integration(&self) -> &IntegrationId {
        match &self.holder {
            Holder::Integration(record) => &record.integration.id,
            Holder::Deployment(record) | Holder::Flow(record, _) => &record.deployment.name.integration,
        }
    }

    /// The endpoint, where the claim counts for the type that `integration` has now.
    pub(super) fn endpoint(&self, integration: &Arc<Integration>) -> Option<Endpoint> {
        let target = match (&self.holder, integration.endpoint_type) {
            (Holder::Integration(_), EndpointType::Shared) => Target::Shared,
            (Holder::Deployment(record), EndpointType::InstanceSpecific) => {
                Target::Deployment(Arc::clone(&record.deployment))
            }
            (Holder::Flow(record, flow), EndpointType::FlowSpecific) => {
                Target::Flow(Arc::clone(&record.deployment), flow.clone())
            }
            _ => return None,
        };
        Some(Endpoint { integration: Arc::clone(integration), target })
    }
}

/// A token that is given twice is one claim: it does not stand against itself.
fn without_repeats(mut tokens: Vec<EndpointToken>) -> Vec<EndpointToken> {
    tokens.sort_unstable();
    tokens.dedup();
    tokens
}
