//! The header fields of a request.

use std::{fmt, ops::Range};

use bytes::Bytes;
use http::HeaderMap;

/// The header fields of a request, in the order in which they arrived. Names are in lower case, values without the white
/// space around them. A request has few of them and each is asked for a few times, so they lie in a row and are searched
/// one by one.
#[derive(Clone, Default)]
pub struct Headers {
    text: Bytes,
    fields: Vec<Field>,
}

/// Where in a text a field stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    name: Span,
    value: Span,
}

/// A name stands there twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twice;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Field {
    /// One whose name and value stand there, within the first 4 GiB.
    #[must_use]
    pub fn new(name: Range<usize>, value: Range<usize>) -> Self {
        Self { name: Span::new(&name), value: Span::new(&value) }
    }
}

impl Span {
    fn new(range: &Range<usize>) -> Self {
        let within = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: within(range.start), end: within(range.end) }
    }

    fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

impl Headers {
    /// Those that stand in `text`, whose names are in lower case there. What lies outside of it is empty.
    #[must_use]
    pub fn within(text: Bytes, fields: Vec<Field>) -> Self {
        Self { text, fields }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| (field.name.of(&self.text), field.value.of(&self.text)))
    }

    /// Names and values, sorted by name, so that those of one name stand together, in their order.
    #[must_use]
    pub fn together(&self) -> Vec<(&[u8], &[u8])> {
        let mut fields: Vec<_> = self.iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        fields
    }

    /// The values of all fields of this name, whose case does not matter, in order.
    pub fn all<'h, 'n>(&'h self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + use<'h, 'n> {
        let wanted = name.as_bytes();
        let called = move |field: &&Field| {
            field.name.len() == wanted.len() && {
                let name = field.name.of(&self.text);
                // Names of ours are in lower case too.
                name == wanted || name.eq_ignore_ascii_case(wanted)
            }
        };
        self.fields.iter().filter(called).map(|field| field.value.of(&self.text))
    }

    /// The value of the only field of this name.
    ///
    /// # Errors
    ///
    /// Where there are two.
    pub fn only(&self, name: &str) -> Result<Option<&[u8]>, Twice> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Twice),
            (value, None) => Ok(value),
        }
    }
}

impl<N: AsRef<[u8]>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        let mut text = Vec::new();
        let mut put = |part: &[u8]| {
            let start = text.len();
            text.extend_from_slice(part);
            start..text.len()
        };
        let fields = fields.into_iter().map(|(name, value)| {
            let name = name.as_ref().to_ascii_lowercase();
            Field::new(put(&name), put(trim(value.as_ref())))
        });
        let fields = fields.collect();
        Self { text: text.into(), fields }
    }
}

impl From<&HeaderMap> for Headers {
    fn from(map: &HeaderMap) -> Self {
        map.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
    }
}

/// Without the white space that a value may stand in.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Names only: values may be secrets.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| String::from_utf8_lossy(name))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers() -> Headers {
        [("Host", "a"), ("X-Own", "1"), ("cookie", "secret"), ("x-own", " 2\t")].into_iter().collect()
    }

    #[test]
    fn fields_keep_their_order() {
        let expected: [(&[u8], &[u8]); 4] =
            [(b"host", b"a"), (b"x-own", b"1"), (b"cookie", b"secret"), (b"x-own", b"2")];
        assert!(headers().iter().eq(expected));
    }

    #[test]
    fn fields_of_one_name_stand_together() {
        let expected: [(&[u8], &[u8]); 4] =
            [(b"cookie", b"secret"), (b"host", b"a"), (b"x-own", b"1"), (b"x-own", b"2")];
        assert_eq!(headers().together(), expected);
    }

    #[test]
    fn a_name_is_found_in_any_case() {
        let headers = headers();
        assert!(headers.all("X-oWn").eq([b"1", b"2"]));
        assert_eq!(headers.all("x-ow").count(), 0);
        assert_eq!(headers.only("HOST"), Ok(Some(&b"a"[..])));
        assert_eq!(headers.only("hosts"), Ok(None));
        assert_eq!(headers.only("x-own"), Err(Twice));
    }

    #[test]
    fn a_map_says_the_same() {
        let mut map = HeaderMap::new();
        map.append("x-own", "1".parse().expect("a value"));
        map.append("host", "a".parse().expect("a value"));
        map.append("x-own", "2".parse().expect("a value"));
        let headers = Headers::from(&map);
        assert!(headers.all("x-own").eq([b"1", b"2"]));
        assert_eq!(headers.only("host"), Ok(Some(&b"a"[..])));
    }

    #[test]
    fn what_lies_outside_of_the_text_is_empty() {
        let field = Field::new(0..4, 5..90);
        let headers = Headers::within(Bytes::from_static(b"host:a"), vec![field]);
        assert_eq!(headers.only("host"), Ok(Some(&b""[..])));
    }

    #[test]
    fn debug_shows_no_value() {
        assert_eq!(format!("{:?}", headers()), r#"{"host", "x-own", "cookie", "x-own"}"#);
    }
}
