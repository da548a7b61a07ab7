//! Calls that write: who asks, by which method, and under which id.

use std::fmt;

use pointsman_routing::fault::Fault;

use super::{Error, Refused};
use crate::{
    domain::Caller,
    store::{Keep, Remembered},
};

/// A call that writes.
#[derive(Clone, Debug)]
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// The method, as `pointsman.admin.v1.CustomerService/UpdateCustomer`, or a command.
    pub method: &'static str,
    /// Whether what it writes is to last.
    pub keep: Keep,
    /// What makes it safe to repeat, where it has an id.
    pub request: Option<RepeatableRequest>,
    /// What is wrong with the call itself. It is refused for that and for all else that is wrong with it.
    pub fault: Option<Fault>,
}

/// What makes a call safe to repeat.
#[derive(Clone, PartialEq, Eq)]
pub struct RepeatableRequest {
    /// Chosen by the caller.
    pub id: String,
    /// Of the method and everything that is asked, but for the id.
    pub digest: [u8; 32],
}

/// The longest answer that is kept whole. Every answer with a single resource is shorter.
const KEPT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// An answer that can be given again.
pub trait Answer: Sized + Send + 'static {
    /// What is kept of it. Without secrets: they are told once.
    fn to_bytes(&self) -> Vec<u8>;

    /// The inverse; none for bytes that are no such answer.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;

    /// What is kept where the answer is too long: the revision, and nothing that takes up room. None for one that is
    /// bounded by itself.
    fn brief(&self) -> Option<Self> {
        None
    }

    /// What is kept, within bounds.
    fn to_be_kept(&self) -> Vec<u8> {
        let bytes = self.to_bytes();
        let brief = if bytes.len() > KEPT_BYTES_MAX { self.brief() } else { None };
        brief.map_or(bytes, |brief| brief.to_bytes())
    }
}

impl Call {
    /// A call without an id whose changes last.
    #[must_use]
    pub const fn new(caller: Caller, method: &'static str) -> Self {
        Self { caller, method, keep: Keep::Changes, request: None, fault: None }
    }

    /// The same faults, and the call's own.
    #[must_use]
    pub fn faults(&self, found: Vec<Fault>) -> Vec<Fault> {
        found.into_iter().chain(self.fault.clone()).collect()
    }

    /// Why a call with a fault of its own is refused, which would have ended like this without.
    pub(super) fn refusal<R>(fault: Fault, ended: Result<R, Error>) -> Error {
        match ended {
            Err(Error::Refused(mut refused)) => {
                refused.find_fault(fault);
                Error::Refused(refused)
            }
            Err(error @ Error::Store(_)) => error,
            Ok(_) | Err(_) => Error::Refused(Refused::faulty(vec![fault])),
        }
    }

    /// The answer that was given to the same call before, whose digest was to be this one.
    pub(super) fn replay<R: Answer>(remembered: Remembered, digest: &[u8; 32]) -> Result<R, Error> {
        let answer = if remembered.digest == *digest { R::from_bytes(&remembered.answer) } else { None };
        answer.ok_or(Error::RequestReused)
    }
}

impl fmt::Debug for RepeatableRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The digest of a small request could be guessed at.
        f.debug_struct("RepeatableRequest").field("id", &self.id).finish_non_exhaustive()
    }
}
