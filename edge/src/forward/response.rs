//! The answer of a flow endpoint: what of its head passes, and its body as it arrives.

pub(super) mod head;

use std::{collections::VecDeque, pin::pin, time::Duration};

use bytes::Bytes;

use self::head::ResponseHead;
use super::{
    ForwardError, Source,
    link::{BodyError, Home, Reader},
};
use crate::{answer::AnswerHead, within::within};

/// The answer of a flow endpoint.
pub(crate) struct Response {
    /// Its head, without what concerns our connection to the endpoint only.
    pub(crate) head: AnswerHead,
    pub(crate) length: ResponseLength,
    pub(crate) body: ResponseBody,
}

/// How long the body of an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponseLength {
    /// There is none, whatever the head says of its length.
    None,
    /// Known beforehand, and in the head.
    Known,
    /// It ends when it ends.
    Unknown,
}

/// The body of an answer as it arrives.
pub(crate) struct ResponseBody {
    held: VecDeque<Bytes>,
    rest: Rest,
    idle_timeout: Duration,
}

enum Rest {
    ToRead(Box<(Reader, Home)>),
    Broken(BodyError),
    Nothing,
}

/// An answer that was cut after its head. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the answer was cut: {0}")]
    Broken(BodyError),
    #[error("nothing more of the answer came within {0:?}")]
    Idle(Duration),
}

impl ResponseBody {
    /// Whether some of it is in memory.
    pub(crate) fn is_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// The next bytes; `None` at the end. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Cut> {
        if let Some(bytes) = self.held.pop_front() {
            return Ok(Some(bytes));
        }
        let read = match &mut self.rest {
            Rest::ToRead(link) => within(self.idle_timeout, pin!(link.0.body())).await,
            Rest::Nothing => return Ok(None),
            Rest::Broken(_) => Ok(Ok(None)),
        };
        match (read, &self.rest) {
            (Ok(Ok(Some(bytes))), _) => Ok(Some(bytes)),
            (Err(_), _) => Err(Cut::Idle(self.idle_timeout)),
            (Ok(Err(error)), _) => Err(Cut::Broken(error)),
            (Ok(Ok(None)), _) => match std::mem::replace(&mut self.rest, Rest::Nothing) {
                Rest::Broken(error) => Err(Cut::Broken(error)),
                Rest::ToRead(link) => {
                    let (reader, home) = *link;
                    reader.release(home);
                    Ok(None)
                }
                Rest::Nothing => Ok(None),
            },
        }
    }
}

/// An answer whose head is there while the request is perhaps still being written.
pub(super) struct Early {
    head: AnswerHead,
    length: ResponseLength,
    held: VecDeque<Bytes>,
    state: State,
    is_head: bool,
}

enum State {
    /// There is more to read.
    Reading,
    /// There is more to read and no place to hold it.
    Full,
    /// That was all.
    Ended,
    /// The connection broke.
    Broken(BodyError),
}

/// What was read of an answer.
pub(super) enum Read {
    Head(ResponseHead),
    Body(Result<Option<Bytes>, BodyError>),
}

impl Early {
    /// Reads the head, or more of the body. May be dropped and called again.
    pub(super) async fn read(
        reader: &mut Reader,
        has_head: bool,
        is_head: bool,
    ) -> Result<Read, ForwardError> {
        Ok(if has_head { Read::Body(reader.body().await) } else { Read::Head(reader.head(is_head).await?) })
    }

    /// Takes in what was read.
    pub(super) fn advance(early: &mut Option<Self>, read: Read, is_head: bool, source: &mut impl Source) {
        match (early, read) {
            (early, Read::Head(head)) => *early = Some(Self::new(head, is_head)),
            (None, Read::Body(_)) => {}
            (Some(early), Read::Body(Ok(Some(bytes)))) => {
                if !source.may_hold(bytes.len()) {
                    early.state = State::Full;
                }
                early.held.push_back(bytes);
            }
            (Some(early), Read::Body(Ok(None))) => early.state = State::Ended,
            (Some(early), Read::Body(Err(error))) => early.state = State::Broken(error),
        }
    }

    pub(super) fn new(ResponseHead { head, length, .. }: ResponseHead, is_head: bool) -> Self {
        let state = if length == ResponseLength::None { State::Ended } else { State::Reading };
        Self { head, length, held: VecDeque::new(), state, is_head }
    }

    /// Whether there is more to read, and a place to hold it.
    pub(super) fn wants_more(&self) -> bool {
        matches!(self.state, State::Reading)
    }

    /// Whether nothing more will come.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended | State::Broken(_))
    }

    pub(super) fn into_response(self, reader: Reader, home: Home, idle_timeout: Duration) -> Response {
        let rest = match self.state {
            State::Broken(error) => Rest::Broken(error),
            // Many an endpoint sends a body all the same, which would be taken for the next answer.
            _ if self.is_head => Rest::Nothing,
            // An answer that has ended is read to its end once more, which gives the connection back.
            State::Reading | State::Full | State::Ended => Rest::ToRead(Box::new((reader, home))),
        };
        let body = ResponseBody { held: self.held, rest, idle_timeout };
        Response { head: self.head, length: self.length, body }
    }
}
