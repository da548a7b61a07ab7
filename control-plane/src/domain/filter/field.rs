//! The fields that can be filtered by, and which list has which.

use super::Operator;

/// A field that can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// What was done, as a label of `AuditEntry.Action`.
    Action,
    /// Who wrote.
    Caller,
    /// Whether an edge has a stream open.
    Connected,
    /// When it was made.
    CreateTime,
    /// The customer that a resource names.
    Customer,
    /// For people.
    DisplayName,
    /// The edge that an access token is for.
    Edge,
    /// What an integration's endpoints stand for, as a label of `EndpointType`.
    EndpointType,
    /// The vendor's id for a customer.
    ExternalId,
    /// The method that wrote.
    Method,
    /// Whose a resource is.
    Owner,
    /// The request's id.
    RequestId,
    /// Whether webhooks can go elsewhere.
    Reroutes,
    /// The resource that was written, or what lies below one.
    Resource,
    /// The revision that was made.
    Revision,
    /// What a bearer may do, as a label of `AccessToken.Role`.
    Role,
    /// The third party's id for a customer.
    SourceCustomerId,
    /// Whether a deployment takes requests, as a label of `Deployment.State`.
    State,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Any text.
    Text,
    /// The name of a customer.
    Customer,
    /// The name of an edge.
    Edge,
    /// A resource, or what lies below one.
    ResourceOrBelow,
    /// One of these labels.
    Label(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
    /// A number.
    Number,
    /// A time.
    Time,
}

impl Field {
    /// Those of `ListIntegrations`.
    pub const OF_INTEGRATIONS: &'static [Self] = &[Self::DisplayName, Self::Owner, Self::EndpointType];
    /// Those of `ListCustomers`.
    pub const OF_CUSTOMERS: &'static [Self] = &[Self::ExternalId, Self::DisplayName, Self::Owner];
    /// Those of `ListCustomerMappings`.
    pub const OF_CUSTOMER_MAPPINGS: &'static [Self] =
        &[Self::SourceCustomerId, Self::Customer, Self::DisplayName, Self::Owner];
    /// Those of `ListDeployments`.
    pub const OF_DEPLOYMENTS: &'static [Self] =
        &[Self::Customer, Self::State, Self::DisplayName, Self::Owner];
    /// Those of `ListEdges`.
    pub const OF_EDGES: &'static [Self] = &[Self::Connected];
    /// Those of `ListAccessTokens`.
    pub const OF_ACCESS_TOKENS: &'static [Self] = &[Self::Role, Self::Edge];
    /// Those of `ListAuditEntries`.
    pub const OF_AUDIT_ENTRIES: &'static [Self] = &[
        Self::Caller,
        Self::Method,
        Self::Resource,
        Self::Action,
        Self::Reroutes,
        Self::RequestId,
        Self::Revision,
        Self::CreateTime,
    ];

    /// What filters call it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Caller => "caller",
            Self::Connected => "connected",
            Self::CreateTime => "create_time",
            Self::Customer => "customer",
            Self::DisplayName => "display_name",
            Self::Edge => "edge",
            Self::EndpointType => "endpoint.type",
            Self::ExternalId => "external_id",
            Self::Method => "method",
            Self::Owner => "owner",
            Self::RequestId => "request_id",
            Self::Reroutes => "reroutes",
            Self::Resource => "resource",
            Self::Revision => "revision",
            Self::Role => "role",
            Self::SourceCustomerId => "source_customer_id",
            Self::State => "state",
        }
    }

    /// The operators that it takes.
    pub(super) const fn operators(self) -> &'static [Operator] {
        match self {
            Self::CreateTime => &[Operator::AtLeast, Operator::Below],
            _ => &[Operator::Is],
        }
    }

    pub(super) const fn holds(self) -> Holds {
        match self {
            Self::Caller
            | Self::DisplayName
            | Self::ExternalId
            | Self::Method
            | Self::Owner
            | Self::RequestId
            | Self::SourceCustomerId => Holds::Text,
            Self::Customer => Holds::Customer,
            Self::Edge => Holds::Edge,
            Self::Resource => Holds::ResourceOrBelow,
            Self::Connected | Self::Reroutes => Holds::Flag,
            Self::Revision => Holds::Number,
            Self::CreateTime => Holds::Time,
            Self::EndpointType => Holds::Label(&[
                "ENDPOINT_TYPE_SHARED",
                "ENDPOINT_TYPE_INSTANCE_SPECIFIC",
                "ENDPOINT_TYPE_FLOW_SPECIFIC",
            ]),
            Self::State => Holds::Label(&["STATE_ENABLED", "STATE_PAUSED"]),
            Self::Role => {
                Holds::Label(&["ROLE_ADMIN", "ROLE_EDITOR", "ROLE_VIEWER", "ROLE_EDGE", "ROLE_PREPROCESS"])
            }
            Self::Action => Holds::Label(&[
                "ACTION_CREATED",
                "ACTION_UPDATED",
                "ACTION_REMOVED",
                "ACTION_ROTATED",
                "ACTION_REVOKED",
                "ACTION_IMPORTED",
                "ACTION_ACCEPTED",
            ]),
        }
    }
}
