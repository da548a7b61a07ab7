//! How admin commands reach a control plane, as whom, and what they say where it says no; against a scripted one.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
};

use async_trait::async_trait;
use pointsman_proto::admin::v1::{
    edge_service_server::{EdgeService, EdgeServiceServer},
    *,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Identity, Server, ServerTlsConfig, server::TcpIncoming},
};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Answers with an edge whose name is the token that the call came with; a token that is the number of a code is
/// refused with that code.
struct Scripted;

#[async_trait]
impl EdgeService for Scripted {
    async fn accept_configuration(
        &self,
        _: Request<AcceptConfigurationRequest>,
    ) -> Result<Response<AcceptConfigurationResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_edges(
        &self,
        request: Request<ListEdgesRequest>,
    ) -> Result<Response<ListEdgesResponse>, Status> {
        let token = request.metadata().get("authorization").map(|value| value.to_str().expect("text"));
        let token = token.map_or("nobody", |value| value.strip_prefix("Bearer ").expect("a token"));
        if let Ok(code) = token.parse::<i32>() {
            return Err(refusal(Code::from_i32(code)));
        }
        let edge = Edge { name: format!("edges/{token}"), ..Edge::default() };
        Ok(Response::new(ListEdgesResponse { edges: vec![edge], ..ListEdgesResponse::default() }))
    }

    async fn get_edge(&self, _: Request<GetEdgeRequest>) -> Result<Response<GetEdgeResponse>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn wait_for_revision(
        &self,
        _: Request<WaitForRevisionRequest>,
    ) -> Result<Response<WaitForRevisionResponse>, Status> {
        Err(Status::unimplemented(""))
    }
}

fn refusal(code: Code) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info("A_REASON", "pointsman", [("neededRoles".to_owned(), "admin,editor".to_owned())]);
    if code == Code::InvalidArgument {
        details
            .add_bad_request_violation("filter", "is none")
            .add_bad_request_violation("page_size", "is odd");
    }
    if code == Code::FailedPrecondition {
        details.add_precondition_failure_violation("IN_USE", "customers/a", "is deployed");
    }
    if code == Code::NotFound {
        details.set_resource_info("t", "integrations/acme-erp/deployments/a", "", "");
    }
    Status::with_error_details(code, "it says no", details)
}

/// A scripted control plane, in a thread that ends with the test.
fn control_plane(tls: Option<ServerTlsConfig>) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            sender.send(listener.local_addr().expect("its address")).expect("told");
            let mut server = Server::builder();
            if let Some(tls) = tls {
                server = server.tls_config(tls).expect("TLS");
            }
            server
                .add_service(EdgeServiceServer::new(Scripted))
                .serve_with_incoming(TcpIncoming::from(listener))
                .await
                .expect("it serves");
        });
    });
    receiver.recv().expect("its address")
}

fn pointsman(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POINTSMAN_") {
            command.env_remove(name);
        }
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent");
    command
}

fn output(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// The token that a control plane saw.
fn seen(command: &mut Command) -> String {
    let (code, stdout, stderr) = output(command);
    assert_eq!(code, Some(0), "{stderr}");
    let edges: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    edges["edges"][0]["name"].as_str().expect("a name").trim_start_matches("edges/").to_owned()
}

/// A file for its owner's eyes only.
fn private(file: &Path, text: &str) -> String {
    fs::write(file, text).expect("written");
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("closed");
    file.to_str().expect("a path").to_owned()
}

#[test]
fn a_flag_wins_over_a_variable_and_that_over_the_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = format!("http://{}", control_plane(None));
    private(&folder.path().join("profile.token"), "of-profile\n");
    let file = private(&folder.path().join("flag.token"), "of-file\n");
    let profiles = format!(
        "current: a\n\
         profiles:\n\
         \x20 a: {{server: '{server}', tokenFile: profile.token, output: json}}\n\
         \x20 b: {{server: '{server}', token: of-b, output: json}}\n"
    );
    let profiles = private(&folder.path().join("profiles.yaml"), &profiles);
    let edges = |args: &[&str]| pointsman(&[&["edges", "--profiles-file", &profiles], args].concat());

    assert_eq!(seen(&mut edges(&[])), "of-profile");
    assert_eq!(seen(&mut edges(&["--profile", "b"])), "of-b");
    assert_eq!(seen(edges(&[]).env("POINTSMAN_PROFILE", "b")), "of-b");
    assert_eq!(seen(edges(&["--profile", "a"]).env("POINTSMAN_PROFILE", "b")), "of-profile");
    assert_eq!(seen(edges(&[]).env("POINTSMAN_TOKEN", "of-variable")), "of-variable");
    assert_eq!(seen(edges(&[]).env("POINTSMAN_TOKEN_FILE", &file)), "of-file");
    assert_eq!(seen(edges(&["--token", "of-flag"]).env("POINTSMAN_TOKEN", "of-variable")), "of-flag");
    assert_eq!(seen(edges(&["--token-file", &file]).env("POINTSMAN_TOKEN", "of-variable")), "of-file");
    assert_eq!(seen(edges(&["--token", "of-flag"]).env("POINTSMAN_TOKEN_FILE", &file)), "of-flag");
    assert_eq!(seen(edges(&["--profile", "", "-o", "json"]).env("POINTSMAN_SERVER", &server)), "nobody");

    let (code, table, _) = output(&mut edges(&["-o", "table"]));
    assert_eq!((code, table.starts_with("NAME")), (Some(0), true), "the flag wins over the profile: {table}");
    let (_, yaml, _) = output(edges(&[]).env("POINTSMAN_OUTPUT", "yaml"));
    assert!(yaml.starts_with("edges:\n"), "the variable wins over the profile: {yaml}");
    let (_, table, _) = output(edges(&["-o", "table"]).env("POINTSMAN_OUTPUT", "yaml"));
    assert!(table.starts_with("NAME"), "{table}");
}

#[test]
fn the_users_own_profiles_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = format!("http://{}", control_plane(None));
    for config in [folder.path().join("xdg"), folder.path().join("home/.config")] {
        let set = ["profile", "set", "mine", "--token-stdin", "--output", "json", "--server", &server];
        let set = pointsman(&set)
            .env("XDG_CONFIG_HOME", folder.path().join("xdg"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        let mut set = set.expect("runs");
        std::io::Write::write_all(&mut set.stdin.take().expect("a pipe"), b"t0ken\n").expect("written");
        assert!(set.wait().expect("ends").success());
        let written = folder.path().join("xdg/pointsman/profiles.yaml");
        fs::create_dir_all(config.join("pointsman")).expect("a folder");
        if config.ends_with(".config") {
            fs::rename(&written, config.join("pointsman/profiles.yaml")).expect("moved");
        }
    }
    let mut home = pointsman(&["edges"]);
    assert_eq!(seen(home.env_remove("XDG_CONFIG_HOME").env("HOME", folder.path().join("home"))), "t0ken");
    // Nothing is left there, and nothing need be.
    let mut none = pointsman(&["edges", "-o", "json", "--server", &server]);
    assert_eq!(seen(none.env("XDG_CONFIG_HOME", folder.path().join("xdg"))), "nobody");
}

#[test]
fn a_profiles_token_is_shown_to_its_own_server_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = format!("http://{}", control_plane(None));
    for own in ["server: 'https://pointsman.example.com:7070', ", ""] {
        let profiles = format!("current: a\nprofiles: {{a: {{{own}token: t0ken, output: json}}}}\n");
        let profiles = private(&folder.path().join("profiles.yaml"), &profiles);
        let args = ["edges", "--profiles-file", &profiles, "--server", &server];
        assert_eq!(seen(&mut pointsman(&args)), "nobody");
        let (_, _, said) = output(&mut pointsman(&args));
        assert_eq!(
            said,
            format!(
                "note: what profile `a` says of who you are is for its own server, and is not shown to {server}\n"
            )
        );
    }
}

#[test]
fn a_token_that_others_can_read_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = format!("http://{}", control_plane(None));
    let token = private(&folder.path().join("token"), "t0ken");
    let profiles = format!("current: a\nprofiles: {{a: {{server: '{server}', token: t0ken}}}}\n");
    let profiles = private(&folder.path().join("profiles.yaml"), &profiles);
    for (args, file) in [
        (&["edges", "--server", &server, "--token-file", &token][..], &token),
        (&["edges", "--profiles-file", &profiles], &profiles),
    ] {
        let (code, _, said) = output(&mut pointsman(args));
        assert_eq!((code, said.as_str()), (Some(0), ""));
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).expect("opened");
        let (code, _, said) = output(&mut pointsman(args));
        assert_eq!(code, Some(0));
        let warning =
            format!("warning: other users can read the access token in {file}; `chmod 600 {file}` ");
        assert!(said.starts_with(&warning) && said.lines().count() == 1, "{said}");
        assert!(!said.contains("t0ken"), "{said}");
    }
}

#[test]
fn a_token_stays_on_the_machine_where_there_is_no_tls() {
    let (code, _, said) =
        output(&mut pointsman(&["edges", "--server", "http://192.0.2.1:7070", "--token", "t0ken"]));
    assert_eq!(code, Some(2));
    assert!(said.contains("is not sent to http://192.0.2.1:7070") && said.contains("use https://"), "{said}");
    assert!(!said.contains("t0ken"), "{said}");
}

#[test]
fn a_malformed_profile_says_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "current: a\nprofiles:\n  a:\n    sever: x\n    token: [t0ken]\n";
    let profiles = private(&folder.path().join("profiles.yaml"), text);
    let (code, _, said) = output(&mut pointsman(&["edges", "--profiles-file", &profiles]));
    assert_eq!(code, Some(2));
    let expected = format!(
        "error: {profiles}: 2 faults\n  line 4: profiles.a: unknown field `sever`; did you mean `server`?\n  line 5: \
         profiles.a.token: it must be a text, not a list\n"
    );
    assert!(said.starts_with(&expected), "{said}");
    assert!(!said.contains("t0ken"), "{said}");

    let (code, _, said) = output(&mut pointsman(&["edges", "--profiles-file", "/nonexistent/p.yaml"]));
    assert_eq!(code, Some(2));
    assert!(said.starts_with("error: cannot read /nonexistent/p.yaml: "), "{said}");
}

#[test]
fn profiles_are_kept_and_no_token_is_ever_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("below/profiles.yaml");
    let file = file.to_str().expect("a path");
    let profile = |args: &[&str]| {
        let (code, stdout, stderr) =
            output(&mut pointsman(&[&["profile"], args, &["--profiles-file", file]].concat()));
        assert!(!format!("{stdout}{stderr}").contains("t0ken"), "{stdout}{stderr}");
        (code, stdout, stderr)
    };
    let (code, said, _) = profile(&["set", "a", "--server", "https://a:1", "--timeout", "90s"]);
    assert_eq!((code, said.ends_with("it is the current one\n")), (Some(0), true), "{said}");
    let text = fs::read_to_string(file).expect("written");
    assert_eq!(text, "current: a\nprofiles:\n  a:\n    server: https://a:1\n    timeout: 90s\n");
    let text = format!("{text}  b:\n    server: https://b:1\n    token: t0ken\n");
    private(Path::new(file), &text);

    let (_, list, _) = profile(&["list"]);
    assert_eq!(
        list,
        "CURRENT   NAME   SERVER        TOKEN\n\
         *         a      https://a:1   -\n\
         \x20         b      https://b:1   (kept in the profile, not shown)\n"
    );
    assert!(profile(&["show", "b"]).1.contains("token     (kept in the profile, not shown)\n"));
    assert!(profile(&["show", "b", "-o", "json"]).1.contains("\"hasToken\": true"));
    assert!(profile(&["list", "-o", "yaml"]).1.contains("  hasToken: true\n"));

    assert_eq!(profile(&["use", "b"]).0, Some(0));
    assert!(profile(&["show"]).1.starts_with("name      b\ncurrent   yes\n"));
    let (code, _, said) = profile(&["use", "c"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("there is no profile `c`"), "{said}");

    // A token is not carried to a new server by a mere change of the address.
    let (code, _, said) = profile(&["set", "b", "--server", "https://c:1"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("the token of profile `b` is for https://b:1"), "{said}");
    assert_eq!(profile(&["set", "b", "--server", "https://c:1", "--unset", "token"]).0, Some(0));
    assert!(!fs::read_to_string(file).expect("written").contains("t0ken"));
    assert_eq!(profile(&["set", "b", "--server", "c:1"]).0, Some(2));

    assert!(profile(&["delete", "b"]).1.ends_with("no profile is the current one now\n"));
    assert_eq!(profile(&["show"]).0, Some(2));
    assert_eq!(fs::metadata(file).expect("the file").permissions().mode() & 0o777, 0o600);
}

#[test]
fn each_code_has_its_exit_code_and_says_what_to_do() {
    let server = format!("http://{}", control_plane(None));
    let edges = |token: Code| {
        let token = (token as i32).to_string();
        output(&mut pointsman(&["edges", "--server", &server, "--token", &token]))
    };
    for (code, exit, label, hint) in [
        (Code::InvalidArgument, 3, "INVALID_ARGUMENT", "mend what is named above"),
        (Code::NotFound, 1, "NOT_FOUND", "`pointsman get integrations/acme-erp/deployments` lists"),
        (Code::AlreadyExists, 3, "ALREADY_EXISTS", "pointsman apply"),
        (Code::FailedPrecondition, 3, "FAILED_PRECONDITION", "remove or change first what uses it"),
        (Code::Aborted, 3, "ABORTED", "read it again"),
        (Code::Unauthenticated, 6, "UNAUTHENTICATED", "--token-file FILE"),
        (Code::PermissionDenied, 6, "PERMISSION_DENIED", "with the role admin or editor"),
        (Code::Unavailable, 1, "UNAVAILABLE", "try again"),
        (Code::DeadlineExceeded, 1, "DEADLINE_EXCEEDED", "--timeout"),
        (Code::Unimplemented, 1, "UNIMPLEMENTED", "older than this command"),
    ] {
        let (status, stdout, said) = edges(code);
        assert_eq!((status, stdout.as_str()), (Some(exit), ""), "{label}: {said}");
        assert!(said.starts_with(&format!("error: it says no ({label}, A_REASON)\n")), "{said}");
        let hinted = said.lines().last().expect("a hint");
        assert!(hinted.starts_with("hint: ") && hinted.contains(hint), "{said}");
    }
    let (.., said) = edges(Code::InvalidArgument);
    assert!(said.contains("\n  filter: is none\n  page_size: is odd\n"), "{said}");
    let (.., said) = edges(Code::FailedPrecondition);
    assert!(said.contains("\n  customers/a: is deployed\n"), "{said}");
    let (status, _, said) = edges(Code::Internal);
    assert_eq!(
        (status, said.starts_with("error: it says no (INTERNAL, A_REASON)\n")),
        (Some(1), true),
        "{said}"
    );
}

#[test]
fn a_client_certificate_is_shown_to_who_asks_for_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
    let signed = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        (params.signed_by(&key, &ca).expect("a certificate").pem(), key.serialize_pem())
    };
    let (server_cert, server_key) = signed("localhost");
    let tls = ServerTlsConfig::new()
        .identity(Identity::from_pem(server_cert, server_key))
        .client_ca_root(Certificate::from_pem(ca.pem()));
    let server = format!("https://localhost:{}", control_plane(Some(tls)).port());

    let (cert, key) = signed("me");
    let ca = private(&folder.path().join("ca.pem"), &ca.pem());
    let cert = private(&folder.path().join("me.pem"), &cert);
    let key = private(&folder.path().join("me.key"), &key);
    let flags = ["edges", "-o", "json", "--server", &server, "--server-ca", &ca];
    let with = [&flags[..], &["--client-cert", &cert, "--client-key", &key, "--token", "t0ken"]].concat();
    assert_eq!(seen(&mut pointsman(&with)), "t0ken");

    let profile = format!(
        "{{server: '{server}', serverCa: ca.pem, clientCert: me.pem, clientKey: me.key, output: json}}"
    );
    let profiles = folder.path().join("profiles.yaml");
    let profiles = private(&profiles, &format!("current: a\nprofiles: {{a: {profile}}}\n"));
    assert_eq!(seen(&mut pointsman(&["edges", "--profiles-file", &profiles])), "nobody");

    let (code, _, said) = output(&mut pointsman(&flags));
    assert_eq!(code, Some(1));
    assert!(said.contains("hint: it asks for a client's certificate"), "{said}");
    let (code, _, said) =
        output(&mut pointsman(&[&flags[..], &["--client-cert", &cert, "--client-key", &cert]].concat()));
    assert_eq!(code, Some(1));
    assert!(said.contains("the client key's file holds no private key"), "{said}");
}
