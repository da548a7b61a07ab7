//! What the edge shows the control plane to say who it is.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};

use http::Uri;
use tonic::metadata::AsciiMetadataValue;

/// Longer than any access token, in bytes: what is longer is a file that was given by mistake.
const TOKEN_BYTES_MAX: u64 = 4_096;

/// An access token of the role `edge`. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub enum AccessToken {
    /// The secret itself.
    Secret(String),
    /// The file that holds it and nothing else. Read for each stream: a new token takes the place of an old one while the
    /// edge runs.
    File(PathBuf),
}

/// An access token that cannot be sent. What it holds is not said.
#[derive(Debug, thiserror::Error)]
pub(super) enum AccessTokenError {
    /// The file.
    #[error("cannot read the access token from {}: {source}", file.display())]
    File {
        /// Which one.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it holds.
    #[error("the access token is no token: it is empty, too long, or holds what no token does")]
    Malformed,
}

impl AccessToken {
    /// The token as it travels. Reads a file, which is small.
    pub(super) fn to_bearer(&self) -> Result<AsciiMetadataValue, AccessTokenError> {
        match self {
            Self::Secret(secret) => bearer(secret),
            Self::File(file) => {
                let read = read(file).map_err(|source| AccessTokenError::File { file: file.clone(), source });
                bearer(&read?)
            }
        }
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(_) => f.write_str("Secret(…)"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

fn read(file: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    File::open(file)?.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn bearer(secret: &str) -> Result<AsciiMetadataValue, AccessTokenError> {
    let secret = secret.trim();
    let right = !secret.is_empty()
        && u64::try_from(secret.len()).is_ok_and(|bytes| bytes <= TOKEN_BYTES_MAX)
        && secret.bytes().all(|byte| byte.is_ascii_graphic());
    if !right {
        return Err(AccessTokenError::Malformed);
    }
    let mut value: AsciiMetadataValue =
        format!("Bearer {secret}").parse().map_err(|_| AccessTokenError::Malformed)?;
    // Kept out of `Debug` of headers, and out of HPACK's tables.
    value.set_sensitive(true);
    Ok(value)
}

/// Whether what is sent to this address stays on the machine.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match address.parse::<std::net::IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = AccessToken::Secret("pmt_s3cret".to_owned());
        let value = token.to_bearer().unwrap();
        assert_eq!(value, "Bearer pmt_s3cret");
        assert!(!format!("{token:?} {value:?}").contains("s3cret"), "{token:?} {value:?}");
        for text in ["", " ", "s3cret x", "s3crét", &"x".repeat(5_000)] {
            let error = AccessToken::Secret(text.to_owned()).to_bearer().unwrap_err();
            assert!(!error.to_string().contains("s3cr"), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let token = AccessToken::File(file.clone());
        assert!(token.to_bearer().unwrap_err().to_string().contains("token"));
        for secret in ["one", "two"] {
            std::fs::write(&file, format!("{secret}\n")).unwrap();
            assert_eq!(token.to_bearer().unwrap(), format!("Bearer {secret}"));
        }
    }
}
