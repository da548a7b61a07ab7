//! What the control plane keeps: resources of four kinds, each written at some revision.
//!
//! What an admin writes of a resource is its `Spec`, kept as written; `pointsman_routing` parses it, so that an edge
//! finds the same faults or none. What the control plane adds is in [`Resource`].

use std::{collections::BTreeMap, fmt, hash::Hash, str::FromStr, time::SystemTime};

use pointsman_routing::{
    deployment::{Customer, CustomerMapping, Deployment, DeploymentSpec},
    fault::Fault,
    integration::{Integration, IntegrationSpec},
    name::{CustomerId, DeploymentName, IntegrationId, MappingName, NameError, ResourceName},
    table::EndpointToken,
};
use uuid::Uuid;

mod access_token;
mod caller;
mod etag;
mod fields;
pub mod filter;
mod import_id;
mod mapping_id;
mod owner;
mod secrets;
mod token;

pub use access_token::{AccessToken, AccessTokenSpec, Secret, SecretHash, TokenEnd};
pub use caller::{Caller, Role};
pub use etag::Etag;
pub use fields::{FieldChange, Fields, REDACTED};
pub use import_id::ImportId;
pub use mapping_id::derived_mapping_id;
pub use owner::Owner;
pub use secrets::{Destination, Secrets, hide, redact};
pub use token::{DeploymentTokens, RandomError, random_token};

/// A state of the whole configuration. Revisions are global and without gaps; 0 is the empty database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(i64);

impl Revision {
    /// The revision with this number.
    #[must_use]
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Names a database: random, made with it. A restored or swapped one is noticed by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(String);

impl Epoch {
    pub(crate) fn new(epoch: String) -> Self {
        Self(epoch)
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A kind of resource, told apart by the type of what admins write of it.
pub trait Kind: Clone + fmt::Debug + PartialEq + Send + Sync + 'static {
    /// Its resources' names.
    type Name: Clone
        + fmt::Debug
        + fmt::Display
        + FromStr<Err = NameError>
        + Eq
        + Hash
        + Send
        + Sync
        + 'static;
    /// The endpoint tokens that come with a resource.
    type Tokens: Clone + fmt::Debug + Default + PartialEq + Send + Sync + 'static;

    /// The same name, as that of any resource.
    fn resource_name(name: &Self::Name) -> ResourceName;

    /// A name that is sound, for judging a spec whose own is not.
    fn any_name() -> Self::Name;

    /// Everything that is wrong with it as it stands, without a look at other resources.
    fn faults(&self, name: &Self::Name) -> Vec<Fault>;

    /// Adds the fields that it sets.
    fn add_fields(&self, fields: &mut Fields);

    /// The secrets in it.
    fn secrets(&self) -> Vec<Secrets<'_, &BTreeMap<String, String>>> {
        Vec::new()
    }

    /// The same, to be changed.
    fn secrets_mut(&mut self) -> Vec<Secrets<'_, &mut BTreeMap<String, String>>> {
        Vec::new()
    }

    /// Adds the public URLs that lead to a resource.
    fn add_urls(_resource: &Resource<Self>, _fields: &mut Fields) {}
}

/// A resource as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource<K: Kind> {
    /// Its name.
    pub name: K::Name,
    /// What the control plane knows of every resource.
    pub meta: Meta,
    /// What was written.
    pub spec: K,
    /// The tokens that lead to it.
    pub tokens: K::Tokens,
}

impl<K: Kind> Resource<K> {
    /// Changes with every change of the resource.
    #[must_use]
    pub fn etag(&self) -> Etag {
        Etag::of(self.meta.uid, self.meta.revision)
    }
}

/// What the control plane knows of every resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Tells apart two resources that had the same name at different times.
    pub uid: Uuid,
    /// For people.
    pub display_name: String,
    /// Whose it is.
    pub owner: Owner,
    /// When it was created, to the microsecond.
    pub create_time: SystemTime,
    /// When it was last changed, to the microsecond.
    pub update_time: SystemTime,
    /// The revision that last changed it.
    pub revision: Revision,
}

/// A resource of any kind.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "never kept in numbers: read, turned into a message, dropped")]
pub enum AnyResource {
    /// `integrations/*`
    Integration(Resource<IntegrationSpec>),
    /// `customers/*`
    Customer(Resource<CustomerSpec>),
    /// `integrations/*/customerMappings/*`
    CustomerMapping(Resource<MappingSpec>),
    /// `integrations/*/deployments/*`
    Deployment(Resource<DeploymentSpec>),
}

/// A customer as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerSpec {
    /// The vendor's own id for it.
    pub external_id: String,
}

/// A customer mapping as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MappingSpec {
    /// The third party's id for the customer.
    pub source_customer_id: String,
    /// `customers/{customer}`
    pub customer: String,
}

impl Kind for IntegrationSpec {
    type Name = IntegrationId;
    type Tokens = Vec<EndpointToken>;

    fn resource_name(name: &IntegrationId) -> ResourceName {
        ResourceName::Integration(name.clone())
    }

    fn any_name() -> IntegrationId {
        IntegrationId::parse("x").expect("an id")
    }

    fn faults(&self, name: &IntegrationId) -> Vec<Fault> {
        Integration::parse(name.clone(), self.clone()).err().unwrap_or_default()
    }

    fn add_fields(&self, fields: &mut Fields) {
        fields::add_integration(self, fields);
    }

    fn secrets(&self) -> Vec<Secrets<'_, &BTreeMap<String, String>>> {
        secrets::of_integration(self)
    }

    fn secrets_mut(&mut self) -> Vec<Secrets<'_, &mut BTreeMap<String, String>>> {
        secrets::of_integration_mut(self)
    }

    fn add_urls(resource: &Resource<Self>, fields: &mut Fields) {
        fields::add_integration_urls(resource, fields);
    }
}

impl Kind for CustomerSpec {
    type Name = CustomerId;
    type Tokens = ();

    fn resource_name(name: &CustomerId) -> ResourceName {
        ResourceName::Customer(name.clone())
    }

    fn any_name() -> CustomerId {
        CustomerId::parse("x").expect("an id")
    }

    fn faults(&self, name: &CustomerId) -> Vec<Fault> {
        Customer::parse(name.clone(), &self.external_id).err().unwrap_or_default()
    }

    fn add_fields(&self, fields: &mut Fields) {
        fields::add_customer(self, fields);
    }
}

impl Kind for MappingSpec {
    type Name = MappingName;
    type Tokens = ();

    fn resource_name(name: &MappingName) -> ResourceName {
        ResourceName::CustomerMapping(name.clone())
    }

    fn any_name() -> MappingName {
        "integrations/x/customerMappings/x".parse().expect("a name")
    }

    fn faults(&self, name: &MappingName) -> Vec<Fault> {
        CustomerMapping::parse(name.clone(), &self.source_customer_id, &self.customer)
            .err()
            .unwrap_or_default()
    }

    fn add_fields(&self, fields: &mut Fields) {
        fields::add_mapping(self, fields);
    }
}

impl Kind for DeploymentSpec {
    type Name = DeploymentName;
    type Tokens = DeploymentTokens;

    fn resource_name(name: &DeploymentName) -> ResourceName {
        ResourceName::Deployment(name.clone())
    }

    fn any_name() -> DeploymentName {
        "integrations/x/deployments/x".parse().expect("a name")
    }

    fn faults(&self, name: &DeploymentName) -> Vec<Fault> {
        Deployment::parse(name.clone(), self.clone()).err().unwrap_or_default()
    }

    fn add_fields(&self, fields: &mut Fields) {
        fields::add_deployment(self, fields);
    }

    fn secrets(&self) -> Vec<Secrets<'_, &BTreeMap<String, String>>> {
        secrets::of_deployment(self)
    }

    fn secrets_mut(&mut self) -> Vec<Secrets<'_, &mut BTreeMap<String, String>>> {
        secrets::of_deployment_mut(self)
    }

    fn add_urls(resource: &Resource<Self>, fields: &mut Fields) {
        fields::add_deployment_urls(resource, fields);
    }
}

impl AnyResource {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> ResourceName {
        match self {
            Self::Integration(resource) => ResourceName::Integration(resource.name.clone()),
            Self::Customer(resource) => ResourceName::Customer(resource.name.clone()),
            Self::CustomerMapping(resource) => ResourceName::CustomerMapping(resource.name.clone()),
            Self::Deployment(resource) => ResourceName::Deployment(resource.name.clone()),
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        match self {
            Self::Integration(resource) => &resource.meta.owner,
            Self::Customer(resource) => &resource.meta.owner,
            Self::CustomerMapping(resource) => &resource.meta.owner,
            Self::Deployment(resource) => &resource.meta.owner,
        }
    }

    /// The revision that last changed it.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Integration(resource) => resource.meta.revision,
            Self::Customer(resource) => resource.meta.revision,
            Self::CustomerMapping(resource) => resource.meta.revision,
            Self::Deployment(resource) => resource.meta.revision,
        }
    }
}
