//! The head of an HTTP/1 request: judged as it came, since most parsers forgive more than two readers can agree on (bare
//! line feeds, a missing `Host`, a length beside a transfer coding, …), and taken apart in the same step.

mod bytes;
mod http2;

use std::{ops::Range, sync::LazyLock};

use ::bytes::{Bytes, BytesMut};
use http::{Method, Uri, Version};
use memchr::{memchr, memchr_iter, memmem::Finder};
use pointsman_routing::{
    headers::{Field, Headers},
    outcome::{Outcome, Refusal},
};

use self::bytes::{HOST, TARGET, TOKEN, find_control, may_stand, run};
pub(crate) use self::http2::parse_http2;
use crate::{
    forward::connection_options,
    request::{Framing, Hop, RequestHead, Target},
};

const MAX_FIELDS: usize = 256;
/// The end of a head, and of the line before it.
static EMPTY_LINE: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));
/// Most requests have fewer.
const USUAL_FIELDS: usize = 16;

/// What is wrong with a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFault {
    #[error("the request line is not of the form `method target HTTP/1.1`")]
    RequestLine,
    #[error("the request target holds a character that must be percent-encoded")]
    Target,
    #[error("the request target is neither a path nor an http URL")]
    TargetForm,
    #[error("this version of HTTP is not spoken here")]
    Version,
    #[error("a line ends with something else than CR LF")]
    LineEnd,
    #[error("a header field is continued on a second line")]
    Folded,
    #[error("a header field has a name with characters that names may not hold")]
    FieldName,
    #[error("a header field has a value with control characters")]
    FieldValue,
    #[error("there is no Host, or it is empty")]
    NoHost,
    #[error("there is more than one Host")]
    TwoHosts,
    #[error("Host is not a host and port")]
    Host,
    #[error("Content-Length is not one decimal number")]
    Length,
    #[error("there is more than one Content-Length")]
    TwoLengths,
    #[error("there is a Content-Length beside a Transfer-Encoding")]
    LengthAndCoding,
    #[error("the only Transfer-Encoding that requests may have is `chunked`, once, with HTTP/1.1")]
    Coding,
    #[error("the header has more than {MAX_FIELDS} fields")]
    TooManyFields,
    #[error("the header is larger than {0} bytes")]
    TooLarge(usize),
}

impl HeadFault {
    pub(crate) fn refusal(self) -> Refusal {
        let outcome = match self {
            Self::TooManyFields | Self::TooLarge(_) => Outcome::HeadersTooLarge,
            _ => Outcome::BadRequest,
        };
        Refusal::new(outcome, self.to_string())
    }
}

/// Finds the end of a head as its bytes arrive, each byte looked at once.
#[derive(Debug, Default)]
pub(super) struct HeadScanner {
    scanned: usize,
    line_start: usize,
}

impl HeadScanner {
    /// The length of the head at the start of `bytes`, or none where it is not complete. `bytes` is what was given
    /// before and more.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Result<Option<usize>, HeadFault> {
        if bytes.first().is_some_and(|first| !may_stand(*first, TOKEN)) {
            return Err(HeadFault::RequestLine);
        }
        // Nearly always it is all there at once, and what else may be wrong with it shows when it is parsed.
        if self.scanned == 0
            && let Some(empty_line) = EMPTY_LINE.find(bytes)
        {
            return Ok(Some(empty_line + 4));
        }
        for line_feed in memchr_iter(b'\n', &bytes[self.scanned..]) {
            let end = self.scanned + line_feed;
            if end == self.line_start || bytes[end - 1] != b'\r' {
                return Err(HeadFault::LineEnd);
            }
            if end - self.line_start == 1 {
                return Ok(Some(end + 1));
            }
            self.line_start = end + 1;
        }
        self.scanned = bytes.len();
        Ok(None)
    }
}

/// Judges a complete head, as [`HeadScanner`] finds it, with the empty line at its end, and takes it apart.
pub(super) fn parse(mut text: BytesMut) -> Result<(RequestHead, Hop), HeadFault> {
    let end = memchr(b'\n', &text).ok_or(HeadFault::LineEnd)?;
    let line = text[..end].strip_suffix(b"\r").ok_or(HeadFault::LineEnd)?;
    let RequestLine { method, target, version } = parse_request_line(line)?;
    let mut said = Said::default();
    let mut fields = Vec::with_capacity(USUAL_FIELDS);
    let mut at = end + 1;
    while !text[at..].starts_with(b"\r\n") {
        if fields.len() == MAX_FIELDS {
            return Err(HeadFault::TooManyFields);
        }
        let (name, value, next) = find_field(&text, at)?;
        text[name.clone()].make_ascii_lowercase();
        said.field(&text[name.clone()], &text[value.clone()])?;
        fields.push(Field::new(name, value));
        at = next;
    }
    let hop = said.judge(version)?;
    let text = text.freeze();
    let target = text.slice(target);
    let headers = Headers::within(text, fields);
    let target = parse_target(target, &headers)?;
    Ok((RequestHead { method, target, version, headers, length: said.length }, hop))
}

/// The head that `bytes` begins with, and its length; none where it is not complete, or not as it must be.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(bytes: &[u8]) -> Option<(usize, RequestHead)> {
    let end = HeadScanner::default().find_end(bytes).ok()??;
    // However it arrives, it ends there, or is refused.
    let (first, mut scanner) = (&bytes[..end / 2], HeadScanner::default());
    assert!(matches!(scanner.find_end(first), Ok(None) | Err(_)));
    let parsed = parse(bytes[..end].into()).ok()?;
    assert_eq!(scanner.find_end(bytes), Ok(Some(end)));
    Some((end, parsed.0))
}

struct RequestLine {
    method: Method,
    target: Range<usize>,
    version: Version,
}

fn parse_request_line(line: &[u8]) -> Result<RequestLine, HeadFault> {
    let (method, rest) = line.split_at(run(line, TOKEN));
    let (false, [b' ', rest @ ..]) = (method.is_empty(), rest) else { return Err(HeadFault::RequestLine) };
    let (target, rest) = rest.split_at(run(rest, TARGET));
    if rest.iter().filter(|b| **b == b' ').count() != 1 {
        return Err(HeadFault::RequestLine);
    }
    let [b' ', version @ ..] = rest else { return Err(HeadFault::Target) };
    if target.is_empty() {
        return Err(HeadFault::RequestLine);
    }
    if method != b"CONNECT" && !has_known_form(target) {
        return Err(HeadFault::TargetForm);
    }
    let version = match version {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        _ if version.starts_with(b"HTTP/") => return Err(HeadFault::Version),
        _ => return Err(HeadFault::RequestLine),
    };
    let start = method.len() + 1;
    let method = Method::from_bytes(method).map_err(|_| HeadFault::RequestLine)?;
    Ok(RequestLine { method, target: start..start + target.len(), version })
}

/// A URL and `Host` name the same. A tunnel, which is asked for without a scheme, is found nowhere.
fn parse_target(target: Bytes, headers: &Headers) -> Result<Target, HeadFault> {
    if matches!(*target, [b'/', ..] | [b'*']) {
        return Ok(Target::Path(target));
    }
    let url = Uri::from_maybe_shared(target).map_err(|_| HeadFault::Target)?;
    let authority = url.authority().map(|authority| authority.as_str().as_bytes());
    if url.scheme().is_some() && authority != headers.all("host").next() {
        return Err(HeadFault::TwoHosts);
    }
    Ok(Target::Url(url))
}

/// Whether a target is a path, a whole URL as proxies are sent, or the server itself. Only tunnels, which nobody finds
/// here, are asked for in yet another form.
fn has_known_form(target: &[u8]) -> bool {
    let starts_with =
        |scheme: &[u8]| target.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
    target[0] == b'/' || target == b"*" || starts_with(b"http://") || starts_with(b"https://")
}

/// Finds the field that begins at `start`: where its name and value stand, and where the next one begins.
fn find_field(text: &[u8], start: usize) -> Result<(Range<usize>, Range<usize>, usize), HeadFault> {
    let line = &text[start..];
    if let [b' ' | b'\t', ..] = line {
        return Err(HeadFault::Folded);
    }
    let (name @ [_, ..], [b':', rest @ ..]) = line.split_at(run(line, TOKEN)) else {
        return Err(HeadFault::FieldName);
    };
    // The end of the line, or what may not be in it.
    let control = find_control(rest).ok_or(HeadFault::LineEnd)?;
    let (untrimmed, rest) = rest.split_at(control);
    let rest = match rest {
        [b'\r', b'\n', rest @ ..] => rest,
        [b'\n', ..] => return Err(HeadFault::LineEnd),
        _ => return Err(HeadFault::FieldValue),
    };
    let value = trim_start(untrimmed);
    let name = start..start + name.len();
    let value_start = name.end + 1 + untrimmed.len() - value.len();
    Ok((name, value_start..value_start + trim_end(value).len(), text.len() - rest.len()))
}

/// The fields that say where a request goes and where it ends, and what becomes of its connection.
#[derive(Default)]
struct Said {
    host: bool,
    length: Option<u64>,
    coding: bool,
    close: bool,
    expects_continue: bool,
}

impl Said {
    /// `name` is in lower case.
    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        match name {
            b"host" if self.host => Err(HeadFault::TwoHosts),
            b"host" => {
                self.host = true;
                check_host(value)
            }
            b"content-length" if self.length.is_some() => Err(HeadFault::TwoLengths),
            b"content-length" => {
                self.length = Some(parse_length(value)?);
                Ok(())
            }
            b"transfer-encoding" if self.coding || !value.eq_ignore_ascii_case(b"chunked") => {
                Err(HeadFault::Coding)
            }
            b"transfer-encoding" => {
                self.coding = true;
                Ok(())
            }
            b"connection" => {
                self.close |= connection_options(value).any(|option| option.eq_ignore_ascii_case(b"close"));
                Ok(())
            }
            b"expect" => {
                self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn judge(&self, version: Version) -> Result<Hop, HeadFault> {
        let is_old = version == Version::HTTP_10;
        let framing = match self {
            Self { length: Some(_), coding: true, .. } => return Err(HeadFault::LengthAndCoding),
            Self { coding: true, .. } if is_old => return Err(HeadFault::Coding),
            Self { host: false, .. } => return Err(HeadFault::NoHost),
            Self { coding: true, .. } => Framing::Chunked,
            Self { length, .. } => Framing::Counted(length.unwrap_or(0)),
        };
        // An HTTP/1.0 client knows no interim answer, and a connection of one is not kept.
        let expects_continue = self.expects_continue && !is_old && framing != Framing::Counted(0);
        Ok(Hop { framing, keep: !is_old && !self.close, expects_continue })
    }
}

fn trim_start(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

fn trim_end(mut value: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Judges the value of a `Host` field or an `:authority`.
fn check_host(host: &[u8]) -> Result<(), HeadFault> {
    match host {
        [] => Err(HeadFault::NoHost),
        _ if run(host, HOST) == host.len() => Ok(()),
        _ => Err(HeadFault::Host),
    }
}

/// The value of a `Content-Length` field.
fn parse_length(value: &[u8]) -> Result<u64, HeadFault> {
    // 18 digits are more than any limit and fit.
    if !(1..=18).contains(&value.len()) || !value.iter().all(u8::is_ascii_digit) {
        return Err(HeadFault::Length);
    }
    Ok(value.iter().fold(0, |length, digit| 10 * length + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests;
