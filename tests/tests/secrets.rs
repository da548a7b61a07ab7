//! What no log line, metric or problem may hold: tokens, credentials of flows and services, what senders and endpoints
//! say to each other.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use http::Request;
use http_body_util::Full;
use pointsman_tests::{
    acme,
    receiver::Receiver,
    sandbox::{Sandbox, hook_path},
    scripted::{Script, Scripted},
    sender::{self, Version, exchange, first_answer, post_json},
    stand::{self, Stand, post},
    wire::Stage,
};
use serde_json::json;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

/// Everything that this process logs.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Starts to log as the binary does with `--log-level debug`, and everything of our own.
    fn start() -> Self {
        let log = Self::default();
        let ours = ["edge", "control_plane", "routing", "sdk", "proto"]
            .map(|part| format!("pointsman_{part}=trace"));
        let filter = format!("debug,pointsman=trace,{}", ours.join(","));
        let filter = EnvFilter::try_new(filter).expect("a filter");
        let subscriber =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(log.clone()).with_ansi(false);
        subscriber.try_init().expect("the only subscriber of this process");
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// The access lines of requests to endpoints of this kind.
    fn access_lines(&self) -> Vec<String> {
        self.text().lines().filter(|line| line.contains("pointsman::access")).map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const FLOW_SECRET: &str = "flow-credential-4711";
const URL_SECRET: &str = "url-credential-4712";
const SERVICE_SECRET: &str = "service-credential-4713";
const SENDER_SECRET: &str = "sender-credential-4714";
const QUERY_SECRET: &str = "query-credential-4715";
const BODY_SECRET: &str = "body-secret-4716";
const COOKIE_SECRET: &str = "cookie-secret-4717";

// One test: there is one log in a process.
#[tokio::test]
async fn no_secret_is_logged_counted_or_answered_and_each_webhook_has_one_line() {
    let log = Log::start();
    let mut flows = Receiver::start().await;
    let refuses = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        format!("http://{}", listener.local_addr().expect("a bound port"))
    };
    let stand = Stand::start(&flows.url("")).await;
    let endpoint = |base: &str| json!({ "url": format!("{base}/in?key={URL_SECRET}"), "headers": { "authorization": format!("Bearer {FLOW_SECRET}") } });
    let manifest = |base: &str| {
        let mut manifest = stand::manifest(&flows.url(""));
        manifest["deployments"][2]["flowEndpoints"]["in"] = endpoint(base);
        manifest
    };
    let mut answers = Vec::new();
    let mut sent = 0;
    let (token, shared) =
        (stand.direct["/hooks/".len()..].to_owned(), stand.shared["/hooks/".len()..].to_owned());

    let bases = [
        flows.url(""),
        refuses.clone(),
        Scripted::start(Script::CloseAtOnce).await.url(""),
        "http://169.254.169.254".to_owned(),
        "http://no-such-name.invalid".to_owned(),
    ];
    let nonsense = format!("HTTP/1.1 200 OK\r\nset-cookie: {COOKIE_SECRET}\r\nno colon\r\n\r\n{BODY_SECRET}");
    let nonsense = Scripted::start(Script::WriteAndClose(nonsense.into_bytes())).await;
    let cut =
        format!("HTTP/1.1 200 OK\r\nset-cookie: {COOKIE_SECRET}\r\ncontent-length: 999\r\n\r\n{BODY_SECRET}");
    let cut = Scripted::start(Script::WriteAndClose(cut.into_bytes())).await;
    for base in bases.into_iter().chain([nonsense.url(""), cut.url("")]) {
        stand.sandbox.apply(&manifest(&base)).await;
        for version in [Version::Http1, Version::Http2] {
            for method in ["POST", "BREW"] {
                let request = Request::builder()
                    .method(method)
                    .uri(format!("{}/fragment?token={QUERY_SECRET}", stand.direct))
                    .header("authorization", SENDER_SECRET)
                    .header("cookie", SENDER_SECRET)
                    .body(Full::from(BODY_SECRET))
                    .expect("a request");
                answers.push(format!("{:?}", sender::try_send(stand.edge, version, request).await));
                sent += 1;
            }
        }
    }
    let raw = [
        format!("POST {}#x HTTP/1.1\r\nhost: edge\r\nauthorization: {SENDER_SECRET}\r\n\r\n", stand.direct),
        format!(
            "POST {} HTTP/1.1\r\nhost: edge\r\nauthorization: {SENDER_SECRET}\r\nx: \x01\r\n\r\n",
            stand.direct
        ),
        format!("POST {}?q=^`{{}}|\\ HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n", stand.direct),
        format!("POST {}/%zz HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n", stand.direct),
        format!("POST http://edge:99999{} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n", stand.direct),
        format!(
            "POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n{BODY_SECRET}\r\n",
            stand.direct
        ),
        format!(
            "POST {} HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: chunked\r\n\r\n1;{SENDER_SECRET}\n",
            stand.shared
        ),
        format!(
            "POST {} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\ncontent-length: 18\r\n\r\n{{\"{BODY_SECRET}\"",
            stand.shared
        ),
        format!(
            "POST {}/../x HTTP/1.1\r\nhost: edge\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
            stand.shared
        ),
        format!("POST /hooks/{token}x/{QUERY_SECRET} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n"),
        format!(
            "POST {}?token={QUERY_SECRET}&customer=a HTTP/1.1\r\nhost: edge\r\nvia: 1.1 sandbox\r\nconnection: close\r\n\r\n",
            stand.direct
        ),
    ];
    for raw in raw {
        let answer = exchange(stand.edge, raw.as_bytes()).await;
        let (status, _) = first_answer(&answer);
        assert_ne!(status, 0, "an answer to {raw:?}");
        answers.push(String::from_utf8_lossy(&answer).into_owned());
        sent += 1;
    }
    // Half a request, and nobody waits for the answer.
    let stage = Stage::open().await;
    stand.sandbox.apply(&manifest(&stage.url())).await;
    let mut sender = stand.connect().await;
    sender.write(post(&stand.direct, BODY_SECRET)).await;
    let mut flow = stage.enter().await;
    flow.head().await.expect("a request");
    drop(sender);
    flow.rest().await;
    sent += 1;
    stand.until_idle().await;
    let page = Request::get("/metrics").body(Full::default()).expect("a request");
    let page = sender::send(stand.sandbox.status_addr(), Version::Http1, page).await;
    answers.push(String::from_utf8_lossy(&page.body).into_owned());
    let lines = log.access_lines();
    assert_eq!(lines.len(), sent, "one line each: {}", lines.join("\n"));
    flows.next().await;
    drop(stand);

    // Preprocess services that fail in their ways.
    let mut tokens = vec![token, shared];
    for address in [refuses, flows.url(""), Scripted::start(Script::CloseAtOnce).await.url("")] {
        let mut manifest = acme::manifest_with_preprocess(&flows.url(""), &address);
        manifest["integrations"][0]["endpoint"]["preprocess"]["metadata"] =
            json!({ "x-key": SERVICE_SECRET });
        let sandbox = Sandbox::with_manifest(&manifest).await;
        let hook = sandbox.hook("integrations/acme-erp").await;
        tokens.push(hook_path(&hook)["/hooks/".len()..].to_owned());
        let answer = post_json(sandbox.edge_addr().await, &hook, BODY_SECRET).await;
        assert_eq!(answer.code(), "preprocess_failed");
        answers.push(format!("{answer:?}"));
        sandbox.stop().await;
    }

    let log = log.text();
    let secrets =
        [FLOW_SECRET, URL_SECRET, SERVICE_SECRET, SENDER_SECRET, QUERY_SECRET, BODY_SECRET, COOKIE_SECRET];
    for secret in tokens.iter().map(String::as_str).chain(secrets) {
        let logged: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(
            logged.is_empty(),
            "{} lines with {secret}: {}",
            logged.len(),
            logged[..logged.len().min(5)].join("\n")
        );
    }
    for answer in answers {
        let ours = [FLOW_SECRET, URL_SECRET, SERVICE_SECRET, "169.254.", "127.0.0.1:"];
        for secret in tokens.iter().map(String::as_str).chain(ours) {
            assert!(!answer.contains(secret), "{secret} in {answer}");
        }
    }
}
