//! Names of resources as people write them: whole, or without what goes without saying.

use std::str::FromStr;

/// An integration: `acme-erp`, or `integrations/acme-erp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IntegrationName(String);

/// A deployment: `acme-erp/bowlers-inc`, or `integrations/acme-erp/deployments/bowlers-inc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeploymentName(String);

/// Something that has endpoints: an integration or a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EndpointName {
    Integration(IntegrationName),
    Deployment(DeploymentName),
}

/// Not the name of an integration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an integration as acme-erp or integrations/acme-erp")]
pub(crate) struct IntegrationNameError;

/// Not the name of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write a deployment as acme-erp/bowlers-inc or integrations/acme-erp/deployments/bowlers-inc")]
pub(crate) struct DeploymentNameError;

/// Neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write an integration as acme-erp, or a deployment as acme-erp/bowlers-inc; or their whole names")]
pub(crate) struct EndpointNameError;

impl IntegrationName {
    /// The whole name.
    pub(crate) fn whole(&self) -> &str {
        &self.0
    }

    /// As short as it is understood.
    pub(crate) fn short(&self) -> &str {
        self.0.strip_prefix("integrations/").unwrap_or(&self.0)
    }
}

impl DeploymentName {
    /// The whole name.
    pub(crate) fn whole(&self) -> &str {
        &self.0
    }
}

impl FromStr for IntegrationName {
    type Err = IntegrationNameError;

    fn from_str(text: &str) -> Result<Self, IntegrationNameError> {
        let id = text.strip_prefix("integrations/").unwrap_or(text);
        if id.is_empty() || id.contains('/') {
            return Err(IntegrationNameError);
        }
        Ok(Self(format!("integrations/{id}")))
    }
}

impl FromStr for DeploymentName {
    type Err = DeploymentNameError;

    fn from_str(text: &str) -> Result<Self, DeploymentNameError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [integration, deployment] | ["integrations", integration, "deployments", deployment]
                if !integration.is_empty() && !deployment.is_empty() && integration != "integrations" =>
            {
                Ok(Self(format!("integrations/{integration}/deployments/{deployment}")))
            }
            _ => Err(DeploymentNameError),
        }
    }
}

impl FromStr for EndpointName {
    type Err = EndpointNameError;

    fn from_str(text: &str) -> Result<Self, EndpointNameError> {
        let integration = text.parse().map(Self::Integration).ok();
        integration.or_else(|| text.parse().map(Self::Deployment).ok()).ok_or(EndpointNameError)
    }
}

/// A customer: `bowlers-inc`, or `customers/bowlers-inc`. The control plane says what is wrong with it.
pub(crate) fn customer(text: &str) -> String {
    if text.contains('/') { text.to_owned() } else { format!("customers/{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_or_whole() {
        for text in ["acme-erp", "integrations/acme-erp"] {
            let name: IntegrationName = text.parse().expect("a name");
            assert_eq!((name.whole(), name.short()), ("integrations/acme-erp", "acme-erp"));
            assert_eq!(text.parse(), Ok(EndpointName::Integration(name)));
        }
        for text in ["acme-erp/bowlers-inc", "integrations/acme-erp/deployments/bowlers-inc"] {
            let name: DeploymentName = text.parse().expect("a name");
            assert_eq!(name.whole(), "integrations/acme-erp/deployments/bowlers-inc");
            assert_eq!(text.parse(), Ok(EndpointName::Deployment(name)));
        }
        assert_eq!(customer("bowlers-inc"), "customers/bowlers-inc");
        assert_eq!(customer("customers/bowlers-inc"), "customers/bowlers-inc");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "/", "integrations/", "a/", "/b", "customers/a/b", "integrations/a/customerMappings/b"]
        {
            assert_eq!(text.parse::<EndpointName>(), Err(EndpointNameError), "{text}");
        }
        assert!("a/b".parse::<IntegrationName>().is_err());
        assert!("a".parse::<DeploymentName>().is_err());
    }
}
