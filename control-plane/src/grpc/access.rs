//! Who may call which method: one table of all of them. A method that is not in it is refused.
//!
//! The table judges roles; scopes are judged where the resource is known, in `registry` and by [`Caller::sees`](crate::domain::Caller::sees).

use crate::domain::Role;

mod door;

pub(crate) use door::DoorLayer;

/// What a method asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Nothing: health and reflection.
    Nothing,
    /// One of these roles.
    Roles(&'static [Role]),
}

use Requirement::{Nothing, Roles};

const ADMINS: Requirement = Roles(&[Role::Admin]);
const WRITERS: Requirement = Roles(&[Role::Admin, Role::Editor]);
const READERS: Requirement = Roles(&[Role::Admin, Role::Editor, Role::Viewer]);

/// All methods, by service. What only admins may of `ManifestService` (endpoint tokens) is judged in its calls; which edge
/// a caller of `StreamConfig` is, by the hello.
const SERVICES: &[(&str, &[(&str, Requirement)])] = &[
    (
        "pointsman.admin.v1.IntegrationService",
        &[
            ("CreateIntegration", WRITERS),
            ("GetIntegration", READERS),
            ("ListIntegrations", READERS),
            ("UpdateIntegration", WRITERS),
            ("DeleteIntegration", WRITERS),
            ("ListIntegrationRevisions", READERS),
            ("RollbackIntegration", WRITERS),
            ("RotateEndpointToken", WRITERS),
            ("TestEndpoint", WRITERS),
        ],
    ),
    (
        "pointsman.admin.v1.CustomerService",
        &[
            ("CreateCustomer", WRITERS),
            ("GetCustomer", READERS),
            ("ListCustomers", READERS),
            ("UpdateCustomer", WRITERS),
            ("DeleteCustomer", WRITERS),
        ],
    ),
    (
        "pointsman.admin.v1.CustomerMappingService",
        &[
            ("CreateCustomerMapping", WRITERS),
            ("GetCustomerMapping", READERS),
            ("ListCustomerMappings", READERS),
            ("UpdateCustomerMapping", WRITERS),
            ("DeleteCustomerMapping", WRITERS),
            ("BatchUpsertCustomerMappings", WRITERS),
            ("ImportCustomerMappings", WRITERS),
            ("GetCustomerMappingImport", READERS),
            ("LookupCustomer", Roles(&[Role::Admin, Role::Editor, Role::Viewer, Role::Preprocess])),
        ],
    ),
    (
        "pointsman.admin.v1.DeploymentService",
        &[
            ("CreateDeployment", WRITERS),
            ("GetDeployment", READERS),
            ("ListDeployments", READERS),
            ("UpdateDeployment", WRITERS),
            ("DeleteDeployment", WRITERS),
            ("PauseDeployment", WRITERS),
            ("ResumeDeployment", WRITERS),
            ("RotateEndpointToken", WRITERS),
        ],
    ),
    ("pointsman.admin.v1.ManifestService", &[("ApplyManifest", WRITERS), ("ExportManifest", READERS)]),
    (
        "pointsman.admin.v1.EdgeService",
        &[
            ("GetEdge", READERS),
            ("ListEdges", READERS),
            ("WaitForRevision", READERS),
            ("AcceptConfiguration", ADMINS),
        ],
    ),
    (
        "pointsman.admin.v1.AccessTokenService",
        &[
            ("CreateAccessToken", ADMINS),
            ("GetAccessToken", ADMINS),
            ("ListAccessTokens", ADMINS),
            ("RevokeAccessToken", ADMINS),
            ("DeleteAccessToken", ADMINS),
        ],
    ),
    ("pointsman.admin.v1.AuditService", &[("ListAuditEntries", ADMINS)]),
    (
        "pointsman.edge.v1.ConfigService",
        &[
            ("StreamConfig", Roles(&[Role::Admin, Role::Edge])),
            // The same with secrets redacted: an edge may see what it is sent.
            ("GetConfig", Roles(&[Role::Admin, Role::Editor, Role::Viewer, Role::Edge])),
        ],
    ),
    ("grpc.health.v1.Health", &[("Check", Nothing), ("Watch", Nothing)]),
    ("grpc.reflection.v1.ServerReflection", &[("ServerReflectionInfo", Nothing)]),
    ("grpc.reflection.v1alpha.ServerReflection", &[("ServerReflectionInfo", Nothing)]),
];

/// What a method asks of its caller, as `pointsman.admin.v1.CustomerService/UpdateCustomer`; none for one that is not
/// served.
#[must_use]
pub fn requirement(method: &str) -> Option<Requirement> {
    let (service, method) = method.split_once('/')?;
    let (_, methods) = SERVICES.iter().find(|(name, _)| *name == service)?;
    methods.iter().find(|(name, _)| *name == method).map(|(_, requirement)| *requirement)
}

/// Every method of the table with what it asks.
pub fn requirements() -> impl Iterator<Item = (String, Requirement)> {
    SERVICES.iter().flat_map(|(service, methods)| {
        methods.iter().map(move |(method, requirement)| (format!("{service}/{method}"), *requirement))
    })
}

#[cfg(test)]
mod tests;
