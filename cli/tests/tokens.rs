//! Access tokens as people use them: made offline and through the API, by `up`, and by edges on their own.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long anything may take that should happen soon.
const SOON: Duration = Duration::from_secs(30);

fn pointsman(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).stdin(Stdio::null()).env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

/// What a command said, and its exit code.
fn run(args: &[&str]) -> (String, String, i32) {
    let Output { status, stdout, stderr } = pointsman(args).output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (text(stdout), text(stderr), status.code().expect("an exit code"))
}

/// A running server. Killed when it is dropped.
struct Server {
    child: Child,
    addresses: serde_json::Value,
}

impl Server {
    /// Starts one that logs to a file, and waits for its addresses where it is to `wait` for them.
    fn start(folder: &Path, name: &str, args: &[&str], wait: bool) -> Self {
        let (file, log) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.log")));
        let mut child = pointsman(args)
            .args(["--addresses-file", file.to_str().expect("a path")])
            .stderr(fs::File::create(log).expect("a log"))
            .spawn()
            .expect("the binary runs");
        let addresses = if wait {
            eventually("the addresses are written", || {
                assert_eq!(child.try_wait().expect("its state"), None, "the server has ended");
                serde_json::from_slice(&fs::read(&file).ok()?).ok()
            })
        } else {
            serde_json::Value::Null
        };
        Self { child, addresses }
    }

    fn up(folder: &Path, data: &str) -> Self {
        let ports =
            ["--admin-listen=127.0.0.1:0", "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"];
        Self::start(folder, "up", &[&["up", "--data", data][..], &ports].concat(), true)
    }

    fn url(&self) -> String {
        format!("http://{}", self.addresses["admin"].as_str().expect("an admin port"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
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

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).to_str().expect("a path").to_owned()
}

/// A file with the secret of an admin's token, made offline.
fn admin_token(folder: &Path, data: &str) -> String {
    let (secret, said, code) = run(&["token", "create", "--data", data, "--role", "admin"]);
    assert_eq!(code, 0, "{said}");
    assert!(secret.starts_with("pmt_") && secret.lines().count() == 1, "only the secret: {secret:?}");
    assert!(!said.contains(secret.trim()), "{said}");
    let file = path(folder, "admin.token");
    fs::write(&file, secret).expect("written");
    file
}

#[test]
fn the_first_token_is_made_offline_and_closes_what_starts_then() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let token = admin_token(folder.path(), &data);
    let server = Server::up(folder.path(), &data);
    let url = server.url();

    let (_, said, code) = run(&["get", "customers", "--server", &url]);
    assert_eq!(code, 6, "{said}");
    assert!(said.contains("no access token") && said.contains("--token-file"), "{said}");
    let (_, said, code) = run(&["get", "customers", "--server", &url, "--token-file", &token]);
    assert_eq!(code, 0, "{said}");
    // The edge of the process itself is there, with nothing to configure.
    let edges = eventually("the edge is connected", || {
        let (edges, ..) = run(&["edges", "--server", &url, "--token-file", &token]);
        edges.contains("edges/local").then_some(edges)
    });
    assert!(edges.contains("yes"), "{edges}");

    let (_, said, code) = run(&["token", "create", "--data", &data, "--role", "viewer"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in use by another process") && said.contains("--server"), "{said}");
}

#[test]
fn a_running_one_is_closed_by_its_first_token_and_its_own_edge_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let server = Server::up(folder.path(), &data);
    let url = server.url();
    let log = || fs::read_to_string(folder.path().join("up.log")).expect("a log");
    assert!(log().contains("open to every process on this machine"), "{}", log());

    let made = ["token", "create", "boss", "--role", "admin", "-o", "json", "--server", &url];
    let (made, said, code) = run(&made);
    assert_eq!(code, 0, "{said}");
    let made: serde_json::Value = serde_json::from_str(&made).expect("JSON");
    assert_eq!(made["accessToken"]["name"], "accessTokens/boss");
    let secret = made["secret"].as_str().expect("a secret");
    let as_boss = |args: &[&str]| {
        let (out, said, code) = run(&[args, &["--server", &url, "--token", secret]].concat());
        assert_eq!(code, 0, "{args:?}: {said}");
        out
    };
    assert_eq!(run(&["get", "customers", "--server", &url]).2, 6);

    let manifest = path(folder.path(), "manifest.yaml");
    fs::write(&manifest, "customers: [{name: customers/a, externalId: a}]\n").expect("written");
    let applied = as_boss(&["apply", "--wait", "-f", &manifest]);
    assert!(applied.contains("is served by edges/local"), "{applied}");

    let listed = as_boss(&["token", "list"]);
    assert!(
        listed.contains("accessTokens/boss") && listed.contains("admin") && !listed.contains(secret),
        "{listed}"
    );
    let ci = as_boss(&[
        "token",
        "create",
        "ci",
        "--role",
        "editor",
        "--integration",
        "acme-erp",
        "--expires",
        "90d",
    ]);
    let shown = as_boss(&["token", "get", "ci", "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["integrations"], serde_json::json!(["integrations/acme-erp"]));
    assert!(shown["expireTime"].is_string(), "{shown}");
    let (_, said, code) = run(&["get", "integrations/other", "--server", &url, "--token", ci.trim()]);
    assert_eq!(code, 6, "{said}");
    assert_eq!(run(&["token", "delete", "ci", "--server", &url, "--token", secret]).2, 3, "it is in use");
    as_boss(&["token", "revoke", "accessTokens/ci"]);
    assert_eq!(run(&["get", "customers", "--server", &url, "--token", ci.trim()]).2, 6);
    as_boss(&["token", "delete", "ci"]);
    assert!(!as_boss(&["token", "list"]).contains("accessTokens/ci"));
    for text in [secret, ci.trim()] {
        assert!(!log().contains(&text[10..]), "no secret is logged");
    }
}

#[test]
fn beyond_loopback_it_says_which_command_makes_the_first_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let start = ["control-plane", "--data", &data, "--admin-listen", "0.0.0.0:0", "--admin-plaintext"];
    let (_, said, code) = run(&start);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains(&format!("pointsman token create --data {data} --role admin")), "{said}");
    admin_token(folder.path(), &data);
    Server::start(folder.path(), "control-plane", &start, true);
}

#[test]
fn up_beyond_loopback_lets_its_own_edge_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let token = admin_token(folder.path(), &data);
    let ports = ["--admin-listen=0.0.0.0:0", "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"];
    let args = [&["up", "--data", &data, "--admin-plaintext"][..], &ports].concat();
    let server = Server::start(folder.path(), "up", &args, true);
    let url = server.url().replace("0.0.0.0", "127.0.0.1");
    eventually("the edge is connected", || {
        let (edges, ..) = run(&["edges", "--server", &url, "--token-file", &token]);
        edges.contains("edges/local").then_some(())
    });
}

#[test]
fn an_edge_shows_its_token_and_says_why_it_is_not_let_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let admin = admin_token(folder.path(), &data);
    let start = ["control-plane", "--data", &data, "--admin-listen", "127.0.0.1:0"];
    let control_plane = Server::start(folder.path(), "control-plane", &start, true);
    let url = control_plane.url();
    let create = ["token", "create", "eu-1", "--role", "edge", "--edge", "edges/eu-1"];
    let (secret, said, code) = run(&[&create[..], &["--server", &url, "--token-file", &admin]].concat());
    assert_eq!(code, 0, "{said}");
    let file = path(folder.path(), "edge.token");
    let edge = |name: &str, id: &str, token: &str, wait: bool| {
        let args = ["edge", "--edge-id", id, "--control-plane", &url, "--token-file", token];
        let ports = ["--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"];
        Server::start(folder.path(), name, &[&args[..], &ports].concat(), wait)
    };
    let logged = |name: &str, text: &str| {
        let file = folder.path().join(format!("{name}.log"));
        eventually(text, || fs::read_to_string(&file).expect("a log").contains(text).then_some(()));
    };
    let impostor = {
        fs::write(&file, &secret).expect("written");
        edge("impostor", "us-1", &file, false)
    };
    logged("impostor", "does not let this edge in: the access token is for edges/eu-1");
    drop(impostor);

    // A token that is put in its place is taken without a restart: an edge binds its port when it has a configuration.
    fs::write(&file, "pmt_wrong\n").expect("written");
    let waiting = edge("edge", "eu-1", &file, false);
    logged("edge", "does not let this edge in: the access token is not known here");
    fs::write(&file, &secret).expect("written");
    logged("edge", "a configuration is served");
    drop(waiting);
}

#[test]
fn a_revoked_token_ends_the_stream_of_its_edge_over_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = path(folder.path(), "data");
    let admin = admin_token(folder.path(), &data);
    let (cert, key) = (path(folder.path(), "cert.pem"), path(folder.path(), "key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(&cert, made.cert.pem()).expect("written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let start = ["control-plane", "--data", &data, "--admin-listen", "127.0.0.1:0"];
    let tls = ["--tls-cert", &cert, "--tls-key", &key];
    let control_plane = Server::start(folder.path(), "control-plane", &[&start[..], &tls].concat(), true);
    let url = control_plane.url().replace("http://127.0.0.1", "https://localhost");
    let as_admin = |args: &[&str]| {
        let (said, errors, code) =
            run(&[args, &["--server", &url, "--server-ca", &cert, "--token-file", &admin]].concat());
        assert_eq!(code, 0, "{args:?}: {errors}");
        said
    };
    let secret = as_admin(&["token", "create", "eu-1", "--role", "edge", "--edge", "edges/eu-1"]);
    let file = path(folder.path(), "edge.token");
    fs::write(&file, secret).expect("written");
    let args = ["edge", "--edge-id", "eu-1", "--control-plane", &url, "--control-plane-ca", &cert];
    let ports = ["--token-file", &file, "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"];
    let edge = Server::start(folder.path(), "edge", &[&args[..], &ports].concat(), true);
    let connected = || {
        let shown = as_admin(&["get", "edges/eu-1", "-o", "json"]);
        serde_json::from_str::<serde_json::Value>(&shown).expect("JSON")["connected"] == true
    };
    assert!(connected());

    as_admin(&["token", "revoke", "eu-1"]);
    let log = folder.path().join("edge.log");
    eventually("the edge is told", || {
        let said = fs::read_to_string(&log).expect("a log");
        said.contains("does not let this edge in: the access token was revoked").then_some(())
    });
    eventually("its stream is over", || (!connected()).then_some(()));
    drop(edge);
}
