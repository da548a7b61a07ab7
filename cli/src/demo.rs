//! The main job in one command: Acme ERP knows one webhook URL; each of its webhooks reaches the right customer's right
//! flow.
//!
//! Everything is real: a control plane on a temporary database, an edge, a Preprocess service and a receiver that plays
//! the flows, joined by sockets on free ports. [`acme`] configures it through the gRPC API, [`delivery`] posts a webhook
//! and checks what arrives, [`story`] tells it.

use std::{io, net::SocketAddr, time::Duration};

use pointsman_control_plane as control_plane;
use pointsman_edge as edge;
use pointsman_sdk::{Server, admin::AdminClient};
use tempfile::TempDir;
use tokio::{runtime::Handle, task::AbortHandle};

use self::{acme::Acme, delivery::DeliveryError, service::Acme as AcmeService, story::Story};
use crate::{
    addresses,
    commands::serve::{self, Edge, EdgeThreads, ServeError, Servers},
    output,
    preprocess::EdgePreprocess,
    receiver::Receiver,
    signals::Signals,
};

mod acme;
mod delivery;
mod payloads;
/// The example of a Preprocess service, as it is.
#[path = "../../examples/preprocess/rust/acme.rs"]
mod service;
mod story;

/// Any free port.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
/// The edge of the demo.
const EDGE_ID: &str = "demo";
/// How long the start may take, and how long a stop waits for requests under way.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const DRAIN: Duration = Duration::from_secs(5);

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    /// A server did not start, or failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The Preprocess service did not start.
    #[error("the Preprocess service cannot start: {0}")]
    Service(#[from] pointsman_sdk::ListenError),
    /// The admin API cannot be reached.
    #[error(transparent)]
    Connect(#[from] pointsman_sdk::admin::ConnectError),
    /// The admin API refused.
    #[error("Acme ERP cannot be configured: {0}")]
    Configure(#[from] pointsman_sdk::admin::AdminError),
    /// The edge does not serve what was configured.
    #[error("the edge does not serve the configuration: {0}")]
    NotServed(String),
    /// Nothing was heard for too long.
    #[error("starting took more than {} s", START_TIMEOUT.as_secs())]
    Slow,
    /// Webhooks did not arrive as they should.
    #[error("{} of {sent} webhooks went wrong:{}", .wrong.len(), list(.wrong))]
    Wrong {
        /// How many were sent.
        sent: usize,
        /// What is wrong.
        wrong: Vec<DeliveryError>,
    },
    /// A file, a socket or standard output.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn list(wrong: &[DeliveryError]) -> String {
    wrong.iter().map(|error| format!("\n  {error}")).collect()
}

/// Runs the demo: with `once` to the end of the story, else until a signal.
pub(crate) fn run(once: bool) -> Result<(), DemoError> {
    let edge_threads = EdgeThreads::start(2)?;
    let control_runtime = serve::runtime("control", serve::CONTROL_THREADS)?;
    let ran = control_runtime.block_on(async {
        let mut signals = Signals::take()?;
        let stage = tokio::select! {
            built = tokio::time::timeout(START_TIMEOUT, Stage::build(edge_threads.handle())) => {
                built.map_err(|_| DemoError::Slow)??
            }
            _ = signals.next() => return Ok(()),
        };
        stage.play(once, signals).await
    });
    edge_threads.stop();
    control_runtime.shutdown_background();
    ran
}

/// Everything that takes part.
struct Stage {
    servers: Servers,
    admin: AdminClient,
    flows: Receiver,
    acme: Acme,
    service: AbortHandle,
    story: Story,
    _data: TempDir,
}

impl Stage {
    async fn build(edge_runtime: &Handle) -> Result<Self, DemoError> {
        let data = TempDir::with_prefix("pointsman-demo-")?;
        let flows = Receiver::start(ANY).await?;
        let (service_url, service) = start_service().await?;
        let servers = start_servers(&data, edge_runtime).await?;
        let admin_url =
            servers.control_plane.as_ref().map(|running| addresses::url(running.admin_addr(), false));
        let admin_url = admin_url.unwrap_or_default();
        let edge = servers.edge.as_ref().ok_or_else(|| DemoError::NotServed("there is none".to_owned()))?;
        let bound = edge.bound().await?;
        if let Some(public_url) = &servers.public_url {
            public_url.set(edge.url(bound));
        }
        let admin = AdminClient::connect(&admin_url).await?;
        let acme =
            Acme::configure(&admin, EDGE_ID, &service_url, &addresses::url(flows.addr(), false)).await?;
        let story = Story::new(
            &data,
            story::Places {
                admin: admin_url,
                status: addresses::url(edge.status_addr(), false),
                flows: addresses::url(flows.addr(), false),
                service: service_url,
            },
        )?;
        Ok(Self { servers, admin, flows, acme, service, story, _data: data })
    }

    async fn play(mut self, once: bool, mut signals: Signals) -> Result<(), DemoError> {
        let played = tokio::select! {
            played = self.tell(once) => played,
            _ = signals.next() => Ok(()),
        };
        if !once {
            let _ = output::print(&self.story.stopping());
        }
        let Self { servers, service, .. } = self;
        signals.during_stop(servers.drain()).await;
        service.abort();
        played
    }

    async fn tell(&mut self, once: bool) -> Result<(), DemoError> {
        output::print(&self.story.begin())?;
        let (mut sent, mut wrong) = (0, Vec::new());
        for chapter in self.acme.chapters() {
            output::print(&self.story.chapter(chapter))?;
            for payload in payloads::ALL {
                sent += 1;
                let delivered = delivery::deliver(&self.admin, &mut self.flows, chapter, payload).await;
                output::print(&self.story.delivery(payload, &delivered))?;
                wrong.extend(delivered.err());
            }
        }
        sent += 1;
        let refused = delivery::refused(self.acme.last(), payloads::UNKNOWN_CUSTOMER).await;
        output::print(&self.story.refusal(&refused))?;
        wrong.extend(refused.err());
        if !wrong.is_empty() {
            return Err(DemoError::Wrong { sent, wrong });
        }
        if once {
            output::print(&self.story.end(sent))?;
            return Ok(());
        }
        output::print(&self.story.try_it(&self.acme))?;
        let Some(edge) = &self.servers.edge else { return Ok(()) };
        loop {
            tokio::select! {
                arrived = self.flows.next() => output::print(&self.story.arrival(&arrived))?,
                error = edge.failed() => return Err(error.into()),
            }
        }
    }
}

async fn start_servers(data: &TempDir, edge_runtime: &Handle) -> Result<Servers, DemoError> {
    let preprocess = EdgePreprocess::new(&edge::Config::new(EDGE_ID, "")).map_err(ServeError::Tls)?;
    let mut config = control_plane::Config::new(data.path(), std::sync::Arc::new(preprocess));
    config.admin_listen = ANY;
    let public_url = Some(config.public_url.clone());
    let app = control_plane::App::build(config).await.map_err(ServeError::ControlPlane)?;
    let admin = app.admin_addr();
    let token = serve::own_edge_token(&app, EDGE_ID)?;
    let mut servers = Servers { control_plane: Some(app.spawn()), edge: None, public_url };

    let mut config = edge::Config::new(EDGE_ID, addresses::url(admin, false));
    config.edge_listen = ANY;
    config.status_listen = ANY;
    config.token = Some(token);
    config.own_listeners.push(admin);
    config.limits.drain = DRAIN;
    servers.edge = Some(Edge::start(config, edge_runtime.clone()).await?);
    Ok(servers)
}

/// Starts the Preprocess service, and tells its address.
async fn start_service() -> Result<(String, AbortHandle), DemoError> {
    let server = Server::new(AcmeService::default()).bind(&pointsman_sdk::Listen::Tcp(ANY)).await?;
    let url = server.address().url();
    let serving = tokio::spawn(async move {
        if let Err(error) = server.serve_until(std::future::pending()).await {
            tracing::error!(%error, "the Preprocess service failed");
        }
    });
    Ok((url, serving.abort_handle()))
}
