//! The tutorial with what is not ours: Preprocess services in Python with grpcio and Node.js with grpc-js, and admins
//! in both, by reflection and from the protos.
//!
//! They need the packages that they name:
//!
//! ```sh
//! python3 -m venv .venv
//! .venv/bin/pip install -r examples/preprocess/python/requirements.txt -r tests/foreign/requirements.txt
//! npm ci --prefix examples/preprocess/node
//! PYTHON=$PWD/.venv/bin/python cargo test -p pointsman-tests --features foreign --test foreign
//! ```

use std::{env, path::PathBuf, process::Stdio};

use http::StatusCode;
use pointsman_tests::{acme, receiver::Receiver, sandbox::Sandbox, sender::post_json, soon};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

#[tokio::test]
async fn python_over_tcp() {
    routes_the_tutorial(Foreign::start(python(), "127.0.0.1:0").await).await;
}

#[tokio::test]
async fn python_over_a_unix_socket() {
    let folder = TempDir::new().expect("a temporary folder");
    routes_the_tutorial(Foreign::start(python(), &socket_in(&folder)).await).await;
}

#[tokio::test]
async fn node_over_tcp() {
    routes_the_tutorial(Foreign::start(node(), "127.0.0.1:0").await).await;
}

#[tokio::test]
async fn node_over_a_unix_socket() {
    let folder = TempDir::new().expect("a temporary folder");
    routes_the_tutorial(Foreign::start(node(), &socket_in(&folder)).await).await;
}

#[tokio::test]
async fn an_admin_by_reflection() {
    administers(interpreter("PYTHON", "python3"), "admin.py").await;
}

#[tokio::test]
async fn an_operations_team_by_reflection() {
    administers(interpreter("PYTHON", "python3"), "operations.py").await;
}

#[tokio::test]
async fn an_operations_team_from_the_protos() {
    administers(interpreter("NODE", "node"), "operations.mjs").await;
}

/// Runs a program of `tests/foreign` against a new control plane.
async fn administers(mut command: Command, program: &str) {
    let sandbox = Sandbox::start().await;
    command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("foreign").join(program));
    command.arg(sandbox.admin_addr().to_string()).env("PYTHONDONTWRITEBYTECODE", "1");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = soon("the admin is done", command.output()).await.expect("the interpreter starts");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
}

async fn routes_the_tutorial(service: Foreign) {
    let mut flows = Receiver::start().await;
    let sandbox = Sandbox::start_with(|config| config.preprocess_socket_dir = Some(env::temp_dir())).await;
    sandbox.apply(&acme::manifest_with_preprocess(&flows.url(""), &service.address)).await;
    let (edge, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);

    for (payload, target) in [
        (acme::INVENTORY_UPDATE, "/bowlers-inc/update-inventory"),
        (acme::CREATE_ORDER, "/pencils-co/create-order"),
    ] {
        let answered = post_json(edge, &hook, payload).await;
        assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);
        let received = flows.next().await;
        assert_eq!((received.target.as_str(), &received.body[..]), (target, payload.as_bytes()));
    }

    for refused in [r#"{"customerId":"FFFFFFFF","type":"create_order"}"#, "{", ""] {
        let answered = post_json(edge, &hook, refused).await;
        assert_eq!(
            (answered.status.as_u16(), answered.code().as_str()),
            (422, "preprocess_refused"),
            "{refused}"
        );
    }

    // Above gRPC's usual limit, with the two fields that count at the start.
    let mut order = acme::CREATE_ORDER.as_bytes().to_vec();
    order.resize(6 * 1024 * 1024, b' ');
    let answered = post_json(edge, &hook, order.clone()).await;
    assert_eq!(answered.status, StatusCode::OK, "{:?}", answered.body);
    assert_eq!(flows.next().await.body, order);
    flows.expect_nothing();
}

/// A service in a process of its own, which ends with it.
struct Foreign {
    address: String,
    _process: Child,
}

impl Foreign {
    /// Starts `command` and waits until it says where it listens.
    async fn start(mut command: Command, listen: &str) -> Self {
        command.args(["--listen", listen]).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let mut lines = BufReader::new(process.stdout.take().expect("its output")).lines();
        let line = soon("the service listens", lines.next_line()).await.expect("its output is text");
        let line = line.unwrap_or_else(|| panic!("{command:?} ended; are the packages it needs installed?"));
        let bound = line.strip_prefix("listening on ").expect("the address it listens on");
        let address = if bound.starts_with("unix:") { bound.to_owned() } else { format!("http://{bound}") };
        Self { address, _process: process }
    }
}

fn python() -> Command {
    let mut command = interpreter("PYTHON", "python3");
    command.arg(example("python/main.py"));
    command
}

fn node() -> Command {
    let mut command = interpreter("NODE", "node");
    command.arg(example("node/main.js"));
    command
}

fn interpreter(variable: &str, default: &str) -> Command {
    Command::new(env::var(variable).unwrap_or_else(|_| default.to_owned()))
}

fn example(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples/preprocess").join(path)
}

fn socket_in(folder: &TempDir) -> String {
    format!("unix:{}", folder.path().join("acme.sock").display())
}
