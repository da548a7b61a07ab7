//! Why something is refused or fails.

use std::collections::HashSet;

use pointsman_routing::{
    fault::Fault,
    name::{EdgeId, IntegrationId, ResourceName},
};

use super::{AccessTokenError, ImportError, Known, PageTokenError};
use crate::{
    domain::{RandomError, Revision, Role},
    labelled::labelled,
    store::StoreError,
};

/// So many faults and violations are kept of one request; beyond, they are counted.
const KEPT: usize = 1_000;
/// So many users of a resource are named.
pub(super) const NAMED_USERS: usize = 20;

/// Why a call was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is faulty, or the state that it asks for breaks a rule.
    #[error("the request is refused")]
    Refused(Refused),
    /// There is no such resource.
    #[error("there is no {0}")]
    NotFound(ResourceName),
    /// The integration has no such revision.
    #[error("{integration} has no revision {revision}")]
    NoRevision {
        /// The integration.
        integration: IntegrationId,
        /// The revision.
        revision: Revision,
    },
    /// Nobody knows such a customer.
    #[error("{known}")]
    NoCustomer {
        /// Where it was looked up.
        integration: IntegrationId,
        /// What was said to be known of it.
        known: Known,
    },
    /// There is one of that name.
    #[error("{0} is there already")]
    AlreadyExists(ResourceName),
    /// The resource has changed since the caller saw it.
    #[error("{0} has changed since")]
    EtagMismatch(ResourceName),
    /// The caller's token is not for this resource.
    #[error("the access token is not for {0}")]
    OutOfScope(ResourceName),
    /// The caller's role is not enough for a part of the request.
    #[error("this needs the role {needed}")]
    RoleNotEnough {
        /// The role that would be.
        needed: Role,
    },
    /// Something else would be done than the caller was shown.
    #[error("the configuration has changed since the change was shown")]
    PlanChanged,
    /// The request's id stands for another request.
    #[error("the request id stands for another request")]
    RequestReused,
    /// As many calls are remembered for the caller as can be.
    #[error("no further request ids are remembered")]
    TooManyRequestIds,
    /// Nobody knows such an edge.
    #[error("there is no {0}")]
    NoEdge(EdgeId),
    /// An access token is not made, revoked or removed.
    #[error(transparent)]
    AccessToken(#[from] AccessTokenError),
    /// A page token that is not of this list.
    #[error(transparent)]
    PageToken(#[from] PageTokenError),
    /// The answer would be larger than a message may be.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The bound.
        limit_bytes: usize,
    },
    /// An import does not go on.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The system has no randomness for a token.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The same, where the request has no field but a name: all of it is about that.
    pub(super) fn about_the_name(self) -> Self {
        let Self::Refused(mut refused) = self else { return self };
        refused.violations.iter_mut().for_each(|violation| violation.field = Some("name".to_owned()));
        Self::Refused(refused)
    }

    /// The same, with other names for some of the faulty fields.
    pub(super) fn rename(self, name: impl Fn(&str) -> Option<String>) -> Self {
        let Self::Refused(mut refused) = self else { return self };
        for fault in &mut refused.faults {
            if let Some(name) = name(&fault.field) {
                fault.field = name;
            }
        }
        Self::Refused(refused)
    }

    /// One rule is broken, about `subject`.
    pub(crate) fn broken(kind: ViolationKind, subject: impl ToString, reason: impl ToString) -> Self {
        let mut refused = Refused::default();
        let (subject, reason) = (subject.to_string(), reason.to_string());
        refused.break_rule(Violation { kind, field: None, subject, reason });
        Self::Refused(refused)
    }

    /// Something cannot be deleted: it has `users`.
    pub(super) fn in_use(name: &ResourceName, users: &[ResourceName]) -> Self {
        let mut refused = Refused::default();
        for user in users.iter().take(NAMED_USERS) {
            refused.break_rule(Violation {
                kind: ViolationKind::InUse,
                field: None,
                subject: user.to_string(),
                reason: format!("{name} is used by {user}"),
            });
        }
        // One more was asked for than is named.
        if users.len() > NAMED_USERS {
            refused.break_rule(Violation {
                kind: ViolationKind::InUse,
                field: None,
                subject: name.to_string(),
                reason: format!("{name} is used by more than these"),
            });
        }
        Self::Refused(refused)
    }
}

/// Everything that is wrong with a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// Fields that are wrong whatever the state is; their paths are the request's.
    pub faults: Vec<Fault>,
    /// Rules that the state would break.
    pub violations: Vec<Violation>,
    /// How many more there are of either.
    pub more: usize,
    /// All faulty fields, also of faults that are only counted.
    faulty: HashSet<String>,
}

/// A rule across resources that the state would break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub kind: ViolationKind,
    /// The field of the request that breaks it, where it is one.
    pub field: Option<String>,
    /// The resource that stands in the way, or that is missing.
    pub subject: String,
    /// What is wrong, in words for an admin. Never a secret.
    pub reason: String,
}

labelled! {
    /// The rules across resources.
    pub enum ViolationKind {
        /// The integration that a resource lies in does not exist.
        IntegrationMissing = "INTEGRATION_NOT_FOUND",
        /// The customer that a resource names does not exist.
        CustomerMissing = "CUSTOMER_NOT_FOUND",
        /// A deployment has a URL for a flow that its integration does not have.
        FlowMissing = "FLOW_NOT_FOUND",
        /// A deployment has a URL for a flow that is to be removed.
        FlowInUse = "FLOW_IN_USE",
        /// External IDs are unique.
        ExternalIdTaken = "EXTERNAL_ID_TAKEN",
        /// Source ids are unique within an integration.
        SourceIdTaken = "SOURCE_CUSTOMER_ID_TAKEN",
        /// The name of a mapping that is to be made is that of another one.
        MappingIdTaken = "CUSTOMER_MAPPING_ID_TAKEN",
        /// A shared endpoint has at most one enabled deployment per customer.
        EnabledTwice = "DEPLOYMENT_ALREADY_ENABLED",
        /// A resource that others use cannot be deleted.
        InUse = "IN_USE",
        /// A manifest changes only what is its owner's.
        OwnedByAnother = "OWNED_BY_ANOTHER",
        /// Most of what an owner has is not removed by mistake.
        MassRemoval = "MASS_REMOVAL",
        /// The endpoint that tokens are for does not exist.
        EndpointMissing = "ENDPOINT_NOT_FOUND",
        /// A token leads to one endpoint.
        EndpointTokenTaken = "ENDPOINT_TOKEN_TAKEN",
        /// A token that leads to one customer does not come to lead to another.
        EndpointTokenOfAnother = "ENDPOINT_TOKEN_OF_ANOTHER_CUSTOMER",
        /// An endpoint of that kind is not what the integration has.
        EndpointTypeMismatch = "ENDPOINT_TYPE_MISMATCH",
        /// An endpoint has as many URLs as it may.
        TooManyUrls = "TOO_MANY_URLS",
        /// An edge that is not connected cannot be told anything.
        EdgeNotConnected = "EDGE_NOT_CONNECTED",
        /// An edge serves what it was sent.
        NothingHeldBack = "NOTHING_HELD_BACK",
        /// An edge holds back something else than was named.
        OtherHeldBack = "HELD_BACK_CHANGED",
    }
}

impl Refused {
    /// The refusal of these faults.
    #[must_use]
    pub fn faulty(faults: Vec<Fault>) -> Self {
        let mut refused = Self::default();
        faults.into_iter().for_each(|fault| refused.find_fault(fault));
        refused
    }

    /// Adds a fault.
    pub(super) fn find_fault(&mut self, fault: Fault) {
        self.faulty.insert(fault.field.clone());
        if self.has_room() {
            self.faults.push(fault);
        }
    }

    /// Adds a violation, unless its field is faulty anyway.
    pub(super) fn break_rule(&mut self, violation: Violation) {
        let known = violation.field.as_ref().is_some_and(|field| self.faulty.contains(field));
        if !known && self.has_room() {
            self.violations.push(violation);
        }
    }

    /// Whether there is nothing to refuse.
    pub(super) fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.violations.is_empty()
    }

    /// `Ok` where there is nothing to refuse.
    pub(super) fn into_result(self) -> Result<(), Error> {
        if self.is_empty() { Ok(()) } else { Err(Error::Refused(self)) }
    }

    fn has_room(&mut self) -> bool {
        let room = self.faults.len() + self.violations.len() < KEPT;
        self.more += usize::from(!room);
        room
    }
}
