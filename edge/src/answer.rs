//! The head of an answer to a sender, whoever made it, in the form in which HTTP/1 sends it.

use bytes::{BufMut as _, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

const USUAL_BYTES: usize = 1024;

/// A status, and fields with their names as they were spelled. What is put in must be well-formed.
#[derive(Clone, Debug)]
pub(crate) struct AnswerHead {
    pub(crate) status: StatusCode,
    /// The status line and the fields, without the empty line.
    lines: BytesMut,
    /// Where the fields begin.
    fields: usize,
}

impl AnswerHead {
    /// Without a reason, the usual one of the status.
    pub(crate) fn new(status: StatusCode, reason: Option<&str>) -> Self {
        let mut lines = BytesMut::with_capacity(USUAL_BYTES);
        lines.put_slice(b"HTTP/1.1 ");
        lines.put_slice(status.as_str().as_bytes());
        lines.put_u8(b' ');
        lines.put_slice(reason.or(status.canonical_reason()).unwrap_or_default().as_bytes());
        lines.put_slice(b"\r\n");
        let fields = lines.len();
        Self { status, lines, fields }
    }

    /// One more field, after those of the same name.
    pub(crate) fn put(&mut self, name: &str, value: &[u8]) {
        self.lines.reserve(name.len() + value.len() + 4);
        self.lines.put_slice(name.as_bytes());
        self.lines.put_slice(b": ");
        self.lines.put_slice(value);
        self.lines.put_slice(b"\r\n");
    }

    /// As HTTP/1 sends it, with the empty line. There is room for more.
    pub(crate) fn into_wire(mut self) -> BytesMut {
        self.lines.put_slice(b"\r\n");
        self.lines
    }

    /// Its fields as HTTP/2 sends them.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let parsed = |(name, value): (&[u8], &[u8])| {
            Some((HeaderName::from_bytes(name).ok()?, HeaderValue::from_bytes(value).ok()?))
        };
        let mut map = HeaderMap::new();
        for (name, value) in self.fields().filter_map(parsed) {
            map.append(name, value);
        }
        map
    }

    fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let lines = self.lines[self.fields..].split(|byte| *byte == b'\n');
        lines.filter_map(|line| {
            let line = line.strip_suffix(b"\r")?;
            let colon = memchr::memchr(b':', line)?;
            Some((&line[..colon], line.get(colon + 2..)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_http_say_the_same() {
        let mut head = AnswerHead::new(StatusCode::OK, Some("Fine"));
        head.put("Content-Type", b"text/plain");
        head.put("x-own", b"1");
        head.put("X-Own", b"");
        head.put("x-own", b"a:b \xe9");
        let map = head.to_map();
        assert_eq!(map["content-type"], "text/plain");
        let own: Vec<_> = map.get_all("x-own").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(own, [&b"1"[..], b"", b"a:b \xe9"]);
        assert_eq!(map.len(), 4);
        let wire = head.into_wire();
        let expected = b"HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nx-own: 1\r\nX-Own: \r\nx-own: a:b \xe9\r\n\r\n";
        assert_eq!(wire, expected[..]);
    }

    #[test]
    fn a_status_without_a_reason_has_its_usual_one() {
        assert_eq!(
            AnswerHead::new(StatusCode::NOT_FOUND, None).into_wire(),
            b"HTTP/1.1 404 Not Found\r\n\r\n"[..]
        );
        let odd = StatusCode::from_u16(999).unwrap();
        assert_eq!(AnswerHead::new(odd, None).into_wire(), b"HTTP/1.1 999 \r\n\r\n"[..]);
    }
}
