//! What `get` can be asked for: a resource's name, or a collection's.

use std::str::FromStr;

/// A resource or a collection of resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// One resource, by its name.
    One(Kind, String),
    /// All of a collection.
    All(Collection),
}

/// The kinds of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Integration,
    Customer,
    CustomerMapping,
    Deployment,
    Edge,
}

/// A collection, with its parent where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Collection {
    Integrations,
    Customers,
    CustomerMappings { parent: String },
    Deployments { parent: String },
    Edges,
}

/// Neither the name of a resource nor of a collection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a resource or a collection; ask for integrations, customers, edges, integrations/ID, customers/ID, \
     integrations/ID/deployments, integrations/ID/customerMappings, one of these followed by /ID, or for those of all \
     integrations, as integrations/-/deployments"
)]
pub(crate) struct AskedError;

impl FromStr for Asked {
    type Err = AskedError;

    fn from_str(text: &str) -> Result<Self, AskedError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(AskedError);
        }
        let name = || text.to_owned();
        let parent = |id: &str| format!("integrations/{id}");
        Ok(match parts[..] {
            ["integrations" | "integration"] => Self::All(Collection::Integrations),
            ["customers" | "customer"] => Self::All(Collection::Customers),
            ["edges" | "edge"] => Self::All(Collection::Edges),
            // Without an integration, those of all of them.
            ["deployments" | "deployment"] => Self::All(Collection::Deployments { parent: parent("-") }),
            ["customerMappings" | "customerMapping"] => {
                Self::All(Collection::CustomerMappings { parent: parent("-") })
            }
            ["integrations", _] => Self::One(Kind::Integration, name()),
            ["customers", _] => Self::One(Kind::Customer, name()),
            ["edges", _] => Self::One(Kind::Edge, name()),
            ["integrations", id, "deployments"] => Self::All(Collection::Deployments { parent: parent(id) }),
            ["integrations", id, "customerMappings"] => {
                Self::All(Collection::CustomerMappings { parent: parent(id) })
            }
            ["integrations", _, "deployments", _] => Self::One(Kind::Deployment, name()),
            ["integrations", _, "customerMappings", _] => Self::One(Kind::CustomerMapping, name()),
            _ => return Err(AskedError),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_collections_are_told_apart() {
        for (text, kind) in [
            ("integrations/acme-erp", Kind::Integration),
            ("customers/bowlers-inc", Kind::Customer),
            ("edges/local", Kind::Edge),
            ("integrations/acme-erp/deployments/bowlers-inc", Kind::Deployment),
            ("integrations/acme-erp/customerMappings/a06dffac", Kind::CustomerMapping),
        ] {
            assert_eq!(text.parse(), Ok(Asked::One(kind, text.to_owned())));
        }
        let parent = "integrations/acme-erp".to_owned();
        assert_eq!(
            "integrations/acme-erp/deployments/".parse(),
            Ok(Asked::All(Collection::Deployments { parent: parent.clone() }))
        );
        assert_eq!(
            "integrations/acme-erp/customerMappings".parse(),
            Ok(Asked::All(Collection::CustomerMappings { parent }))
        );
        assert_eq!(
            "deployments".parse(),
            Ok(Asked::All(Collection::Deployments { parent: "integrations/-".to_owned() }))
        );
        assert_eq!("customers".parse(), Ok(Asked::All(Collection::Customers)));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "/", "acme-erp", "integrations//deployments", "integrations/a/flows", "customers/a/b"]
        {
            assert_eq!(text.parse::<Asked>(), Err(AskedError), "{text}");
        }
    }
}
