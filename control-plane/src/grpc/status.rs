//! The one place where errors become gRPC statuses, with details for programs: `ErrorInfo` always, and
//! `BadRequest`, `PreconditionFailure` or `ResourceInfo` where they fit.
//!
//! Statuses travel in trailers, which clients bound (many at 8 KiB): what a status says is bounded here.

use std::{collections::HashMap, time::Duration};

use pointsman_routing::{
    fault::Fault,
    name::{AccessTokenId, EdgeId, ResourceName},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, QuotaViolation, StatusExt as _};

use crate::{
    access::Denied,
    domain::Role,
    registry::{AccessTokenError, Error, ImportError, Known, Refused, Violation, ViolationKind},
    store::{CALLS_MAX, LookupError, StoreError},
};

mod reason;

pub(crate) use reason::Reason;

/// Who defines the reasons.
const DOMAIN: &str = "pointsman";
/// What a client learns of a fault of ours.
const OURS: &str = "an internal error; the log of the control plane says more";
/// All that is said of a method that is not served.
const NO_SUCH_METHOD: &str = "there is no such method";
/// The longest text of one fault.
const TEXT_BYTES_MAX: usize = 400;
/// All texts of a status together: with their framing, and in base64, they stay below 8 KiB.
const DETAILS_BYTES_MAX: usize = 4_000;
/// What callers are told to wait before they repeat a call that failed for a reason that may go by.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Every reason that an error of ours can have, for documentation to be measured against.
pub fn error_reasons() -> impl Iterator<Item = &'static str> {
    let rules = ViolationKind::ALL.iter().map(|kind| kind.label());
    Reason::ALL.iter().map(|reason| reason.label()).chain(rules)
}

/// The status of an error of the registry.
pub(super) fn from_error(error: Error) -> Status {
    match error {
        Error::Refused(refused) => from_refused(&refused),
        Error::NotFound(name) => {
            about(Code::NotFound, Reason::NotFound, &name, format!("there is no {name}"))
        }
        Error::AlreadyExists(name) => {
            about(Code::AlreadyExists, Reason::AlreadyExists, &name, format!("{name} is there already"))
        }
        Error::EtagMismatch(name) => {
            let message = format!("{name} has changed since its etag was read: read it again");
            about(Code::Aborted, Reason::EtagMismatch, &name, message)
        }
        Error::NoRevision { integration, revision } => {
            let message = format!("{integration} has no revision {revision}: list its revisions");
            let name = format!("{integration}@{revision}");
            not_found("pointsman.admin.v1.IntegrationRevision", Reason::NotFound, name, message)
        }
        Error::NoCustomer { integration, known } => {
            let (kind, name) = match &known {
                Known::SourceId(id) => ("pointsman.admin.v1.CustomerMapping", id.clone()),
                Known::ExternalId(id) => ("pointsman.admin.v1.Customer", id.clone()),
                Known::Customer(name) => ("pointsman.admin.v1.Customer", name.to_string()),
            };
            let message = match &known {
                Known::SourceId(_) => format!("{known} in {integration}"),
                Known::ExternalId(_) | Known::Customer(_) => known.to_string(),
            };
            not_found(kind, Reason::CustomerUnknown, cut(&name), cut(&message))
        }
        Error::OutOfScope(name) => {
            let message = format!("the access token is not for {name}");
            about(Code::PermissionDenied, Reason::OutOfScope, &name, message)
        }
        Error::RoleNotEnough { needed } => role_not_enough(&[needed], "this"),
        Error::PlanChanged => {
            let message = "the configuration has changed since the change was shown: look at it again";
            Status::with_error_details(Code::Aborted, message, info(Reason::PlanChanged))
        }
        Error::RequestReused => {
            let message = "the request id stands for another request: choose a new one";
            let mut details = info(Reason::RequestIdReused);
            details.set_bad_request(vec![FieldViolation::new("request_id", message)]);
            Status::with_error_details(Code::InvalidArgument, message, details)
        }
        Error::NoEdge(id) => no_edge(&id),
        Error::AccessToken(error) => access_token(&error),
        Error::TooManyRequestIds => {
            let message = format!(
                "{CALLS_MAX} calls with request ids are remembered for this caller, or their answers take up too much room: \
                 wait until the first are 24 hours old, or send this without a request id"
            );
            let mut details = info(Reason::TooManyRequestIds);
            details.set_quota_failure(vec![QuotaViolation::new("request_id", message.clone())]);
            Status::with_error_details(Code::ResourceExhausted, message, details)
        }
        Error::PageToken(error) => {
            let mut details = info(Reason::PageTokenInvalid);
            details.set_bad_request(vec![FieldViolation::new("page_token", error.to_string())]);
            Status::with_error_details(Code::InvalidArgument, error.to_string(), details)
        }
        Error::TooLarge { limit_bytes } => {
            let message = format!("the answer would be larger than {limit_bytes} bytes: read it in lists");
            Status::with_error_details(Code::ResourceExhausted, message, info(Reason::AnswerTooLarge))
        }
        Error::Import(error) => from_import(&error),
        Error::Store(error) => from_store(&error),
        error @ Error::Random(_) => internal(&error),
    }
}

fn from_import(error: &ImportError) -> Status {
    let (code, reason, field) = match error {
        ImportError::TooMany => (Code::ResourceExhausted, Reason::TooManyImports, None),
        ImportError::TooLarge => (Code::ResourceExhausted, Reason::ImportTooLarge, None),
        ImportError::TakenOver => (Code::Aborted, Reason::ImportTakenOver, None),
        ImportError::Differs(_) => (Code::FailedPrecondition, Reason::ImportDiffers, Some("start.mode")),
        ImportError::Over { .. } => (Code::FailedPrecondition, Reason::ImportOver, Some("start.import_id")),
        ImportError::RowsMissing { .. } => {
            (Code::FailedPrecondition, Reason::ImportRowsMissing, Some("start.first_row"))
        }
        ImportError::RowCount { .. } => {
            (Code::InvalidArgument, Reason::ImportRowCount, Some("commit.row_count"))
        }
        ImportError::NotFound(_) => (Code::NotFound, Reason::NotFound, None),
    };
    let message = error.to_string();
    let mut details = info(reason);
    match (error, field) {
        (ImportError::NotFound(import), _) => {
            let kind = "pointsman.admin.v1.CustomerMappingImport";
            details.set_resource_info(kind, import.as_str(), "", message.clone());
        }
        (_, Some(field)) => {
            details.set_bad_request(vec![FieldViolation::new(field, message.clone())]);
        }
        (_, None) => {}
    }
    Status::with_error_details(code, message, details)
}

/// The status of a failure of the database. Where an operator can do something about it, it says what; the rest is for
/// the log.
pub(super) fn from_store(error: &StoreError) -> Status {
    let (code, reason, message) = match error {
        StoreError::Full(_) => (
            Code::ResourceExhausted,
            Reason::DiskFull,
            "the disk of the control plane's database takes no more: it is full, or a quota or a limit is reached; \
             nothing was changed: make room, and repeat it",
        ),
        StoreError::Busy(_) => (
            Code::Unavailable,
            Reason::DatabaseBusy,
            "another program holds the control plane's database; nothing was changed: repeat it when it lets go",
        ),
        StoreError::ReadOnly(_) => (
            Code::Unavailable,
            Reason::DatabaseReadOnly,
            "the control plane's database cannot be written: its files or their file system are read-only",
        ),
        StoreError::Disk(_) => (
            Code::Unavailable,
            Reason::DiskFailed,
            "the disk of the control plane's database has failed; the log of the control plane says more",
        ),
        StoreError::Corrupt(_) => (
            Code::DataLoss,
            Reason::DatabaseDamaged,
            "the control plane's database is damaged: restore a backup; the log of the control plane says more",
        ),
        StoreError::Closed => (Code::Unavailable, Reason::Stopping, "the control plane is stopping"),
        StoreError::Sqlite(_)
        | StoreError::Damaged { .. }
        | StoreError::ImportIncomplete { .. }
        | StoreError::Seal(_)
        | StoreError::Panicked => return internal(error),
    };
    tracing::error!(error = error as &dyn std::error::Error, reason = reason.label(), "a call failed");
    let mut details = info(reason);
    if code == Code::Unavailable {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    Status::with_error_details(code, message, details)
}

/// The status of faults that were found before the registry was asked.
pub(super) fn from_faults(faults: Vec<Fault>) -> Status {
    from_refused(&Refused::faulty(faults))
}

/// The status of a request whose bytes are not the message that the method takes.
pub(super) fn undecodable(reason: &str) -> Status {
    let message = format!("the request cannot be decoded: {}", cut(reason));
    Status::with_error_details(Code::InvalidArgument, message, info(Reason::Undecodable))
}

/// The status of a call that went on for longer than it may.
pub(super) fn too_late(after: Duration) -> Status {
    because(Code::DeadlineExceeded, Reason::DeadlineExceeded, format!("the call took longer than {after:?}"))
}

/// The status of a call that panicked. The panic itself has been logged.
pub(super) fn panicked() -> Status {
    because(Code::Internal, Reason::Internal, OURS)
}

/// A status of this reason, without further details.
pub(super) fn because(code: Code, reason: Reason, message: impl Into<String>) -> Status {
    Status::with_error_details(code, message, info(reason))
}

/// The same, of something that may go better after a while.
pub(super) fn later(code: Code, reason: Reason, message: impl Into<String>, retry: Duration) -> Status {
    let mut details = info(reason);
    details.set_retry_info(Some(retry));
    Status::with_error_details(code, message, details)
}

/// A status that has no details, with the reason that its code tells. What else it carries stays.
pub(super) fn completed(status: Status) -> Status {
    let reason = Reason::of(status.code());
    let metadata = status.metadata().clone();
    let message = match (status.message(), status.code()) {
        // All that tonic says of a path that it does not know.
        ("", Code::Unimplemented) => NO_SUCH_METHOD,
        (message, _) => message,
    };
    Status::with_error_details_and_metadata(status.code(), message, info(reason), metadata)
}

/// The status of a resource that was written under laxer rules and cannot be used under those of now.
pub(super) fn unusable(error: &LookupError) -> Status {
    Status::with_error_details(
        Code::FailedPrecondition,
        cut(&error.to_string()),
        info(Reason::ResourceUnusable),
    )
}

/// The status of an edge that nobody has heard of.
pub(super) fn no_edge(id: &EdgeId) -> Status {
    let message = format!("{id} has not connected since this control plane was started");
    not_found("pointsman.admin.v1.Edge", Reason::NotFound, id.to_string(), message)
}

fn access_token(error: &AccessTokenError) -> Status {
    let about = |code, reason, id: &AccessTokenId| {
        let mut details = info(reason);
        let message = error.to_string();
        details.set_resource_info("pointsman.admin.v1.AccessToken", id.to_string(), "", message.clone());
        Status::with_error_details(code, message, details)
    };
    match error {
        AccessTokenError::NotFound(id) => about(Code::NotFound, Reason::NotFound, id),
        AccessTokenError::AlreadyExists(id) => about(Code::AlreadyExists, Reason::AlreadyExists, id),
        AccessTokenError::EtagMismatch(id) => about(Code::Aborted, Reason::EtagMismatch, id),
        AccessTokenError::TooMany => {
            because(Code::ResourceExhausted, Reason::TooManyAccessTokens, error.to_string())
        }
        AccessTokenError::CallerIsOver => denied(Denied::Revoked),
    }
}

/// The status of a caller who is not let in, or whose call has ended.
pub(super) fn denied(denied: Denied) -> Status {
    let reason = match denied {
        Denied::Missing => Reason::TokenMissing,
        Denied::Malformed => Reason::TokenMalformed,
        Denied::Unknown => Reason::TokenUnknown,
        Denied::Expired => Reason::TokenExpired,
        Denied::Revoked => Reason::TokenRevoked,
    };
    because(Code::Unauthenticated, reason, denied.to_string())
}

/// The status of a caller whose role does not do for `what`.
pub(super) fn role_not_enough(needed: &[Role], what: &str) -> Status {
    let labels = |between| needed.iter().map(|role| role.label()).collect::<Vec<_>>().join(between);
    let message = format!("the access token's role is not enough: {what} needs {}", labels(" or "));
    let metadata = HashMap::from([("neededRoles".to_owned(), labels(","))]);
    let details = ErrorDetails::with_error_info(Reason::RoleNotEnough.label(), DOMAIN, metadata);
    Status::with_error_details(Code::PermissionDenied, message, details)
}

/// The status of a method that is not served.
pub(super) fn unknown_method() -> Status {
    because(Code::Unimplemented, Reason::Unimplemented, NO_SUCH_METHOD)
}

/// A fault of ours: logged here, and a client learns no more than that.
pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error, "a call failed for a reason of ours");
    because(Code::Internal, Reason::Internal, OURS)
}

/// Faults make the request invalid, whatever the state; violations alone are failed preconditions. Every field is in
/// `BadRequest` either way, and every broken rule in `PreconditionFailure`.
fn from_refused(refused: &Refused) -> Status {
    let mut budget = Budget(DETAILS_BYTES_MAX);
    let mut fields = Vec::new();
    let mut preconditions = Vec::new();
    let mut left_out = refused.more;
    for Fault { field, reason } in &refused.faults {
        match budget.take(&[field, reason]) {
            Some([field, reason]) => fields.push(FieldViolation::new(field, reason)),
            None => left_out += 1,
        }
    }
    for Violation { kind, field, subject, reason } in &refused.violations {
        let Some([subject, reason, _]) = budget.take(&[subject, reason, kind.label()]) else {
            left_out += 1;
            continue;
        };
        if let Some([field, reason]) =
            field.as_ref().and_then(|field| budget.take(&[field.as_str(), &reason]))
        {
            fields.push(FieldViolation {
                reason: kind.label().to_owned(),
                ..FieldViolation::new(field, reason)
            });
        }
        preconditions.push(PreconditionViolation::new(kind.label(), subject, reason));
    }

    let (code, reason) = match (&refused.faults[..], &refused.violations[..]) {
        ([_, ..], _) => (Code::InvalidArgument, Reason::InvalidArgument.label()),
        ([], [first, rest @ ..]) if rest.iter().all(|other| other.kind == first.kind) => {
            (Code::FailedPrecondition, first.kind.label())
        }
        ([], _) => (Code::FailedPrecondition, Reason::FailedPrecondition.label()),
    };
    let left_out = (left_out > 0).then(|| ("leftOut".to_owned(), left_out.to_string()));
    let mut details =
        ErrorDetails::with_error_info(reason, DOMAIN, left_out.into_iter().collect::<HashMap<_, _>>());
    if !fields.is_empty() {
        details.set_bad_request(fields);
    }
    if !preconditions.is_empty() {
        details.set_precondition_failure(preconditions);
    }
    Status::with_error_details(code, summary(refused), details)
}

/// The first fault in full, and how many there are.
fn summary(refused: &Refused) -> String {
    let faults = refused.faults.iter().map(|fault| (Some(&fault.field), &fault.reason));
    let violations = refused.violations.iter().map(|violation| (violation.field.as_ref(), &violation.reason));
    let mut all = faults.chain(violations);
    let first = match all.next() {
        Some((Some(field), reason)) => format!("{field}: {reason}"),
        Some((None, reason)) => reason.clone(),
        None => "the request is refused".to_owned(),
    };
    let first = cut(&first);
    match all.count() + refused.more {
        0 => first,
        more => format!("{first} (and {more} more)"),
    }
}

fn about(code: Code, reason: Reason, name: &ResourceName, message: String) -> Status {
    let kind = match name {
        ResourceName::Integration(_) => "pointsman.admin.v1.Integration",
        ResourceName::Customer(_) => "pointsman.admin.v1.Customer",
        ResourceName::CustomerMapping(_) => "pointsman.admin.v1.CustomerMapping",
        ResourceName::Deployment(_) => "pointsman.admin.v1.Deployment",
    };
    let mut details = info(reason);
    details.set_resource_info(kind, name.to_string(), "", message.clone());
    Status::with_error_details(code, message, details)
}

fn not_found(kind: &str, reason: Reason, name: String, message: String) -> Status {
    let mut details = info(reason);
    details.set_resource_info(kind, name, "", message.clone());
    Status::with_error_details(Code::NotFound, message, details)
}

fn info(reason: Reason) -> ErrorDetails {
    ErrorDetails::with_error_info(reason.label(), DOMAIN, HashMap::new())
}

/// What of the bound is left.
struct Budget(usize);

impl Budget {
    /// The texts, each cut to its bound; none where they do not fit any more.
    fn take<const N: usize>(&mut self, texts: &[&str; N]) -> Option<[String; N]> {
        /// Tags and lengths of a violation and its texts.
        const FRAMING: usize = 16;
        let texts = texts.map(cut);
        let bytes = FRAMING + texts.iter().map(String::len).sum::<usize>();
        self.0 = self.0.checked_sub(bytes)?;
        Some(texts)
    }
}

fn cut(text: &str) -> String {
    if text.len() <= TEXT_BYTES_MAX {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(TEXT_BYTES_MAX)])
}

#[cfg(test)]
mod tests;
