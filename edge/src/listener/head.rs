//! The raw head of an HTTP/1 request, judged before Pingora's parser, which forgives more than two readers can agree
//! on: bare line feeds, a missing `Host`, a length beside a transfer coding, …

mod bytes;

use http::{
    header::{CONTENT_LENGTH, HOST},
    request::Parts,
};
use memchr::{memchr, memchr_iter};
use pointsman_routing::outcome::{Outcome, Refusal};

use self::bytes::{HOST as IN_HOST, TARGET, TOKEN, find_control, may_stand, run};

/// As many fields as Pingora's parser takes.
const MAX_FIELDS: usize = 256;

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

/// How the end of a request's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestFraming {
    /// By a length, or there is none.
    Length,
    /// By the last chunk.
    Chunked,
}

/// Judges a complete head, as [`HeadScanner`] finds it, with the empty line at its end.
pub(super) fn check(head: &[u8]) -> Result<RequestFraming, HeadFault> {
    let end = memchr(b'\n', head).ok_or(HeadFault::LineEnd)?;
    let (line, mut rest) = head.split_at(end + 1);
    let version = check_request_line(line.strip_suffix(b"\r\n").ok_or(HeadFault::LineEnd)?)?;
    let mut seen = Seen::default();
    for count in 0.. {
        if rest.starts_with(b"\r\n") {
            break;
        }
        if count == MAX_FIELDS {
            return Err(HeadFault::TooManyFields);
        }
        let (name, value) = take_field(&mut rest)?;
        seen.field(name, value)?;
    }
    seen.judge(version)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

fn check_request_line(line: &[u8]) -> Result<Version, HeadFault> {
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
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ if version.starts_with(b"HTTP/") => Err(HeadFault::Version),
        _ => Err(HeadFault::RequestLine),
    }
}

/// Whether a target is a path, a whole URL as proxies are sent, or the server itself. Only tunnels, which nobody finds
/// here, are asked for in yet another form.
fn has_known_form(target: &[u8]) -> bool {
    let starts_with =
        |scheme: &[u8]| target.get(..scheme.len()).is_some_and(|t| t.eq_ignore_ascii_case(scheme));
    target[0] == b'/' || target == b"*" || starts_with(b"http://") || starts_with(b"https://")
}

/// Takes the first field off, and splits it into its name and value.
fn take_field<'a>(fields: &mut &'a [u8]) -> Result<(&'a [u8], &'a [u8]), HeadFault> {
    if let [b' ' | b'\t', ..] = fields {
        return Err(HeadFault::Folded);
    }
    let (name @ [_, ..], [b':', rest @ ..]) = fields.split_at(run(fields, TOKEN)) else {
        return Err(HeadFault::FieldName);
    };
    // The end of the line, or what may not be in it.
    let control = find_control(rest).ok_or(HeadFault::LineEnd)?;
    let (value, rest) = rest.split_at(control);
    *fields = rest.strip_prefix(b"\r\n").ok_or(HeadFault::FieldValue)?;
    Ok((name, trim(value)))
}

/// The fields that say where a request goes and where it ends.
#[derive(Default)]
struct Seen {
    host: bool,
    length: bool,
    coding: bool,
}

impl Seen {
    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadFault> {
        if name.eq_ignore_ascii_case(b"host") {
            once(&mut self.host, HeadFault::TwoHosts)?;
            check_host(value)?;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            once(&mut self.length, HeadFault::TwoLengths)?;
            check_length(value)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            once(&mut self.coding, HeadFault::Coding)?;
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HeadFault::Coding);
            }
        }
        Ok(())
    }

    fn judge(&self, version: Version) -> Result<RequestFraming, HeadFault> {
        match self {
            Self { length: true, coding: true, .. } => Err(HeadFault::LengthAndCoding),
            Self { coding: true, .. } if version == Version::Http10 => Err(HeadFault::Coding),
            Self { host: false, .. } => Err(HeadFault::NoHost),
            Self { coding: true, .. } => Ok(RequestFraming::Chunked),
            _ => Ok(RequestFraming::Length),
        }
    }
}

/// Without the white space that a value may stand in.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn once(seen: &mut bool, fault: HeadFault) -> Result<(), HeadFault> {
    if std::mem::replace(seen, true) { Err(fault) } else { Ok(()) }
}

/// Judges the head of an HTTP/2 request, as far as the protocol has not done so itself.
pub(crate) fn check_http2(head: &Parts, limit: usize) -> Result<(), HeadFault> {
    // As many bytes as it would take in HTTP/1, about.
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let fields: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if fields + target.len() > limit {
        return Err(HeadFault::TooLarge(limit));
    }
    if head.headers.len() > MAX_FIELDS {
        return Err(HeadFault::TooManyFields);
    }
    if !target.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(HeadFault::Target);
    }
    let mut lengths = head.headers.get_all(CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (_, Some(_)) => return Err(HeadFault::TwoLengths),
        (Some(length), None) => check_length(length.as_bytes())?,
        (None, None) => {}
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    match (head.uri.authority(), hosts.next(), hosts.next()) {
        (_, _, Some(_)) => Err(HeadFault::TwoHosts),
        (Some(authority), Some(host), None) if authority.as_str().as_bytes() != host.as_bytes() => {
            Err(HeadFault::TwoHosts)
        }
        (Some(authority), _, None) => check_host(authority.as_str().as_bytes()),
        (None, Some(host), None) => check_host(host.as_bytes()),
        (None, None, None) => Err(HeadFault::NoHost),
    }
}

/// Judges the value of a `Host` field or an `:authority`.
fn check_host(host: &[u8]) -> Result<(), HeadFault> {
    match host {
        [] => Err(HeadFault::NoHost),
        _ if run(host, IN_HOST) == host.len() => Ok(()),
        _ => Err(HeadFault::Host),
    }
}

/// Judges the value of a `Content-Length` field.
fn check_length(value: &[u8]) -> Result<(), HeadFault> {
    // 18 digits are more than any limit and fit every integer that the value is read into.
    let digits = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    if digits { Ok(()) } else { Err(HeadFault::Length) }
}

#[cfg(test)]
mod tests;
