//! Refusing a webhook, with the right gRPC code.

use std::fmt;

use tonic::{Code, Status};

use crate::code;

/// Why a webhook is not routed. Each constructor says what its sender gets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: Code,
    message: String,
}

impl Refusal {
    /// The longest message, in characters. More is cut, here as by the edge.
    pub const MESSAGE_CHARS_MAX: usize = 256;

    /// The webhook itself is wrong. The sender gets 422 with the message.
    pub fn invalid(message: impl AsRef<str>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// The webhook is about a customer, or a thing, that is not known. The sender gets 422 with the message.
    pub fn not_found(message: impl AsRef<str>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// The webhook cannot be taken as things stand. The sender gets 422 with the message.
    pub fn failed_precondition(message: impl AsRef<str>) -> Self {
        Self::new(Code::FailedPrecondition, message)
    }

    /// The sender did not prove who it is: no signature, or a wrong one. It gets 401, without the message.
    pub fn unauthenticated(message: impl AsRef<str>) -> Self {
        Self::new(Code::Unauthenticated, message)
    }

    /// The sender may not do this. It gets 403, without the message.
    pub fn permission_denied(message: impl AsRef<str>) -> Self {
        Self::new(Code::PermissionDenied, message)
    }

    /// A fault of this service. The sender gets 502, without the message.
    pub fn internal(message: impl AsRef<str>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// Something that this service needs is not there. The sender gets 502, without the message, and may try again.
    pub fn unavailable(message: impl AsRef<str>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The message, without control characters and at most [`Refusal::MESSAGE_CHARS_MAX`] long.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    fn new(code: Code, message: impl AsRef<str>) -> Self {
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let message = message.as_ref().chars().take(Self::MESSAGE_CHARS_MAX).map(visible).collect();
        Self { code, message }
    }
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", code::name(self.code), self.message)
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

/// What a service answered over the wire.
impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::new(status.code(), status.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constructor_has_its_code() {
        let refusals = [
            (Refusal::invalid("why"), Code::InvalidArgument),
            (Refusal::not_found("why"), Code::NotFound),
            (Refusal::failed_precondition("why"), Code::FailedPrecondition),
            (Refusal::unauthenticated("why"), Code::Unauthenticated),
            (Refusal::permission_denied("why"), Code::PermissionDenied),
            (Refusal::internal("why"), Code::Internal),
            (Refusal::unavailable("why"), Code::Unavailable),
        ];
        for (refusal, code) in refusals {
            let status = Status::from(refusal);
            assert_eq!((status.code(), status.message()), (code, "why"));
        }
    }

    #[test]
    fn a_message_is_bounded_and_holds_no_control_characters() {
        let refusal = Refusal::invalid(format!("a\r\nb\u{7f}\u{9b}{}", "é".repeat(1000)));
        assert!(refusal.message().starts_with("a  b  éé"), "{refusal}");
        assert_eq!(refusal.message().chars().count(), Refusal::MESSAGE_CHARS_MAX);
    }
}
