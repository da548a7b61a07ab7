//! Paths that every reader resolves alike.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// The path behind an endpoint's token that no two readers resolve differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathFragment<'a>(&'a str);

/// A path fragment that is refused (`path_invalid`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFragmentError {
    /// A control byte.
    #[error("the path holds a control byte")]
    Control,
    /// A `\`, which some readers take for a `/`.
    #[error("the path holds a backslash")]
    Backslash,
    /// A `#`, where some readers end the path.
    #[error("the path holds a `#`")]
    Hash,
    /// `%2f`, `%5c` or `%00`, perhaps encoded once more.
    #[error("the path holds an encoded slash, backslash or NUL")]
    EncodedSeparator,
    /// A `.` or `..` segment, perhaps encoded once or twice.
    #[error("the path holds a `.` or `..` segment")]
    DotSegment,
}

impl<'a> PathFragment<'a> {
    /// Parses the raw path behind the token, without its leading `/`. Refused are `.` and `..` segments (also after
    /// decoding once or twice, and with parameters: `..;x`), `\`, `%2f`, `%5c`, `%00` (in any case, also encoded once
    /// more), `#` and control bytes.
    pub fn parse(raw: &'a str) -> Result<Self, PathFragmentError> {
        if raw.is_empty() {
            return Ok(Self(raw));
        }
        for byte in raw.bytes() {
            match byte {
                0..0x20 | 0x7f => return Err(PathFragmentError::Control),
                b'\\' => return Err(PathFragmentError::Backslash),
                b'#' => return Err(PathFragmentError::Hash),
                _ => {}
            }
        }
        for read in readings(raw).iter().take(2) {
            if has_encoded_separator(read) {
                return Err(PathFragmentError::EncodedSeparator);
            }
        }
        if has_dot_segment(raw) {
            return Err(PathFragmentError::DotSegment);
        }
        Ok(Self(raw))
    }

    /// The fragment, raw.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.0
    }
}

/// Whether any reader, who decodes the path not at all, once or twice, and splits it at `/` or `\` before or after,
/// sees a `.` or `..` segment. Some readers drop a segment's parameters (`;…`) first.
pub(super) fn has_dot_segment(path: &str) -> bool {
    readings(path).iter().any(|read| {
        read.split(|byte| matches!(byte, b'/' | b'\\')).any(|segment| {
            let bare = segment.split(|&byte| byte == b';').next();
            matches!(bare, Some(b"." | b".."))
        })
    })
}

/// Whether every `%` starts an escape.
pub(super) fn escapes_are_whole(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let mut digits = rest.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    })
}

/// The path as it stands, decoded once, and decoded twice; only as many as differ.
fn readings(path: &str) -> Vec<Cow<'_, [u8]>> {
    let raw = path.as_bytes();
    let mut readings = vec![Cow::Borrowed(raw)];
    if let Cow::Owned(once) = Cow::from(percent_decode_str(path)) {
        let twice = match Cow::from(percent_encoding::percent_decode(&once)) {
            Cow::Owned(twice) => Some(twice),
            Cow::Borrowed(_) => None,
        };
        readings.push(Cow::Owned(once));
        readings.extend(twice.map(Cow::Owned));
    }
    readings
}

fn has_encoded_separator(path: &[u8]) -> bool {
    path.windows(3).any(|escape| match escape {
        [b'%', high, low] => {
            matches!((*high, low.to_ascii_lowercase()), (b'2', b'f') | (b'5', b'c') | (b'0', b'0'))
        }
        _ => false,
    })
}
