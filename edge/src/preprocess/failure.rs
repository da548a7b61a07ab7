//! How a call can fail, and which outcome that is.

use std::{borrow::Cow, error::Error as StdError, iter};

use pointsman_proto::preprocess::v1::PreprocessRequest;
use pointsman_routing::outcome::{Outcome, Refusal};
use tonic::{Code, Status};

use super::{channels::ChannelError, dial::DialError, reply::ReplyError, witness::Said};

/// How much of a service's own words a sender is told.
const MAX_MESSAGE_CHARS: usize = 256;

/// Why a call has no usable reply. `Display` is for logs; the sender is told [`Failure::into_refusal`].
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The integration's timeout passed here. A DEADLINE_EXCEEDED that the service sends earlier is about a deadline of
    /// its own, and a [`Failure::Status`] as any other.
    #[error("no answer before the deadline")]
    DeadlinePassed,
    #[error(transparent)]
    Channel(#[from] ChannelError),
    #[error("no connection: {0}")]
    Unreachable(String),
    /// The request was not taken: the connection closed, or the server was closing it.
    #[error("the connection was closed before the request was sent: {0}")]
    NeverArrived(String),
    #[error("not a gRPC service: it answered HTTP {0} without a grpc-status")]
    NotGrpc(http::StatusCode),
    #[error("the reply is longer than {0} bytes")]
    ReplyTooLarge(usize),
    /// The service answered with a status.
    #[error("it answered {code:?}: {message}")]
    Status { code: Code, message: String },
    #[error("the exchange failed: {0}")]
    Broken(String),
    #[error(transparent)]
    Reply(#[from] ReplyError),
}

impl Failure {
    /// What a status of tonic's stands for, given what was seen on the wire.
    pub(super) fn of_call(status: Status, said: Said, max_reply_bytes: usize) -> Self {
        if let Some(error) = causes(&status).find_map(|error| error.downcast_ref::<DialError>()) {
            return Self::Unreachable(error.to_string());
        }
        match said {
            Said::Nothing if causes(&status).any(was_never_sent) => Self::NeverArrived(describe(&status)),
            Said::Http(http) if http != http::StatusCode::OK => Self::NotGrpc(http),
            // tonic's own word for it, since none came from the service yet.
            Said::Http(_) if status.code() == Code::OutOfRange => Self::ReplyTooLarge(max_reply_bytes),
            Said::Nothing | Said::Http(_) => Self::Broken(describe(&status)),
            Said::Grpc => Self::Status { code: status.code(), message: status.message().to_owned() },
        }
    }

    pub(super) fn never_arrived(&self) -> bool {
        matches!(self, Self::NeverArrived(_))
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::DeadlinePassed => Outcome::PreprocessTimeout,
            Self::Status { code, .. } => match code {
                Code::InvalidArgument | Code::NotFound | Code::FailedPrecondition => {
                    Outcome::PreprocessRefused
                }
                Code::Unauthenticated => Outcome::PreprocessUnauthenticated,
                Code::PermissionDenied => Outcome::PreprocessForbidden,
                _ => Outcome::PreprocessFailed,
            },
            _ => Outcome::PreprocessFailed,
        }
    }

    /// A refusal is an answer like others and only worth a line when looking closely; the rest needs someone's eye.
    pub(super) fn log(&self, request: &PreprocessRequest) {
        let (integration, execution) = (&request.integration, &request.execution_id);
        match self.outcome() {
            Outcome::PreprocessFailed | Outcome::PreprocessTimeout => {
                tracing::warn!(integration, execution, reason = %self, "a call of a Preprocess service failed");
            }
            _ => tracing::debug!(integration, execution, reason = %self, "a Preprocess service refused"),
        }
    }

    /// The words are for an admin: what happened, as much of it as a sentence bears.
    pub(super) fn for_admin(&self) -> Refusal {
        const MAX_CHARS: usize = 1_024;
        let said = self.to_string();
        let detail: String = said.trim_end_matches([':', ' ']).chars().take(MAX_CHARS).collect();
        Refusal::new(self.outcome(), detail)
    }

    /// The words are for the sender: no address, and the service's own only where it refuses.
    pub(super) fn into_refusal(self) -> Refusal {
        let outcome = self.outcome();
        let detail: Cow<'static, str> = match &self {
            Self::DeadlinePassed => "The Preprocess service did not answer in time.".into(),
            Self::Status { message, .. } if outcome == Outcome::PreprocessRefused => clean(message).into(),
            Self::Status { .. } if outcome == Outcome::PreprocessUnauthenticated => {
                "The Preprocess service asks for authentication.".into()
            }
            Self::Status { .. } if outcome == Outcome::PreprocessForbidden => {
                "The Preprocess service forbids this request.".into()
            }
            Self::Status { code, .. } => {
                format!("The Preprocess service failed with the gRPC status {code:?}.").into()
            }
            Self::Channel(_) => "The address of the Preprocess service cannot be used.".into(),
            Self::Unreachable(_) => "The Preprocess service cannot be reached.".into(),
            Self::NeverArrived(_) | Self::Broken(_) => {
                "The Preprocess service did not answer as it should.".into()
            }
            Self::NotGrpc(http) => {
                format!("The Preprocess service answered HTTP {}, not gRPC.", http.as_u16()).into()
            }
            Self::ReplyTooLarge(bytes) => {
                format!("The reply of the Preprocess service is longer than {bytes} bytes.").into()
            }
            Self::Reply(error) => format!("The reply of the Preprocess service is unusable: {error}.").into(),
        };
        Refusal::new(outcome, detail)
    }
}

/// A service's words, as much of them as may stand in a problem's detail.
fn clean(message: &str) -> String {
    let cleaned: String = message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE_CHARS).collect();
    if cleaned.trim().is_empty() {
        "The Preprocess service refused this request.".to_owned()
    } else {
        cleaned
    }
}

/// Whether nothing of the request can have been acted on: it still waited for the connection when that closed, or the
/// server said so.
fn was_never_sent(error: &(dyn StdError + 'static)) -> bool {
    let by_hyper = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
    let by_server = error.downcast_ref::<h2::Error>().is_some_and(|error| {
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        let going_away = error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR);
        error.is_remote() && (refused || going_away)
    });
    by_hyper || by_server
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    iter::successors(status.source(), |error: &&(dyn StdError + 'static)| (*error).source())
}

fn describe(status: &Status) -> String {
    let mut text = format!("{:?}: {}", status.code(), status.message());
    for cause in causes(status) {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_by_service(code: Code, message: &str) -> Refusal {
        Failure::of_call(Status::new(code, message), Said::Grpc, 1).into_refusal()
    }

    #[test]
    fn the_service_s_own_statuses_are_outcomes() {
        for code in [Code::InvalidArgument, Code::NotFound, Code::FailedPrecondition] {
            assert_eq!(
                said_by_service(code, "no order 7"),
                Refusal::new(Outcome::PreprocessRefused, "no order 7")
            );
        }
        for (code, outcome) in [
            (Code::Unauthenticated, Outcome::PreprocessUnauthenticated),
            (Code::PermissionDenied, Outcome::PreprocessForbidden),
            (Code::Cancelled, Outcome::PreprocessFailed),
            (Code::Unknown, Outcome::PreprocessFailed),
            (Code::DeadlineExceeded, Outcome::PreprocessFailed),
            (Code::AlreadyExists, Outcome::PreprocessFailed),
            (Code::ResourceExhausted, Outcome::PreprocessFailed),
            (Code::Aborted, Outcome::PreprocessFailed),
            (Code::OutOfRange, Outcome::PreprocessFailed),
            (Code::Unimplemented, Outcome::PreprocessFailed),
            (Code::Internal, Outcome::PreprocessFailed),
            (Code::Unavailable, Outcome::PreprocessFailed),
            (Code::DataLoss, Outcome::PreprocessFailed),
        ] {
            let refusal = said_by_service(code, "10.0.0.7 says no");
            assert_eq!(refusal.outcome, outcome, "{code:?}");
            assert!(!refusal.detail.contains("10.0.0.7"), "{refusal}");
        }
    }

    #[test]
    fn an_admin_is_told_what_happened() {
        let said = Failure::of_call(Status::new(Code::NotFound, "no shop 7"), Said::Grpc, 1).for_admin();
        assert_eq!(said, Refusal::new(Outcome::PreprocessRefused, "it answered NotFound: no shop 7"));
        let dead = Failure::Unreachable("127.0.0.1:1: connection refused".to_owned()).for_admin();
        assert_eq!(dead.detail, "no connection: 127.0.0.1:1: connection refused");
        let long = Failure::Unreachable("x".repeat(10_000)).for_admin();
        assert_eq!(long.detail.len(), 1_024);
    }

    #[test]
    fn what_the_service_did_not_say_is_its_failure() {
        let http = |status| Said::Http(http::StatusCode::from_u16(status).unwrap());
        for code in [Code::Unauthenticated, Code::PermissionDenied, Code::InvalidArgument, Code::NotFound] {
            for said in [Said::Nothing, http(200), http(401), http(403)] {
                let failure = Failure::of_call(Status::new(code, ""), said, 1);
                assert_eq!(failure.outcome(), Outcome::PreprocessFailed, "{code:?} {said:?}");
            }
        }
    }

    #[test]
    fn a_refusal_s_words_are_cut_and_cleaned() {
        let detail = said_by_service(Code::NotFound, "a\r\nb\u{7}\u{85}c").detail;
        assert_eq!(detail, "abc");
        let detail = said_by_service(Code::NotFound, &"ö".repeat(300)).detail;
        assert_eq!(detail, "ö".repeat(256));
        for nothing in ["", " ", "\n"] {
            let detail = said_by_service(Code::NotFound, nothing).detail;
            assert_eq!(detail, "The Preprocess service refused this request.");
        }
    }
}
