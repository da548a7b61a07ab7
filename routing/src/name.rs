//! Identifiers and resource names.
//!
//! An id matches `[A-Za-z0-9][A-Za-z0-9._-]{0,62}`. Names are paths of collections and ids, as
//! `integrations/acme-erp/deployments/bowlers-inc`.

use std::{fmt, str::FromStr, sync::Arc};

/// A malformed id or name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NameError {
    reason: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the bare id.
            pub fn parse(id: &str) -> Result<Self, NameError> {
                check_id(id).map(|()| Self(id.into()))
            }

            /// The bare id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// The id of an integration. Displays as its name, `integrations/{integration}`.
    IntegrationId
}
id! {
    /// The id of a customer. Displays as its name, `customers/{customer}`.
    CustomerId
}
id! {
    /// The id of a customer mapping within its integration.
    MappingId
}
id! {
    /// The id of a deployment within its integration.
    DeploymentId
}
id! {
    /// The key of a flow within its integration.
    FlowKey
}
id! {
    /// The id of an edge. Displays as its name, `edges/{edge}`.
    EdgeId
}
id! {
    /// The id of an access token. Displays as its name, `accessTokens/{access_token}`.
    AccessTokenId
}

/// `integrations/{integration}/customerMappings/{mapping}`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MappingName {
    /// The integration.
    pub integration: IntegrationId,
    /// The mapping within it.
    pub mapping: MappingId,
}

/// `integrations/{integration}/deployments/{deployment}`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentName {
    /// The integration.
    pub integration: IntegrationId,
    /// The deployment within it.
    pub deployment: DeploymentId,
}

/// The name of any resource that edges hold. `FromStr` and `Display` read and write the whole name, as they do for
/// [`IntegrationId`], [`CustomerId`], [`MappingName`] and [`DeploymentName`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceName {
    /// `integrations/*`
    Integration(IntegrationId),
    /// `customers/*`
    Customer(CustomerId),
    /// `integrations/*/customerMappings/*`
    CustomerMapping(MappingName),
    /// `integrations/*/deployments/*`
    Deployment(DeploymentName),
}

impl ResourceName {
    /// The integration that it is or lies in.
    #[must_use]
    pub const fn integration(&self) -> Option<&IntegrationId> {
        match self {
            Self::Integration(integration) => Some(integration),
            Self::CustomerMapping(mapping) => Some(&mapping.integration),
            Self::Deployment(deployment) => Some(&deployment.integration),
            Self::Customer(_) => None,
        }
    }
}

const MAX_ID_BYTES: usize = 63;

fn check_id(id: &str) -> Result<(), NameError> {
    let fault = |reason: &str| {
        Err(NameError { reason: format!("{reason}; an id matches [A-Za-z0-9][A-Za-z0-9._-]{{0,62}}") })
    };
    match id.as_bytes() {
        [] => fault("the id is empty"),
        bytes if bytes.len() > MAX_ID_BYTES => fault("the id is longer than 63 bytes"),
        [first, ..] if !first.is_ascii_alphanumeric() => {
            fault("the id starts with something else than a letter or digit")
        }
        bytes if bytes.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')) => Ok(()),
        _ => fault("the id holds a character that ids may not hold"),
    }
}

impl fmt::Display for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for IntegrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "integrations/{}", self.0)
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "customers/{}", self.0)
    }
}

impl fmt::Display for EdgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "edges/{}", self.0)
    }
}

impl fmt::Display for AccessTokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accessTokens/{}", self.0)
    }
}

impl fmt::Display for MappingName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/customerMappings/{}", self.integration, self.mapping.as_str())
    }
}

impl fmt::Display for DeploymentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/deployments/{}", self.integration, self.deployment.as_str())
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integration(name) => name.fmt(f),
            Self::Customer(name) => name.fmt(f),
            Self::CustomerMapping(name) => name.fmt(f),
            Self::Deployment(name) => name.fmt(f),
        }
    }
}

impl FromStr for ResourceName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        let mut parts = name.split('/');
        let parts = [parts.next(), parts.next(), parts.next(), parts.next(), parts.next()];
        Ok(match parts {
            [Some("integrations"), Some(id), None, ..] => Self::Integration(IntegrationId::parse(id)?),
            [Some("customers"), Some(id), None, ..] => Self::Customer(CustomerId::parse(id)?),
            [Some("integrations"), Some(integration), Some("customerMappings"), Some(id), None] => {
                Self::CustomerMapping(MappingName {
                    integration: IntegrationId::parse(integration)?,
                    mapping: MappingId::parse(id)?,
                })
            }
            [Some("integrations"), Some(integration), Some("deployments"), Some(id), None] => {
                Self::Deployment(DeploymentName {
                    integration: IntegrationId::parse(integration)?,
                    deployment: DeploymentId::parse(id)?,
                })
            }
            [Some(""), None, ..] => return Err(NameError { reason: "is missing".to_owned() }),
            _ => return Err(NameError { reason: "not the name of a resource".to_owned() }),
        })
    }
}

// Edges and access tokens are no configuration, so no `ResourceName`.
impl FromStr for EdgeId {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        match name.strip_prefix("edges/") {
            Some(id) => Self::parse(id),
            None => Err(NameError { reason: "not of the form `edges/{edge}`".to_owned() }),
        }
    }
}

impl FromStr for AccessTokenId {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        match name.strip_prefix("accessTokens/") {
            Some(id) => Self::parse(id),
            None => Err(NameError { reason: "not of the form `accessTokens/{access_token}`".to_owned() }),
        }
    }
}

macro_rules! name_from_str {
    ($name:ty, $variant:ident, $shape:literal) => {
        impl FromStr for $name {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                match name.parse()? {
                    ResourceName::$variant(name) => Ok(name),
                    _ => Err(NameError { reason: concat!("not of the form `", $shape, "`").to_owned() }),
                }
            }
        }
    };
}

name_from_str!(IntegrationId, Integration, "integrations/{integration}");
name_from_str!(CustomerId, Customer, "customers/{customer}");
name_from_str!(MappingName, CustomerMapping, "integrations/{integration}/customerMappings/{mapping}");
name_from_str!(DeploymentName, Deployment, "integrations/{integration}/deployments/{deployment}");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_match_their_pattern() {
        for good in ["a", "A", "0", "a.b_c-D", "a..", &"x".repeat(63)] {
            assert_eq!(FlowKey::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-", ".", "..", "_a", "-a", "a b", "a/b", "a\0", "ä", "a%", &"x".repeat(64)] {
            assert!(FlowKey::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_read_as_they_are_written() {
        for name in [
            "integrations/acme-erp",
            "customers/bowlers-inc",
            "integrations/acme-erp/customerMappings/a06dffac",
            "integrations/acme-erp/deployments/bowlers-inc",
        ] {
            assert_eq!(name.parse::<ResourceName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn other_names_are_refused() {
        for bad in [
            "",
            "/",
            "integrations",
            "integrations/",
            "integrations/-",
            "/integrations/a",
            "integrations/a/",
            "Integrations/a",
            "customers/a/b",
            "customers/a/deployments/b",
            "integrations/a/deployments",
            "integrations/a/deployments/",
            "integrations/a/deployments/b/c",
            "integrations/a/flows/b",
            "edges/a",
        ] {
            assert!(bad.parse::<ResourceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_of_another_kind_is_refused_with_the_wanted_form() {
        let error = "integrations/a".parse::<CustomerId>().unwrap_err();
        assert!(error.to_string().contains("customers/{customer}"), "{error}");
        assert!("integrations/a/deployments/b".parse::<MappingName>().is_err());
        assert!("integrations/a/customerMappings/b".parse::<DeploymentName>().is_err());
        assert!("customers/a".parse::<IntegrationId>().is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_refused_or_read_back(text in "(integrations|customers|[a-z./-]{0,5})(/[A-Za-z.-]{0,4}){0,5}") {
            if let Ok(name) = text.parse::<ResourceName>() {
                proptest::prop_assert_eq!(name.to_string(), text);
            }
        }
    }
}
