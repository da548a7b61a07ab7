//! The head of an endpoint's answer: parsed, judged, and freed of what concerns our connection to the endpoint only.

use std::{borrow::Cow, mem::MaybeUninit};

use http::StatusCode;
use httparse::{Header, ParserConfig, Status};
use pointsman_routing::header::names_one_hop;

use super::ResponseLength;
use crate::{
    answer::AnswerHead,
    forward::head::{connection_options, is_nominated},
    rejection::EXECUTION_ID,
};

/// Heads of answers are at most this large.
pub(in crate::forward) const MAX_HEAD_BYTES: usize = 1024 * 1024;
const MAX_FIELDS: usize = 256;
/// As many digits as every integer holds that a length is read into.
const MAX_LENGTH_DIGITS: usize = 18;
const CONTENT_LENGTH: &str = "content-length";
const TRANSFER_ENCODING: &str = "transfer-encoding";
const CONNECTION: &str = "connection";

/// The next head of an answer.
#[derive(Debug)]
pub(in crate::forward) enum Head {
    /// One of class 1xx, so another one follows.
    Informational,
    /// The endpoint speaks something else from here on.
    Switching,
    /// The one of the answer.
    Final(ResponseHead),
}

/// The head of an answer.
#[derive(Debug)]
pub(in crate::forward) struct ResponseHead {
    /// What of it passes.
    pub(in crate::forward) head: AnswerHead,
    pub(in crate::forward) length: ResponseLength,
    pub(in crate::forward) framing: Framing,
    /// Whether the connection may be used again after the body.
    pub(in crate::forward) keep: bool,
}

/// How the end of an answer's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::forward) enum Framing {
    /// It is so many bytes.
    Counted(u64),
    /// By the last chunk.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// Why nobody can be sure what an answer is. Holds nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFault {
    #[error("{0}")]
    Syntax(#[from] httparse::Error),
    #[error("there is no such status")]
    Status,
    #[error("it is larger than {MAX_HEAD_BYTES} bytes")]
    TooLarge,
    #[error("there are two lengths")]
    TwoLengths,
    #[error("the length is not a number")]
    Length,
    #[error("there are two transfer codings")]
    TwoCodings,
    #[error("there is a transfer coding other than `chunked`")]
    Coding,
}

/// The head that `bytes` begins with, and its length; none where it is not complete. `is_head` is whether the method of
/// the request was HEAD, whose answers have no body.
pub(in crate::forward) fn parse(bytes: &[u8], is_head: bool) -> Result<Option<(Head, usize)>, HeadFault> {
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let mut parser = ParserConfig::default();
    // A proxy may bear with these, and has to mend them.
    parser.allow_spaces_after_header_name_in_responses(true);
    parser.allow_obsolete_multiline_headers_in_responses(true);
    let status = parser.parse_response_with_uninit_headers(&mut parsed, bytes, &mut fields)?;
    let Status::Complete(length) = status else { return Ok(None) };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(HeadFault::Status)?;
    let head = match status {
        StatusCode::SWITCHING_PROTOCOLS => Head::Switching,
        _ if status.is_informational() => Head::Informational,
        _ => {
            let is_old = parsed.version == Some(0);
            let reason = parsed.reason.filter(|reason| !reason.is_empty());
            Head::Final(judge(status, reason, is_old, parsed.headers, is_head)?)
        }
    };
    Ok(Some((head, length)))
}

fn judge(
    status: StatusCode,
    reason: Option<&str>,
    is_old: bool,
    fields: &[Header<'_>],
    is_head: bool,
) -> Result<ResponseHead, HeadFault> {
    let announced = single(fields, CONTENT_LENGTH).map_err(|()| HeadFault::TwoLengths)?;
    let coding = single(fields, TRANSFER_ENCODING).map_err(|()| HeadFault::TwoCodings)?;
    let (length, framing) = match (announced, coding) {
        _ if is_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
            (ResponseLength::None, Framing::Counted(0))
        }
        (_, Some(coding)) if !coding.eq_ignore_ascii_case(b"chunked") => return Err(HeadFault::Coding),
        (_, Some(_)) => (ResponseLength::Unknown, Framing::Chunked),
        (Some(length), None) => (ResponseLength::Known, Framing::Counted(number(length)?)),
        (None, None) => (ResponseLength::Unknown, Framing::UntilClose),
    };
    let connection = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(CONNECTION));
    let nominated: Vec<&[u8]> = connection.flat_map(|field| connection_options(field.value)).collect();
    let says = |option: &str| is_nominated(&nominated, option.as_bytes());
    // Where there is no knowing how many bodies another reader would have seen, it is not used again.
    let is_clear = coding.is_none() || (announced.is_none() && !is_old);
    let keep = is_clear
        && framing != Framing::UntilClose
        && if is_old { says("keep-alive") && !says("close") } else { !says("close") };

    let mut head = AnswerHead::new(status, reason);
    for field in fields {
        let passes = if field.name.eq_ignore_ascii_case(CONTENT_LENGTH) {
            // The sender is told the end of the answer by it, whatever the endpoint nominates.
            length != ResponseLength::Unknown && status != StatusCode::NO_CONTENT
        } else {
            !names_one_hop(field.name) && !field.name.eq_ignore_ascii_case(EXECUTION_ID) && !says(field.name)
        };
        if passes {
            head.put(field.name, &unfolded(field.value));
        }
    }
    Ok(ResponseHead { head, length, framing, keep })
}

/// The value of the one field of this name, if there is one.
fn single<'a>(fields: &[Header<'a>], name: &str) -> Result<Option<&'a [u8]>, ()> {
    let mut values = fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name));
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(|field| field.value)),
        _ => Err(()),
    }
}

fn number(length: &[u8]) -> Result<u64, HeadFault> {
    let digits = std::str::from_utf8(length)
        .ok()
        .filter(|text| text.len() <= MAX_LENGTH_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|digits| digits.parse().ok()).ok_or(HeadFault::Length)
}

/// A value that goes on on further lines, as one line.
fn unfolded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.contains(&b'\n') {
        return Cow::Borrowed(value);
    }
    let lines: Vec<&[u8]> = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    Cow::Owned(lines.join(&b' '))
}

#[cfg(test)]
mod tests;
