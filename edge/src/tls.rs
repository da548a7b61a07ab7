//! TLS towards flow endpoints, Preprocess services and the control plane: whose certificates count.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Why certificate authorities cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("the CA file {path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not PEM, or holds something that is not a certificate.
    #[error("the CA file {path} holds no usable certificates: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// The certificate authorities that upstreams may have their certificates from: the system's, and those of `further`,
/// a PEM file. Reads files, so call it while building and not while serving.
pub fn upstream_roots(further: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match pingora::tls::load_native_certs() {
        Ok(certificates) => {
            // Old and odd certificates are common in system stores; one that cannot be used is passed over.
            roots.add_parsable_certificates(certificates);
        }
        Err(error) => tracing::warn!(%error, "the system has no usable certificate authorities"),
    }
    if let Some(path) = further {
        add(&mut roots, path, &read_ca(path)?)?;
    }
    Ok(roots)
}

/// A client's configuration that trusts `roots` and offers these protocols, as `b"h2"`. `Arc`, since it is meant to be
/// shared: session tickets live in it.
#[must_use]
pub fn client_config(roots: RootCertStore, protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// The PEM of a CA file, once it is certain that each of its certificates can be trusted.
pub(crate) fn read_ca(path: &Path) -> Result<Vec<u8>, TlsError> {
    let pem = std::fs::read(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    add(&mut RootCertStore::empty(), path, &pem)?;
    Ok(pem)
}

fn add(roots: &mut RootCertStore, path: &Path, pem: &[u8]) -> Result<(), TlsError> {
    let malformed =
        |reason: &dyn fmt::Display| TlsError::Malformed { path: path.to_owned(), reason: reason.to_string() };
    let before = roots.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| malformed(&error))?;
        roots.add(certificate).map_err(|error| malformed(&error))?;
    }
    if roots.len() == before { Err(malformed(&"there is no certificate in it")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, content).unwrap();
        (dir, path)
    }

    #[test]
    fn a_file_adds_to_the_system_s_authorities() {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        let (_dir, path) = file(&certificate);
        let system = upstream_roots(None).unwrap().len();
        assert_eq!(upstream_roots(Some(&path)).unwrap().len(), system + 1);
    }

    #[test]
    fn a_file_without_certificates_is_named() {
        for (content, fault) in [
            ("", "there is no certificate in it"),
            ("hello", "there is no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no usable certificates"),
        ] {
            let (_dir, path) = file(content);
            let error = upstream_roots(Some(&path)).unwrap_err().to_string();
            assert!(error.contains(fault) && error.contains("ca.pem"), "{error}");
        }
        let error = upstream_roots(Some(Path::new("/nowhere/ca.pem"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/ca.pem cannot be read"), "{error}");
    }
}
