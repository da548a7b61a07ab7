//! Whose requests a resource gets: what an update may not change where the rest of it is unusable.
//!
//! A rejected update leaves the last good form in service only if that cannot be a wrong tenant: the customer, the
//! endpoints and the state are the same. What the update says of them is read even where it says something unusable
//! elsewhere; where it cannot be read, it counts as changed.

use std::collections::BTreeMap;

use http::{HeaderName, HeaderValue};
use pointsman_routing::{
    deployment::Deployment,
    integration::{EndpointType, Integration, Preprocess, PreprocessAddress},
    name::{CustomerId, FlowKey},
    source::ValueSource,
    table::{EndpointToken, Entry},
};

/// What decides whose requests a resource gets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claims {
    Integration {
        endpoint_type: EndpointType,
        tokens: Vec<EndpointToken>,
        /// How the customer and their user are found.
        sources: [Option<ValueSource>; 2],
        /// Who returns what they are found in.
        preprocess: Option<Service>,
    },
    Deployment {
        customer: CustomerId,
        paused: bool,
        tokens: Vec<EndpointToken>,
        /// Only of flows that have some.
        flow_tokens: BTreeMap<FlowKey, Vec<EndpointToken>>,
    },
}

/// A Preprocess service, but for how long it may take.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    address: PreprocessAddress,
    metadata: Vec<(HeaderName, HeaderValue)>,
    send_body: bool,
}

impl Claims {
    /// Those of a resource in service. Customers and mappings have none: all that they say is whose requests are whose.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Integration(integration, tokens) => {
                Some(Self::of_integration(integration, tokens.clone()))
            }
            Entry::Deployment(deployment, tokens, flow_tokens) => {
                Some(Self::of_deployment(deployment, tokens.clone(), flow_tokens.clone()))
            }
            Entry::Customer(_) | Entry::CustomerMapping(_) => None,
        }
    }

    pub(super) fn of_integration(integration: &Integration, tokens: Vec<EndpointToken>) -> Self {
        Self::Integration {
            endpoint_type: integration.endpoint_type,
            tokens,
            sources: [
                integration.external_customer_id.clone(),
                integration.external_customer_user_id.clone(),
            ],
            preprocess: integration.preprocess.as_ref().map(Service::of),
        }
    }

    pub(super) fn of_deployment(
        deployment: &Deployment,
        tokens: Vec<EndpointToken>,
        mut flow_tokens: BTreeMap<FlowKey, Vec<EndpointToken>>,
    ) -> Self {
        flow_tokens.retain(|_, tokens| !tokens.is_empty());
        Self::Deployment {
            customer: deployment.customer.clone(),
            paused: deployment.paused,
            tokens,
            flow_tokens,
        }
    }
}

impl Service {
    fn of(preprocess: &Preprocess) -> Self {
        let Preprocess { address, timeout: _, metadata, send_body } = preprocess.clone();
        Self { address, metadata, send_body }
    }
}
