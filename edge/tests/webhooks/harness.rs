//! An edge, a sender and a flow endpoint for tests. Everything ends with its test, and nothing waits without bound.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use pointsman_edge::{
    Config,
    egress::Egress,
    ingress::Ingress,
    listener::{Listener, Listening},
    preprocess::PreprocessClient,
    serving::{Served, Serving},
    telemetry::Metrics,
};
use pointsman_routing::{
    deployment::{Customer, Deployment, DeploymentSpec, FlowEndpointSpec},
    integration::{EndpointType, FlowSpec, Integration, IntegrationSpec},
    name::{CustomerId, IntegrationId},
    source::ValueSourceSpec,
    table::{EndpointToken, Entry, Table},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// The body limit of all endpoints here.
pub(crate) const LIMIT: usize = 256 * 1024;
/// The token of an endpoint that never looks at bodies: the customer stands in `x-customer`.
pub(crate) const STREAMED: &str = "streamed-token";
/// The token of an endpoint that looks into bodies: the customer stands in `customer`.
pub(crate) const BUFFERED: &str = "buffered-token";
/// The token of an instance-specific endpoint.
pub(crate) const INSTANCE: &str = "instance-token";
/// The token of a flow-specific endpoint.
pub(crate) const FLOW: &str = "flow-token";
/// A body that leads to the flow.
pub(crate) const ORDER: &str = r#"{"customer":"C-1"}"#;

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}

/// A running edge.
pub(crate) struct Edge {
    pub(crate) addr: SocketAddr,
    pub(crate) metrics: Metrics,
    pub(crate) egress: Egress,
    serving: Serving,
    listening: Listening,
}

impl Edge {
    /// One whose only customer's only flow runs at `upstream`.
    pub(crate) async fn to(upstream: &Upstream) -> Self {
        Self::start(upstream, |_| {}, |_| {}).await
    }

    /// As [`Edge::to`], with other settings.
    pub(crate) async fn with(upstream: &Upstream, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::start(upstream, adjust, |_| {}).await
    }

    /// As [`Edge::to`], with other settings and another flow endpoint.
    pub(crate) async fn start(
        upstream: &Upstream,
        adjust: impl FnOnce(&mut Config),
        flow: impl FnOnce(&mut FlowEndpointSpec),
    ) -> Self {
        let mut config = Config::new("edge-1", "http://127.0.0.1:9");
        config.edge_listen = SocketAddr::from(([127, 0, 0, 1], 0));
        adjust(&mut config);
        let mut endpoint = FlowEndpointSpec { url: upstream.url("/in"), ..FlowEndpointSpec::default() };
        flow(&mut endpoint);

        let (metrics, egress, serving) = (Metrics::new(), Egress::new(config.egress), Serving::default());
        serve(&serving, endpoint);
        let preprocess = PreprocessClient::new(&config).expect("a client");
        let ingress = Ingress::new(&config, serving.clone(), egress.clone(), preprocess, metrics.clone());
        let listener = Listener::bind(&config).expect("a free port");
        let addr = listener.local_addr();
        let listening = listener.serve(Arc::new(ingress.expect("an ingress")));
        Self { addr, metrics, egress, serving, listening }
    }

    /// From now on the flow runs somewhere else.
    pub(crate) fn redirect(&self, url: &str) {
        serve(&self.serving, FlowEndpointSpec { url: url.to_owned(), ..FlowEndpointSpec::default() });
    }

    /// From now on the vendor calls the customer this.
    pub(crate) fn rename_customer(&self, external_id: &str) {
        let mut served = Served::clone(&self.serving.load());
        served.table.upsert(customer(external_id));
        self.serving.store(Arc::new(served));
    }

    /// A connection of a sender.
    pub(crate) async fn connect(&self) -> Peer {
        Peer::new(TcpStream::connect(self.addr).await.expect("a connection to the edge"))
    }

    /// Writes `bytes` on a connection of their own and reads everything up to its end.
    pub(crate) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let mut sender = self.connect().await;
        // The edge may refuse and close before it has read everything.
        let _ = sender.stream.write_all(bytes.as_ref()).await;
        sender.rest().await
    }

    /// Waits until so many webhooks have ended so.
    pub(crate) async fn has_ended(&self, outcome: &str, count: usize) {
        let line = |text: &str| {
            let labels = format!("pointsman_edge_requests_total{{outcome=\"{outcome}\",");
            let counts = text.lines().filter(|line| line.starts_with(&labels));
            counts.filter_map(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).sum::<usize>()
        };
        self.until(&format!("{count} × {outcome}"), |text| line(text) == count).await;
    }

    /// Waits until the metrics say so.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        soon(what, async {
            while !holds(&self.metrics.encode()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
    }

    /// The edge still serves, and keeps nothing of what was.
    pub(crate) async fn serves(&self, upstream: &mut Upstream) {
        let mut sender = self.connect().await;
        sender.write(get(STREAMED, "connection: close\r\n")).await;
        let mut flow = upstream.accept().await;
        flow.head().await;
        flow.write("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
        assert_eq!(sender.answer().await.status, 204);
        drop((sender, flow));
        self.until("nothing is in flight", |text| {
            ["requests_in_flight 0", "body_memory_bytes 0", "connections 0"]
                .iter()
                .all(|line| text.contains(&format!("pointsman_edge_{line}\n")))
        })
        .await;
    }

    /// Stops it.
    pub(crate) async fn drain(self) {
        soon("the edge drains", self.listening.drain()).await;
    }
}

fn serve(serving: &Serving, endpoint: FlowEndpointSpec) {
    let mut table = Table::new();
    for (id, kind, reference, token) in [
        ("streamed", EndpointType::Shared, Some("results.headers.x-customer"), Some(STREAMED)),
        ("buffered", EndpointType::Shared, Some("results.body.data.customer"), Some(BUFFERED)),
        ("instance", EndpointType::InstanceSpecific, None, None),
        ("flow", EndpointType::FlowSpecific, None, None),
    ] {
        let reference = reference.map(|reference| ValueSourceSpec {
            reference: Some(reference.to_owned()),
            ..ValueSourceSpec::default()
        });
        let spec = IntegrationSpec {
            flows: vec![FlowSpec { key: "order".to_owned(), name: "Order".to_owned() }],
            endpoint_type: Some(kind),
            max_body_bytes: i32::try_from(LIMIT).expect("a small number"),
            external_customer_id: reference,
            ..IntegrationSpec::default()
        };
        let integration = Integration::parse(IntegrationId::parse(id).expect("an id"), spec);
        let tokens = token.into_iter().map(token_of).collect();
        table.upsert(Entry::Integration(Arc::new(integration.expect("an integration")), tokens));

        let spec = DeploymentSpec {
            customer: "customers/first".to_owned(),
            paused: false,
            flow_endpoints: BTreeMap::from([("order".to_owned(), endpoint.clone())]),
        };
        let name = format!("integrations/{id}/deployments/first-{id}").parse().expect("a name");
        let deployment = Arc::new(Deployment::parse(name, spec).expect("a deployment"));
        let own = if id == "instance" { vec![token_of(INSTANCE)] } else { Vec::new() };
        let key = deployment.flow_endpoints.keys().next().expect("a flow").clone();
        let of_flows = if id == "flow" { vec![(key, vec![token_of(FLOW)])] } else { Vec::new() };
        table.upsert(Entry::Deployment(deployment, own, of_flows.into_iter().collect()));
    }
    table.upsert(customer("C-1"));
    serving.store(Arc::new(Served { table, revision: 7, epoch: "epoch".to_owned() }));
}

fn customer(external_id: &str) -> Entry {
    let id = CustomerId::parse("first").expect("an id");
    Entry::Customer(Customer::parse(id, external_id).expect("a customer"))
}

fn token_of(token: &str) -> EndpointToken {
    EndpointToken::parse(token).expect("a token")
}

/// The head of a GET request to the endpoint, with further fields, each with its line end.
pub(crate) fn get(token: &str, fields: &str) -> String {
    format!("GET /hooks/{token} HTTP/1.1\r\nhost: hooks.example\r\nx-customer: C-1\r\n{fields}\r\n")
}

/// A whole POST request to the endpoint, with further fields, each with its line end.
pub(crate) fn post(token: &str, fields: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!(
        "POST /hooks/{token} HTTP/1.1\r\nhost: hooks.example\r\nx-customer: C-1\r\n{fields}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// `bytes` in chunks, the last one included.
pub(crate) fn chunked(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut framed = Vec::new();
    for chunk in bytes.chunks(size) {
        framed.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    framed
}

/// Bytes that do not repeat early.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n % 251) as u8).collect()
}

/// A flow endpoint whose every connection a test holds in its hands.
pub(crate) struct Upstream {
    listener: TcpListener,
    pub(crate) addr: SocketAddr,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        Self { listener, addr }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The next connection of the edge.
    pub(crate) async fn accept(&mut self) -> Peer {
        let (stream, _) =
            soon("a connection of the edge", self.listener.accept()).await.expect("a connection");
        Peer::new(stream)
    }

    /// The next connection of the edge, whenever it comes.
    pub(crate) async fn accept_whenever(&mut self) -> Peer {
        Peer::new(self.listener.accept().await.expect("a connection").0)
    }

    /// Whether a connection waits that nobody has taken.
    pub(crate) async fn is_called(&mut self) -> bool {
        tokio::time::timeout(Duration::from_millis(50), self.listener.accept()).await.is_ok()
    }
}

/// One side of a connection: what was read and not yet taken, and the rest of it.
pub(crate) struct Peer<S = TcpStream> {
    pub(crate) stream: S,
    read: Vec<u8>,
}

/// A head: its first line, and its fields in order, names in lower case.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) line: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// The values of all fields of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of the only field of this name; empty where there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        match self.all(name)[..] {
            [] => "",
            [value] => value,
            _ => panic!("more than one {name}: {self:?}"),
        }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The code of a problem, after looking at all that every problem has.
    pub(crate) fn code(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem");
        assert_eq!(self.head.get("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status);
        assert_eq!(problem["executionId"], self.head.get("pointsman-execution-id"));
        let version = self.head.get("pointsman-execution-id").parse::<uuid::Uuid>().expect("a UUID");
        assert_eq!(version.get_version_num(), 7);
        for member in ["type", "title", "detail"] {
            assert!(problem[member].is_string(), "{member} of {problem}");
        }
        problem["code"].as_str().expect("a code").to_owned()
    }

    /// Checks that this is such a problem.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.code().as_str()), (status, code), "{:?}", self.head);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        soon("the other side takes bytes", self.stream.write_all(bytes.as_ref()))
            .await
            .expect("written bytes");
    }

    /// Reads a head.
    pub(crate) async fn head(&mut self) -> Head {
        let end = loop {
            if let Some(end) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            assert!(self.more().await, "the connection ended inside a head: {:?}", text(&self.read));
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let head = String::from_utf8(head).expect("a head of text");
        let mut lines = head.trim_end().split("\r\n").map(str::to_owned);
        let line = lines.next().expect("a first line");
        let field = |line: String| {
            let (name, value) = line.split_once(':').expect("a field");
            (name.to_lowercase(), value.trim().to_owned())
        };
        Head { line, fields: lines.map(field).collect() }
    }

    /// Reads so many bytes.
    pub(crate) async fn bytes(&mut self, length: usize) -> Vec<u8> {
        while self.read.len() < length {
            assert!(self.more().await, "the connection ended inside a body of {length}: {}", self.read.len());
        }
        self.read.drain(..length).collect()
    }

    /// Reads chunks up to the last one.
    pub(crate) async fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await;
            let length = usize::from_str_radix(&line, 16).expect("the length of a chunk");
            body.extend(self.bytes(length).await);
            assert_eq!(self.line().await, "");
            if length == 0 {
                return body;
            }
        }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.windows(2).position(|window| window == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).collect();
                return text(&line).trim_end().to_owned();
            }
            assert!(self.more().await, "the connection ended inside a line: {:?}", text(&self.read));
        }
    }

    /// Reads a request with its body.
    pub(crate) async fn request(&mut self) -> (Head, Vec<u8>) {
        let head = self.head().await;
        let body = self.body(&head).await;
        (head, body)
    }

    /// Reads a request with its body, unless the connection ends before or inside it.
    pub(crate) async fn next_request(&mut self) -> Option<(Head, Vec<u8>)> {
        while !self.read.windows(4).any(|window| window == b"\r\n\r\n") {
            if !matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {
                return None;
            }
        }
        let head = self.head().await;
        let length = head.get("content-length").parse().unwrap_or(0);
        while self.read.len() < length {
            if !matches!(self.stream.read_buf(&mut self.read).await, Ok(1..)) {
                return None;
            }
        }
        let body = self.read.drain(..length).collect();
        Some((head, body))
    }

    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        soon("the other side takes bytes", self.stream.write_all(bytes.as_ref())).await
    }

    async fn body(&mut self, head: &Head) -> Vec<u8> {
        match (head.get("content-length"), head.get("transfer-encoding")) {
            ("", "") => Vec::new(),
            (length, "") => self.bytes(length.parse().expect("a length")).await,
            ("", "chunked") => self.chunks().await,
            framing => panic!("ambiguous framing: {framing:?}"),
        }
    }

    /// Reads an answer to anything but HEAD.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.head().await;
        let status = head.line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = if matches!(status, 100..=199 | 204 | 304) { Vec::new() } else { self.body(&head).await };
        Answer { status, head, body }
    }

    /// Reads everything up to the end of the connection, a reset included.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    async fn more(&mut self) -> bool {
        matches!(soon("bytes of the other side", self.stream.read_buf(&mut self.read)).await, Ok(1..))
    }
}

/// The first answer in raw bytes, which has a length.
pub(crate) fn first_answer(raw: &[u8]) -> Answer {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", text(raw)));
    let mut lines = text(&raw[..end]).split("\r\n").map(str::to_owned).collect::<Vec<_>>().into_iter();
    let line = lines.next().expect("a status line");
    let field = |line: String| {
        let (name, value) = line.split_once(':').expect("a field");
        (name.to_lowercase(), value.trim().to_owned())
    };
    let head = Head { fields: lines.map(field).collect(), line };
    let status = head.line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let length: usize = head.get("content-length").parse().unwrap_or(0);
    Answer { status, body: raw[end + 4..][..length].to_vec(), head }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
