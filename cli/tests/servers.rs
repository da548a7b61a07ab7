//! The servers as processes: where they say that they listen, how they stop, what they keep, TLS.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// How long anything may take that should happen soon.
const SOON: Duration = Duration::from_secs(30);

fn pointsman(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).stdin(Stdio::null());
    command
}

/// A running server. Killed when it is dropped.
struct Server {
    child: Child,
    addresses: serde_json::Value,
}

impl Server {
    /// Starts one on free ports, and waits until all of them are bound.
    fn start(folder: &Path, args: &[&str]) -> Self {
        let file = folder.join("addresses.json");
        let addresses = file.to_str().expect("a path");
        let mut child = pointsman(args)
            .args(["--addresses-file", addresses, "--log-level", "warn"])
            .spawn()
            .expect("the binary runs");
        let addresses = eventually("the addresses are written", || {
            assert_eq!(child.try_wait().expect("its state"), None, "the server has ended");
            serde_json::from_slice(&fs::read(&file).ok()?).ok()
        });
        Self { child, addresses }
    }

    fn up(folder: &Path, more: &[&str]) -> Self {
        let data = folder.join("data");
        let fixed = ["up", "--data", data.to_str().expect("a path")];
        let ports =
            ["--admin-listen=127.0.0.1:0", "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"];
        Self::start(folder, &[&fixed[..], &ports, more].concat())
    }

    fn address(&self, port: &str) -> &str {
        self.addresses[port].as_str().unwrap_or_else(|| panic!("no {port} in {}", self.addresses))
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn exit_code(&mut self) -> Option<i32> {
        eventually("the server ends", || self.child.try_wait().expect("its state")).code()
    }

    /// Runs an admin command that must succeed, and gives what it printed.
    fn admin(&self, args: &[&str]) -> String {
        let server = format!("http://{}", self.address("admin"));
        succeeded(&pointsman(args).args(["--server", &server]).output().expect("the binary runs"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits for a fact.
fn eventually<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(value) = fact() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {SOON:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Acme ERP with one flow at `flow`, for anybody's webhook.
fn manifest(folder: &Path, flow: &str) -> String {
    let file = folder.join("manifest.yaml");
    let text = format!(
        "integrations:\n\
         - name: integrations/acme-erp\n\
         \x20 flows: [{{key: any}}]\n\
         \x20 endpoint: {{type: ENDPOINT_TYPE_SHARED, externalCustomerId: {{constant: progix-1001}}}}\n\
         customers: [{{name: customers/bowlers-inc, externalId: progix-1001}}]\n\
         deployments:\n\
         - name: integrations/acme-erp/deployments/bowlers-inc\n\
         \x20 customer: customers/bowlers-inc\n\
         \x20 flowEndpoints: {{any: {{url: 'http://{flow}/in'}}}}\n"
    );
    fs::write(&file, text).expect("written");
    file.to_str().expect("a path").to_owned()
}

/// Posts a webhook, and leaves the connection open.
fn post(url: &str) -> TcpStream {
    let (address, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("a URL");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(SOON)).expect("a timeout");
    write!(
        stream,
        "POST /{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    )
    .expect("sent");
    stream
}

fn answer(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn what_was_configured_is_there_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::up(folder.path(), &[]);
    let applied = server.admin(&["apply", "--wait", "-f", &manifest(folder.path(), "127.0.0.1:1")]);
    assert!(applied.ends_with("revision 1 is served by edges/local\n"), "{applied}");
    let exported = server.admin(&["export"]);
    server.signal("-TERM");
    assert_eq!(server.exit_code(), Some(0));

    let mut server = Server::up(folder.path(), &[]);
    assert_eq!(server.admin(&["export"]), exported);
    let url = server.admin(&["get", "integrations/acme-erp", "--url"]);
    assert!(url.starts_with(&format!("http://{}/hooks/", server.address("edge"))), "{url}");
    // Nobody listens at port 1: the webhook was routed there.
    let refused = eventually("the configuration is served", || {
        let answer = answer(post(url.trim_end()));
        (!answer.contains("\"unknown_endpoint\"")).then_some(answer)
    });
    assert!(refused.contains("\"upstream_unreachable\""), "{refused}");
    server.signal("-INT");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_request_under_way_is_finished_before_the_end() {
    // One thread alone is another runtime than several.
    for threads in ["--threads=1", "--threads=3"] {
        a_request_under_way_is_finished(threads);
    }
}

fn a_request_under_way_is_finished(threads: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut server = Server::up(folder.path(), &[threads]);
    let flow_address = flow.local_addr().expect("its address").to_string();
    server.admin(&["apply", "--wait", "-f", &manifest(folder.path(), &flow_address)]);
    let url = server.admin(&["get", "integrations/acme-erp", "--url"]);
    let sender = post(url.trim_end());
    let (mut at_flow, _) = flow.accept().expect("the webhook");

    server.signal("-TERM");
    let edge = server.address("edge").to_owned();
    eventually("no new connections are taken", || TcpStream::connect(&edge).is_err().then_some(()));
    assert_eq!(server.child.try_wait().expect("its state"), None, "it waits for the request");
    at_flow.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone").expect("answered");
    let answer = answer(sender);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("done"), "{answer}");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut server = Server::up(folder.path(), &[]);
    let flow_address = flow.local_addr().expect("its address").to_string();
    server.admin(&["apply", "--wait", "-f", &manifest(folder.path(), &flow_address)]);
    let url = server.admin(&["get", "integrations/acme-erp", "--url"]);
    let _sender = post(url.trim_end());
    // It never answers.
    let _at_flow = flow.accept().expect("the webhook");

    server.signal("-INT");
    let edge = server.address("edge").to_owned();
    eventually("it is stopping", || TcpStream::connect(&edge).is_err().then_some(()));
    server.signal("-INT");
    assert_eq!(server.exit_code(), Some(130));
}

#[test]
fn a_drain_is_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let flow = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut server = Server::up(folder.path(), &["--drain", "100ms"]);
    let flow_address = flow.local_addr().expect("its address").to_string();
    server.admin(&["apply", "--wait", "-f", &manifest(folder.path(), &flow_address)]);
    let url = server.admin(&["get", "integrations/acme-erp", "--url"]);
    let _sender = post(url.trim_end());
    let _at_flow = flow.accept().expect("the webhook");
    server.signal("-TERM");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_port_that_is_taken_ends_with_1_and_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = taken.local_addr().expect("its address").to_string();
    let data = folder.path().join("data");
    for port in ["--admin-listen", "--edge-listen", "--status-listen"] {
        let mut args = vec!["up", "--data", data.to_str().expect("a path")];
        for other in ["--admin-listen", "--edge-listen", "--status-listen"] {
            args.extend([other, if other == port { taken.as_str() } else { "127.0.0.1:0" }]);
        }
        let output = pointsman(&args).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(1), "{port}");
        let said = String::from_utf8_lossy(&output.stderr);
        let error = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(error.contains(&taken), "{port}: {said}");
    }
}

#[test]
fn control_plane_and_edge_run_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let edge_folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let data = data.to_str().expect("a path");
    let mut control_plane = Server::start(
        folder.path(),
        &[
            "control-plane",
            "--data",
            data,
            "--admin-listen=127.0.0.1:0",
            "--public-url=https://hooks.example",
        ],
    );
    let url = format!("http://{}", control_plane.address("admin"));
    let mut edge = Server::start(
        edge_folder.path(),
        &[
            "edge",
            "--edge-id=a",
            "--threads=1",
            "--control-plane",
            &url,
            "--edge-listen=127.0.0.1:0",
            "--status-listen=127.0.0.1:0",
        ],
    );
    let applied = control_plane.admin(&["apply", "--wait", "-f", &manifest(folder.path(), "127.0.0.1:1")]);
    assert!(applied.ends_with("revision 1 is served by edges/a\n"), "{applied}");
    let shown = control_plane.admin(&["edges"]);
    assert!(shown.contains("edges/a   yes         1"), "{shown}");
    let url = control_plane.admin(&["get", "integrations/acme-erp", "--url"]);
    let path = url.strip_prefix("https://hooks.example/").expect("the public URL").trim_end().to_owned();

    // The edge goes on alone.
    control_plane.signal("-TERM");
    assert_eq!(control_plane.exit_code(), Some(0));
    let answered = answer(post(&format!("http://{}/{path}", edge.address("edge"))));
    assert!(answered.contains("\"upstream_unreachable\""), "{answered}");
    edge.signal("-TERM");
    assert_eq!(edge.exit_code(), Some(0));
}

/// A CA's certificate, and a certificate of its for `localhost` with its key, as PEM files.
fn certificates(folder: &Path) -> [String; 3] {
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().expect("a key")).expect("a certificate");
    let key = KeyPair::generate().expect("a key");
    let server = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    let server = server.signed_by(&key, &ca).expect("a certificate");
    [("ca.pem", ca.pem()), ("cert.pem", server.pem()), ("key.pem", key.serialize_pem())].map(|(name, pem)| {
        let file = folder.join(name);
        fs::write(&file, pem).expect("written");
        file.to_str().expect("a path").to_owned()
    })
}

/// The certificate is for another name than the one by which the edge in the process connects.
#[test]
fn up_serves_with_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let [ca, cert, key] = certificates(folder.path());
    let mut server = Server::up(folder.path(), &["--tls-cert", &cert, "--tls-key", &key]);
    let port = server.address("admin").rsplit(':').next().expect("a port").to_owned();
    let manifest = manifest(folder.path(), "127.0.0.1:1");
    let applied = pointsman(&["apply", "--wait", "-f", &manifest])
        .args(["--server", &format!("https://localhost:{port}"), "--server-ca", &ca])
        .output()
        .expect("the binary runs");
    assert!(succeeded(&applied).ends_with("revision 1 is served by edges/local\n"));
    let url = pointsman(&["get", "integrations/acme-erp", "--url"])
        .args(["--server", &format!("https://localhost:{port}"), "--server-ca", &ca])
        .output()
        .expect("the binary runs");
    assert!(succeeded(&url).starts_with(&format!("https://{}/hooks/", server.address("edge"))));
    // Without TLS there is no admin API.
    let plain =
        pointsman(&["edges", "--server", &format!("http://127.0.0.1:{port}")]).output().expect("runs");
    assert_eq!(plain.status.code(), Some(1));
    let untrusted =
        pointsman(&["edges", "--server", &format!("https://localhost:{port}")]).output().expect("runs");
    assert_eq!(untrusted.status.code(), Some(1));
    for (output, hint) in
        [(plain, "hint: something else answers there: TLS takes https://"), (untrusted, "hint: name the CA")]
    {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(hint), "{said}");
    }
    server.signal("-TERM");
    assert_eq!(server.exit_code(), Some(0));
}

#[test]
fn a_certificate_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let [_, cert, _] = certificates(folder.path());
    let data = folder.path().join("data");
    let another = tempfile::tempdir().expect("a folder");
    let [_, _, key_of_another] = certificates(another.path());
    for (key, fault) in [
        ("/nonexistent/key.pem", "/nonexistent/key.pem"),
        (key_of_another.as_str(), "keys may not be consistent"),
    ] {
        let output =
            pointsman(&["up", "--data", data.to_str().expect("a path"), "--admin-listen=127.0.0.1:0"])
                .args(["--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"])
                .args(["--tls-cert", &cert, "--tls-key", key])
                .output()
                .expect("the binary runs");
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(fault), "{said}");
    }
}
