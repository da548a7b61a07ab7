//! What a client shows to say who it is. None of it is ever printed.

use std::{fmt, net::IpAddr};

use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    sign::CertifiedKey,
};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Identity, Uri},
};

/// Longer than any access token, in bytes: what is longer is a file that was given by mistake.
const TOKEN_BYTES_MAX: usize = 4_096;

/// An access token, as it travels: `authorization: Bearer <token>`.
#[derive(Clone)]
pub(super) struct BearerToken(MetadataValue<Ascii>);

impl BearerToken {
    /// Says what is wrong with a text that is no token, without the text.
    pub(super) fn parse(token: &str) -> Result<Self, &'static str> {
        if token.is_empty() {
            return Err("it is empty");
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err("it is longer than 4096 bytes");
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it holds a space, a line end or another character that no token has");
        }
        let mut value: MetadataValue<Ascii> =
            format!("Bearer {token}").parse().map_err(|_| "it holds a character that no token has")?;
        // Kept out of `Debug` of headers, and out of HPACK's tables.
        value.set_sensitive(true);
        Ok(Self(value))
    }

    pub(super) fn put<T>(&self, request: &mut Request<T>) {
        request.metadata_mut().insert("authorization", self.0.clone());
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

/// A client certificate with its key, both in PEM.
#[derive(Clone)]
pub(super) struct ClientIdentity {
    cert_pem: Vec<u8>,
    key_pem: Vec<u8>,
}

impl ClientIdentity {
    pub(super) fn new(cert_pem: Vec<u8>, key_pem: Vec<u8>) -> Self {
        Self { cert_pem, key_pem }
    }

    /// The identity for TLS. What is wrong with it is said in words: tonic only has "private key parse error".
    pub(super) fn read(&self) -> Result<Identity, String> {
        let chain = CertificateDer::pem_slice_iter(&self.cert_pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("the client certificate is not PEM: {error}"))?;
        if chain.is_empty() {
            return Err("the client certificate's file holds no certificate in PEM".to_owned());
        }
        // An error of the key's may quote it.
        let key = PrivateKeyDer::from_pem_slice(&self.key_pem)
            .map_err(|_| "the client key's file holds no private key in PEM".to_owned())?;
        CertifiedKey::from_der(chain, key, &ring::default_provider())
            .map_err(|error| format!("the client certificate and key cannot be used: {error}"))?;
        Ok(Identity::from_pem(&self.cert_pem, &self.key_pem))
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(…)")
    }
}

/// Whether what is sent to this address stays on the machine.
pub(super) fn is_loopback(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match address.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_shown() {
        let token = BearerToken::parse("psm_secret").expect("a token");
        let mut request = Request::new(());
        token.put(&mut request);
        assert_eq!(request.metadata().get("authorization").expect("sent"), "Bearer psm_secret");
        for shown in [format!("{token:?}"), format!("{request:?}")] {
            assert!(!shown.contains("secret"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        for text in ["", "a b", "secret\n", "sécret", &"x".repeat(4_097)] {
            let problem = BearerToken::parse(text).expect_err(text);
            assert!(!problem.contains("cret"), "{problem}");
        }
    }

    #[test]
    fn loopback_is_told_apart() {
        for (server, expected) in [
            ("http://127.0.0.1:7070", true),
            ("http://127.9.9.9:7070", true),
            ("http://[::1]:7070", true),
            ("http://[::ffff:127.0.0.1]:7070", true),
            ("http://LocalHost:7070", true),
            ("http://localhost.example.com:7070", false),
            ("http://127.0.0.1.example.com:7070", false),
            ("http://10.0.0.1:7070", false),
            ("http://0.0.0.0:7070", false),
            ("http://[2001:db8::1]:7070", false),
        ] {
            assert_eq!(is_loopback(&server.parse().expect("a URI")), expected, "{server}");
        }
    }
}
