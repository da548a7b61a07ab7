//! The whole configuration in memory, changed step by step.

use std::{collections::BTreeMap, convert::Infallible, fmt, sync::Arc};

use crate::{
    decide::Target,
    deployment::{Customer, CustomerMapping, Deployment},
    directory::Directory,
    integration::Integration,
    name::{CustomerId, FlowKey, IntegrationId, ResourceName},
};

/// The secret part of an endpoint's URL: 1 to 128 bytes of `[A-Za-z0-9_-]`. `Debug` shows a prefix.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointToken(Arc<str>);

impl EndpointToken {
    /// Parses a token; `None` where it cannot be one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        todo!("{token}")
    }

    /// The whole token, a secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// As much of it as a log may hold: its first 6 characters.
    #[must_use]
    pub fn prefix(&self) -> &str {
        todo!()
    }
}

impl fmt::Debug for EndpointToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.prefix())
    }
}

/// A resource with the endpoint tokens that lead to it.
#[derive(Clone, Debug)]
pub enum Entry {
    /// An integration, and the tokens of its shared endpoint.
    Integration(Arc<Integration>, Vec<EndpointToken>),
    /// A customer.
    Customer(Customer),
    /// A customer mapping.
    CustomerMapping(CustomerMapping),
    /// A deployment, the tokens of its own endpoint, and those of its flows' endpoints.
    Deployment(Arc<Deployment>, Vec<EndpointToken>, BTreeMap<FlowKey, Vec<EndpointToken>>),
}

/// What a token leads to.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The integration.
    pub integration: Arc<Integration>,
    /// What the endpoint stands for.
    pub target: Target,
}

/// One state of the whole configuration. Cloning shares structure: a clone that is changed copies only the shards that
/// the change touches.
#[derive(Clone, Debug, Default)]
pub struct Table {}

impl Table {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an entry in, in place of one of the same name. Entries may come in any order: one that names a resource
    /// which is not there (yet) just leads nowhere.
    pub fn upsert(&mut self, entry: Entry) {
        todo!("{entry:?}")
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, name: &ResourceName) {
        todo!("{name}")
    }

    /// What a token leads to. A token counts only for the endpoint type that its integration has now.
    #[must_use]
    pub fn endpoint(&self, token: &str) -> Option<Endpoint> {
        todo!("{token}")
    }

    /// How many entries it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Directory for Table {
    type Error = Infallible;

    fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, Infallible> {
        todo!("{id}")
    }

    fn customer_by_external_id(&self, external_id: &str) -> Result<Option<Customer>, Infallible> {
        todo!("{external_id}")
    }

    fn mapping(
        &self,
        integration: &IntegrationId,
        source_customer_id: &str,
    ) -> Result<Option<CustomerMapping>, Infallible> {
        todo!("{integration} {source_customer_id}")
    }

    fn deployment_for(
        &self,
        integration: &IntegrationId,
        customer: &CustomerId,
    ) -> Result<Option<Arc<Deployment>>, Infallible> {
        todo!("{integration} {customer}")
    }
}
