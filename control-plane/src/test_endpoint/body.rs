//! Where in a body something is wrong, and what else it may be.

use super::SampleRequest;

/// So much of the body is shown on each side of a place, in bytes.
const SHOWN_BYTES: usize = 24;

/// The detail of a refusal, with the place that it names as `(at byte 17)` written for people: line, column, and what
/// stands there.
pub(super) fn with_place(detail: &str, body: &[u8]) -> Option<String> {
    let (said, rest) = detail.rsplit_once(" (at byte ")?;
    let (position, end) = rest.split_once(')')?;
    let position: usize = position.parse().ok()?;
    let before = body.get(..position)?;
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    let shown = |bytes: &[u8]| {
        let text: String = String::from_utf8_lossy(bytes).chars().flat_map(escaped).collect();
        format!("`{text}`")
    };
    let behind = match &body[position..] {
        [] => "the end".to_owned(),
        behind => shown(&behind[..behind.len().min(SHOWN_BYTES)]),
    };
    let around = match &before[before.len().saturating_sub(SHOWN_BYTES)..] {
        [] => format!("where the body begins with {behind}"),
        before => format!("where {} is followed by {behind}", shown(before)),
    };
    Some(format!("{said}: line {line}, column {column}, {around}{end}"))
}

/// A character as it can stand in a line.
fn escaped(c: char) -> impl Iterator<Item = char> {
    let (escape, plain) = if c.is_control() { (Some(c.escape_default()), None) } else { (None, Some(c)) };
    escape.into_iter().flatten().chain(plain)
}

/// Where the body looks like something else than it is said to be: what to do about it.
pub(super) fn other_kind(request: &SampleRequest) -> Option<String> {
    let content_type =
        request.headers.all("content-type").next().and_then(|value| std::str::from_utf8(value).ok());
    let start = request.body.trim_ascii_start().first()?;
    let said = content_type.unwrap_or_default().to_ascii_lowercase();
    let (looks_like, usual) = match start {
        b'<' if !said.contains("xml") => ("XML", "text/xml"),
        b'{' | b'[' if !said.is_empty() && !said.contains("json") => ("JSON", "application/json"),
        b'-' if request.body.trim_ascii_start().starts_with(b"--") && !said.contains("multipart") => {
            ("multipart", "multipart/form-data with its boundary")
        }
        b'A'..=b'Z' | b'a'..=b'z' | b'%' if !said.contains("form") && request.body.contains(&b'=') => {
            ("a form", "application/x-www-form-urlencoded")
        }
        _ => return None,
    };
    Some(match content_type {
        Some(content_type) => {
            format!(
                "The Content-Type is {content_type}, and it looks like {looks_like}: that would be {usual}."
            )
        }
        None => format!(
            "There is no Content-Type, so it is read as JSON, and it looks like {looks_like}: that would be {usual}."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_what_is_around_it() {
        let body = "{\n  \"ü\": \"x\",,\n}".as_bytes();
        assert_eq!(
            with_place("It is wrong (at byte 14).", body).unwrap(),
            "It is wrong: line 2, column 12, where `{\\n  \"ü\": \"x\",` is followed by `,\\n}`."
        );
        assert_eq!(
            with_place("ends (at byte 3)", b"{\"a").unwrap(),
            "ends: line 1, column 4, where `{\"a` is followed by the end"
        );
        assert_eq!(
            with_place("x (at byte 0)", b"<a").unwrap(),
            "x: line 1, column 1, where the body begins with `<a`"
        );
        for (detail, body) in
            [("no place", "x"), (" (at byte 9)", "x"), (" (at byte x)", "x"), (" (at byte ", "x")]
        {
            assert_eq!(with_place(detail, body.as_bytes()), None, "{detail}");
        }
        let odd: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for position in 0..=odd.len() {
            let shown = with_place(&format!("x (at byte {position})"), &odd).unwrap();
            assert!(!shown.contains(char::is_control), "{shown}");
        }
    }

    #[test]
    fn a_body_of_another_kind_is_named() {
        let request = |content_type: &str, body: &'static str| {
            let headers = (!content_type.is_empty()).then_some(("content-type", content_type));
            let headers = headers.into_iter().collect();
            SampleRequest { headers, body: body.into(), ..SampleRequest::default() }
        };
        for (content_type, body, expected) in [
            ("", " <a/>", "looks like XML: that would be text/xml"),
            ("application/json", "<a/>", "looks like XML"),
            ("text/xml", "{}", "looks like JSON"),
            ("", "a=1", "looks like a form"),
            ("", "--b\r\n", "looks like multipart"),
        ] {
            let said = other_kind(&request(content_type, body)).unwrap();
            assert!(said.contains(expected), "{said}");
        }
        for (content_type, body) in [("", "{"), ("text/xml", "<a"), ("application/json", "[1"), ("", "")] {
            assert_eq!(other_kind(&request(content_type, body)), None, "{body}");
        }
    }
}
