//! What a call of the admin API can fail with, readable for people.

use std::{collections::BTreeMap, error::Error, fmt};

use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

use crate::{
    cause::{causes, chain},
    code,
};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The control plane answered, with a refusal.
    #[error(transparent)]
    Refused(Box<Refused>),
    /// The control plane did not answer in time.
    #[error("the control plane at {server} did not answer in time")]
    Timeout {
        /// Its address.
        server: String,
    },
    /// The connection could not be made, or broke.
    #[error("the control plane at {server} cannot be reached: {reason}")]
    Unreachable {
        /// Its address.
        server: String,
        /// Why not.
        reason: String,
    },
    /// A list gave the same page token twice.
    #[error("the control plane at {server} gives pages without end")]
    EndlessList {
        /// Its address.
        server: String,
    },
}

impl AdminError {
    pub(super) fn read(server: &str, status: &Status) -> Self {
        // Only a status that was made on this side has a cause.
        match status.source() {
            Some(cause) if chain(cause).any(|cause| cause.is::<TimeoutExpired>()) => {
                Self::Timeout { server: server.to_owned() }
            }
            Some(cause) => Self::Unreachable { server: server.to_owned(), reason: causes(cause) },
            None => Self::Refused(Box::new(Refused::read(status))),
        }
    }

    /// The gRPC code of the answer, where there was one.
    #[must_use]
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refused) => Some(refused.code),
            _ => None,
        }
    }

    /// The refusal, where it is one.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}

/// What the control plane said, with all details. Its text has one line for each of them, and none twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The gRPC code.
    pub code: Code,
    /// The sentence for people.
    pub message: String,
    /// All faulty fields of the request (`BadRequest`).
    pub fields: Vec<FieldFault>,
    /// What stands in the way (`PreconditionFailure`).
    pub preconditions: Vec<Precondition>,
    /// The resource that it is about (`ResourceInfo`).
    pub resource: Option<Resource>,
    /// The reason for programs (`ErrorInfo`).
    pub reason: Option<Reason>,
}

/// A faulty field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldFault {
    /// Its path in the request, as `integration.flows[0].key`.
    pub field: String,
    /// What is wrong.
    pub description: String,
}

/// Something that must change before the request can succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// Its kind.
    pub kind: String,
    /// What it is about, mostly a resource's name.
    pub subject: String,
    /// How it stands in the way.
    pub description: String,
}

/// A resource that a refusal is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Its kind.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// What is the matter with it.
    pub description: String,
}

/// A reason for programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The reason, as `ETAG_MISMATCH`.
    pub reason: String,
    /// Who defines it.
    pub domain: String,
    /// More about this case.
    pub metadata: BTreeMap<String, String>,
}

impl Refused {
    /// The gRPC code as documents write it, as `NOT_FOUND`.
    #[must_use]
    pub fn code_name(&self) -> &'static str {
        code::name(self.code)
    }

    /// The preconditions that no faulty field tells. A rule that a field breaks stands in both lists, in the same words.
    pub fn other_preconditions(&self) -> impl Iterator<Item = &Precondition> {
        let told = |description: &str| self.fields.iter().any(|fault| fault.description == description);
        self.preconditions.iter().filter(move |found| !told(&found.description))
    }

    fn read(status: &Status) -> Self {
        let details = status.get_error_details();
        let fields = details.bad_request().map(|found| &found.field_violations[..]).unwrap_or_default();
        let preconditions =
            details.precondition_failure().map(|found| &found.violations[..]).unwrap_or_default();
        Self {
            code: status.code(),
            message: status.message().to_owned(),
            fields: fields
                .iter()
                .map(|found| FieldFault {
                    field: found.field.clone(),
                    description: found.description.clone(),
                })
                .collect(),
            preconditions: preconditions
                .iter()
                .map(|found| Precondition {
                    kind: found.r#type.clone(),
                    subject: found.subject.clone(),
                    description: found.description.clone(),
                })
                .collect(),
            resource: details.resource_info().map(|found| Resource {
                kind: found.resource_type.clone(),
                name: found.resource_name.clone(),
                description: found.description.clone(),
            }),
            reason: details.error_info().map(|found| Reason {
                reason: found.reason.clone(),
                domain: found.domain.clone(),
                metadata: found.metadata.clone().into_iter().collect(),
            }),
        }
    }
}

impl Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code_name())?;
        if !self.message.is_empty() {
            write!(f, ": {}", Shown(&self.message))?;
        }
        for FieldFault { field, description } in &self.fields {
            write!(f, "\n  {}: {}", Shown(field), Shown(description))?;
        }
        for Precondition { subject, description, .. } in self.other_preconditions() {
            write!(f, "\n  {}: {}", Shown(subject), Shown(description))?;
        }
        if let Some(Resource { kind, name, description }) = &self.resource {
            write!(f, "\n  {} {}", Shown(kind), Shown(name))?;
            if !description.is_empty() {
                write!(f, ": {}", Shown(description))?;
            }
        }
        if let Some(Reason { reason, metadata, .. }) = &self.reason {
            write!(f, "\n  reason: {}", Shown(reason))?;
            for (key, value) in metadata {
                write!(f, " {}={}", Shown(key), Shown(value))?;
            }
        }
        Ok(())
    }
}

/// A text that may quote what anybody wrote, without what a terminal would obey.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            let text = part.trim_end_matches(char::is_control);
            f.write_str(text)?;
            for control in part[text.len()..].chars() {
                write!(f, "{}", control.escape_debug())?;
            }
        }
        Ok(())
    }
}
