//! TLS towards senders and towards flow endpoints.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use pointsman_edge::config::TlsFiles;
use rcgen::{CertificateParams, KeyPair};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use crate::harness::{Edge, Peer, STREAMED, Upstream, get, soon};

struct Identity {
    cert: String,
    key: String,
}

impl Identity {
    fn of(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let cert = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        Self { cert: cert.pem(), key: key.serialize_pem() }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .unwrap();
        Arc::new(config).into()
    }
}

struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn of(identity: &Identity) -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        files.write(identity);
        files
    }

    fn write(&self, identity: &Identity) {
        std::fs::write(self.path("cert.pem"), &identity.cert).unwrap();
        std::fs::write(self.path("key.pem"), &identity.key).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn tls(&self) -> Option<TlsFiles> {
        Some(TlsFiles { cert: self.path("cert.pem"), key: self.path("key.pem") })
    }
}

/// A connection that trusts only `identity` and offers these protocols.
async fn connect(
    edge: &Edge,
    identity: &Identity,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(edge.addr).await.unwrap();
    let name = ServerName::try_from("hooks.example").unwrap();
    soon("a TLS handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn both_versions_of_http_are_served_over_tls() {
    let mut upstream = Upstream::start().await;
    let identity = Identity::of(&["hooks.example"]);
    let files = Files::of(&identity);
    let edge = Edge::with(&upstream, |config| config.tls = files.tls()).await;
    for protocols in [&["http/1.1"][..], &[]] {
        let mut sender = Peer::new(connect(&edge, &identity, protocols).await.unwrap());
        sender.write(get(STREAMED, "")).await;
        let mut flow = upstream.accept().await;
        let head = flow.head().await;
        assert_eq!(head.get("x-forwarded-proto"), "https");
        assert_eq!(head.get("forwarded"), "for=127.0.0.1;host=\"hooks.example\";proto=https");
        flow.write("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok").await;
        assert_eq!(sender.answer().await.body, b"ok");
    }

    let stream = connect(&edge, &identity, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("https://hooks.example/hooks/{STREAMED}")).header("x-customer", "C-1");
    let (response, _): (_, h2::SendStream<Bytes>) =
        send.send_request(request.body(()).unwrap(), true).unwrap();
    let mut flow = upstream.accept().await;
    assert_eq!(flow.head().await.get("x-forwarded-proto"), "https");
    flow.write("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(soon("an answer", response).await.unwrap().status(), 204);
    connection.abort();
}

#[tokio::test]
async fn a_changed_certificate_is_taken_in_and_a_broken_one_is_not() {
    let upstream = Upstream::start().await;
    let (first, second) = (Identity::of(&["hooks.example"]), Identity::of(&["hooks.example"]));
    let files = Files::of(&first);
    let edge = Edge::with(&upstream, |config| config.tls = files.tls()).await;
    connect(&edge, &first, &[]).await.unwrap();
    std::fs::write(files.path("cert.pem"), "broken").unwrap();
    connect(&edge, &first, &[]).await.unwrap();
    files.write(&second);
    soon("the new certificate is presented", async {
        while connect(&edge, &second, &[]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn unusable_files_are_named() {
    let files = Files::of(&Identity::of(&["hooks.example"]));
    let mut config = pointsman_edge::Config::new("edge-1", "http://127.0.0.1:9");
    config.edge_listen = "127.0.0.1:0".parse().unwrap();
    config.tls = files.tls();
    let fault = |config: &pointsman_edge::Config| {
        pointsman_edge::listener::Listener::bind(config).unwrap_err().to_string()
    };
    std::fs::write(files.path("key.pem"), Identity::of(&["x"]).key).unwrap();
    assert!(fault(&config).contains("key.pem"), "another certificate's key: {}", fault(&config));
    std::fs::write(files.path("cert.pem"), "nothing").unwrap();
    assert!(fault(&config).contains("cert.pem"), "{}", fault(&config));
    std::fs::remove_file(files.path("cert.pem")).unwrap();
    assert!(fault(&config).contains("cert.pem"), "{}", fault(&config));
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_handshake_is_let_go() {
    let upstream = Upstream::start().await;
    let files = Files::of(&Identity::of(&["hooks.example"]));
    let edge = Edge::with(&upstream, |config| {
        config.tls = files.tls();
        config.limits.client_head = Duration::from_millis(100);
    })
    .await;
    assert_eq!(edge.exchange("\u{16}\u{3}\u{1}").await, b"");
}

#[tokio::test]
async fn endpoints_must_prove_who_they_are() {
    let mut upstream = Upstream::start().await;
    let (known, unknown) =
        (Identity::of(&["localhost", "127.0.0.1"]), Identity::of(&["localhost", "127.0.0.1"]));
    let elsewhere = Identity::of(&["elsewhere.example"]);
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, format!("{}{}", known.cert, elsewhere.cert)).unwrap();
    let edge = Edge::with(&upstream, |config| config.upstream_ca = Some(ca)).await;
    let port = upstream.addr.port();
    for (host, identity, proven) in [
        ("localhost", &known, true),
        ("127.0.0.1", &known, true),
        ("localhost", &unknown, false),
        ("localhost", &elsewhere, false),
        ("127.0.0.1", &elsewhere, false),
    ] {
        edge.redirect(&format!("https://{host}:{port}/in"));
        let mut sender = edge.connect().await;
        sender.write(get(STREAMED, "")).await;
        let flow = async {
            loop {
                // Where the proof fails, the edge comes once more.
                let accepted = identity.acceptor().accept(upstream.accept().await.stream).await;
                let Ok(stream) = accepted else { continue };
                assert_eq!(stream.get_ref().1.server_name(), (host == "localhost").then_some("localhost"));
                let mut flow = Peer::new(stream);
                for _ in 0..2 {
                    assert_eq!(flow.head().await.get("host"), format!("{host}:{port}"));
                    flow.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
                break;
            }
        };
        if proven {
            let twice = async {
                assert_eq!(sender.answer().await.body, b"ok");
                sender.write(get(STREAMED, "")).await;
                assert_eq!(sender.answer().await.body, b"ok", "on the same connection");
            };
            tokio::join!(flow, twice);
        } else {
            tokio::select! {
                () = flow => panic!("{host} was believed"),
                answer = sender.answer() => answer.expect(502, "upstream_unreachable"),
            }
        }
    }
}
