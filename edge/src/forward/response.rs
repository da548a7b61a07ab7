//! The answer of a flow endpoint: what of its head passes, and its body as it arrives.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use pingora::{Error, http::ResponseHeader};
use pointsman_routing::header::is_hop_by_hop;
use tokio::time::timeout;

use super::{
    ForwardError, Source,
    head::{is_named, nominated},
    link::Reader,
};

/// The answer of a flow endpoint.
pub(crate) struct Response {
    /// Its head, without what concerns our connection to the endpoint only.
    pub(crate) head: ResponseHeader,
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
    ToRead(Box<Reader>),
    Broken(Box<Error>),
    Nothing,
}

/// An answer that was cut after its head. For logs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    #[error("the answer was cut: {0}")]
    Broken(Box<Error>),
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
            Rest::ToRead(reader) => timeout(self.idle_timeout, reader.body()).await,
            Rest::Nothing => return Ok(None),
            Rest::Broken(_) => Ok(Ok(None)),
        };
        match (read, &self.rest) {
            (Ok(Ok(Some(bytes))), _) => Ok(Some(bytes)),
            (Err(_), _) => Err(Cut::Idle(self.idle_timeout)),
            (Ok(Err(error)), _) => Err(Cut::Broken(error)),
            (Ok(Ok(None)), _) => match std::mem::replace(&mut self.rest, Rest::Nothing) {
                Rest::Broken(error) => Err(Cut::Broken(error)),
                Rest::ToRead(reader) => {
                    reader.release().await;
                    Ok(None)
                }
                Rest::Nothing => Ok(None),
            },
        }
    }
}

/// An answer whose head is there while the request is perhaps still being written.
pub(super) struct Early {
    head: ResponseHeader,
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
    Broken(Box<Error>),
}

/// What was read of an answer.
pub(super) enum Read {
    Head(Box<ResponseHeader>),
    Body(Result<Option<Bytes>, Box<Error>>),
}

impl Early {
    /// Reads the head, or more of the body. May be dropped and called again.
    pub(super) async fn read(reader: &mut Reader, has_head: bool) -> Result<Read, ForwardError> {
        Ok(if has_head {
            Read::Body(reader.body().await)
        } else {
            Read::Head(Box::new(reader.head().await?))
        })
    }

    /// Takes in what was read.
    pub(super) fn advance(
        early: &mut Option<Self>,
        read: Read,
        is_head: bool,
        source: &mut impl Source,
    ) -> Result<(), ForwardError> {
        match (early, read) {
            (early, Read::Head(head)) => *early = Some(Self::new(*head, is_head)?),
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
        Ok(())
    }

    fn new(mut head: ResponseHeader, is_head: bool) -> Result<Self, ForwardError> {
        let length = length(&head, is_head).map_err(ForwardError::Unusable)?;
        let nominated = nominated(&head.headers);
        let dropped: Vec<HeaderName> = head
            .headers
            .keys()
            .filter(|name| is_hop_by_hop(name) || nominated.iter().any(|nominated| is_named(nominated, name)))
            // The sender is told the end of the answer by it, whatever the endpoint nominates.
            .filter(|name| *name != CONTENT_LENGTH)
            .cloned()
            .collect();
        for name in dropped {
            head.remove_header(&name);
        }
        if length == ResponseLength::Unknown || head.status == StatusCode::NO_CONTENT {
            head.remove_header(&CONTENT_LENGTH);
        }
        head.set_version(Version::HTTP_11);
        let state = if length == ResponseLength::None { State::Ended } else { State::Reading };
        Ok(Self { head, length, held: VecDeque::new(), state, is_head })
    }

    /// Whether there is more to read, and a place to hold it.
    pub(super) fn wants_more(&self) -> bool {
        matches!(self.state, State::Reading)
    }

    /// Whether nothing more will come.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.state, State::Ended | State::Broken(_))
    }

    pub(super) fn into_response(self, reader: Reader, idle_timeout: Duration) -> Response {
        let rest = match self.state {
            State::Broken(error) => Rest::Broken(error),
            // Pingora does not know of the method and would wait for a body.
            _ if self.is_head => Rest::Nothing,
            // An answer that has ended is read to its end once more, which gives the connection back.
            State::Reading | State::Full | State::Ended => Rest::ToRead(Box::new(reader)),
        };
        let body = ResponseBody { held: self.held, rest, idle_timeout };
        Response { head: self.head, length: self.length, body }
    }
}

/// How long the body is that follows a head, or why nobody can be sure of it.
fn length(head: &ResponseHeader, is_head: bool) -> Result<ResponseLength, &'static str> {
    let announced = single(&head.headers, &CONTENT_LENGTH).map_err(|()| "there are two lengths")?;
    let coding = single(&head.headers, &TRANSFER_ENCODING).map_err(|()| "there are two transfer codings")?;
    match (announced, coding) {
        _ if is_head || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
            Ok(ResponseLength::None)
        }
        (_, Some(coding)) if !coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {
            Err("there is a transfer coding other than `chunked`")
        }
        (_, Some(_)) | (None, None) => Ok(ResponseLength::Unknown),
        (Some(length), None) if length.as_bytes().iter().all(u8::is_ascii_digit) => Ok(ResponseLength::Known),
        (Some(_), None) => Err("the length is not a number"),
    }
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(()),
    }
}
