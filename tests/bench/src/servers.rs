//! The processes that take part: started from their folders under `contestants/`, once for a run.

mod files;
mod pointsman;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pointsman_bench::customers;

use self::{
    files::Files,
    pointsman::{ControlPlane, Edge},
};
use crate::{
    args::Args,
    cases::Case,
    contestants::{self, Contestant, Server},
    load::Target,
    process::{Cores, Family, NotReady, Process},
    webhooks::Webhook,
};

/// How long a process may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// Everything that runs.
#[derive(Debug)]
pub(crate) struct Servers {
    running: BTreeMap<Server, Running>,
    client_tls: Arc<rustls::ClientConfig>,
    deployments: u32,
    // What stands behind the contestants, and where they run: ended and removed after them.
    _upstream: Process,
    _pointsman: Option<Pointsman>,
    files: Files,
}

/// A process that takes webhooks.
#[derive(Debug)]
struct Running {
    process: Process,
    addr: SocketAddr,
    tls_addr: Option<SocketAddr>,
}

/// What stands behind edges.
#[derive(Debug)]
struct Pointsman {
    _control_plane: ControlPlane,
    _preprocess: [Process; 2],
}

/// Something could not be started or set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    #[error("{0}")]
    NotReady(#[from] NotReady),
    #[error("`pointsman {0}` failed:\n{1}")]
    Command(String, String),
    #[error("no certificate could be made: {0}")]
    Certificate(String),
}

impl Servers {
    /// Starts what the cases and contestants of a run need.
    pub(crate) fn start(args: &Args, cores: Cores, needed: &[Server]) -> Result<Self, StartError> {
        let files = Files::new()?;
        let tables = files.folder("tables")?;
        customers::write_tables(&tables, args.deployments).map_err(at(&tables))?;
        let client_tls = files.certificate()?;

        let (upstream, upstream_addr) = upstream(args, cores, &files)?;
        let mut this = Self {
            running: BTreeMap::new(),
            client_tls,
            deployments: args.deployments,
            _upstream: upstream,
            _pointsman: None,
            files,
        };
        let edges: Vec<_> = needed.iter().filter(|server| server.is_edge()).copied().collect();
        if !edges.is_empty() {
            this.start_pointsman(args, cores, upstream_addr, &edges)?;
        }
        for server in needed.iter().filter(|server| !server.is_edge()) {
            let running = this.start_other(*server, args, cores, upstream_addr)?;
            this.running.insert(*server, running);
        }
        Ok(this)
    }

    /// Where a contestant's webhooks go in a case.
    pub(crate) fn target(&self, contestant: Contestant, case: &Case, digest: bool) -> Target {
        let running = &self.running[&contestant.server(case)];
        let path = contestants::hook(contestant.integration(case));
        let addr = if case.tls { running.tls_addr.unwrap_or(running.addr) } else { running.addr };
        let all = contestant.integration(case) == "references";
        Target {
            addr,
            tls: case.tls.then(|| self.client_tls.clone()),
            webhook: Webhook::new(&path, case.format, case.placement, case.bytes, digest),
            route: contestant.route(),
            customers: if all { self.deployments } else { self.deployments.min(pointsman::FEW) },
        }
    }

    /// The processes of a contestant in a case.
    pub(crate) fn family(&self, contestant: Contestant, case: &Case) -> Family {
        self.running[&contestant.server(case)].process.family()
    }

    /// Access lines are written and not kept.
    pub(crate) fn forget_logs(&self) {
        self.files.forget_logs();
    }

    /// What runs and where it listens, for people.
    pub(crate) fn describe(&self) -> String {
        let lines = self.running.iter().map(|(server, running)| {
            format!("{server:?}: http://{} (pid {})\n", running.addr, running.process.id())
        });
        lines.collect()
    }

    fn start_pointsman(
        &mut self,
        args: &Args,
        cores: Cores,
        upstream: SocketAddr,
        edges: &[Server],
    ) -> Result<(), StartError> {
        let tables = self.files.folder("tables")?;
        let sockets = self.files.folder("sockets")?;
        let external_ids = tables.join("external-ids.json");
        pointsman::write_external_ids(&external_ids, args.deployments.min(pointsman::FEW))?;
        let tcp = free_addr()?;
        let socket = sockets.join("preprocess");
        let unix = format!("unix:{}", socket.display());
        let service = |listen: &str, ready: &dyn Fn() -> bool| -> Result<Process, StartError> {
            let program = args.programs.join("bench-preprocess");
            let log = self.files.log("preprocess");
            let flags =
                ["--listen", listen, "--customers", &external_ids.to_string_lossy()].map(str::to_owned);
            let started = Process::start("the Preprocess service", cores.rest, &log, &program, flags);
            let mut process = started.map_err(at(&program))?;
            process.wait_until(PATIENCE, ready)?;
            Ok(process)
        };
        let preprocess = [
            service(&tcp.to_string(), &|| TcpStream::connect(tcp).is_ok())?,
            service(&unix, &|| UnixStream::connect(&socket).is_ok())?,
        ];
        let control_plane = ControlPlane::start(args, cores, &self.files)?;
        control_plane.configure(&self.files, args.deployments, upstream, tcp, &unix)?;
        for server in edges {
            let edge = Edge { tls: *server == Server::EdgeTls, sockets: &sockets };
            let (process, addr) = edge.start(&control_plane, args, cores, &self.files)?;
            self.running.insert(*server, Running { process, addr, tls_addr: Some(addr) });
        }
        self._pointsman = Some(Pointsman { _control_plane: control_plane, _preprocess: preprocess });
        Ok(())
    }

    fn start_other(
        &self,
        server: Server,
        args: &Args,
        cores: Cores,
        upstream: SocketAddr,
    ) -> Result<Running, StartError> {
        let (name, folder) = server.place();
        let contestant = Path::new(env!("CARGO_MANIFEST_DIR")).join("contestants").join(folder);
        let (dir, tables) = (self.files.folder(name)?, self.files.folder("tables")?);
        let (addr, tls_addr) = (free_addr()?, free_addr()?);
        let log = self.files.log(name);
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let configured = |file: &str| -> Result<String, StartError> {
            let values = [
                ("@DIR@", text(&dir)),
                ("@CONTESTANT@", text(&contestant)),
                ("@TABLES@", text(&tables)),
                ("@ADDR@", addr.to_string()),
                ("@TLS_ADDR@", tls_addr.to_string()),
                ("@UPSTREAM@", upstream.to_string()),
                ("@HOOK@", contestants::hook("pass-through")),
                ("@PASS_TO@", contestants::pass_to()),
                ("@BUFSIZE@", server.buffer().to_string()),
            ];
            let template = contestant.join(file);
            let template = fs::read_to_string(&template).map_err(at(&template))?;
            let config = values.iter().fold(template, |text, (name, value)| text.replace(name, value));
            let written = dir.join(file);
            fs::write(&written, config).map_err(at(&written))?;
            Ok(text(&written))
        };
        let (program, flags) = match server {
            Server::Nginx | Server::NginxLua | Server::NginxNjs => {
                let config = configured("nginx.conf")?;
                (PathBuf::from("nginx"), vec!["-p".to_owned(), text(&dir), "-c".to_owned(), config])
            }
            Server::Haproxy | Server::HaproxyLarge => {
                let config = configured("haproxy.cfg")?;
                (PathBuf::from("haproxy"), vec!["-db".to_owned(), "-f".to_owned(), config])
            }
            Server::Fastify => {
                let script = text(&args.fastify.join("server.mjs"));
                let (host, port) = (addr.ip().to_string(), addr.port().to_string());
                let access = text(&self.files.log("fastify-access"));
                (PathBuf::from("node"), vec![script, host, port, upstream.to_string(), text(&tables), access])
            }
            Server::Axum | Server::Edge | Server::EdgeTls => {
                let flags = [
                    "--listen".to_owned(),
                    addr.to_string(),
                    "--upstream".to_owned(),
                    upstream.to_string(),
                    "--routes".to_owned(),
                    text(&tables.join("routes.json")),
                ];
                (args.programs.join("bench-axum"), flags.to_vec())
            }
        };
        let mut process = Process::start(name, cores.proxy, &log, &program, flags).map_err(at(&program))?;
        process.wait_until(PATIENCE, || TcpStream::connect(addr).is_ok())?;
        Ok(Running { process, addr, tls_addr: Some(tls_addr) })
    }
}

impl Server {
    fn is_edge(self) -> bool {
        matches!(self, Self::Edge | Self::EdgeTls)
    }

    /// Its name in files, and its folder under `contestants/`.
    fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Nginx => ("nginx", "nginx"),
            Self::NginxLua => ("nginx-lua", "nginx-lua"),
            Self::NginxNjs => ("nginx-njs", "nginx-njs"),
            Self::Haproxy => ("haproxy", "haproxy"),
            Self::HaproxyLarge => ("haproxy-large", "haproxy"),
            Self::Fastify => ("fastify", "fastify"),
            Self::Axum => ("axum", "axum"),
            Self::Edge => ("edge", "pointsman"),
            Self::EdgeTls => ("edge-tls", "pointsman"),
        }
    }

    /// HAProxy's buffer: a body, its head, and what is kept free for rewriting.
    fn buffer(self) -> usize {
        let body = if self == Self::HaproxyLarge { 1024 * 1024 } else { 64 * 1024 };
        body + 16 * 1024
    }
}

fn upstream(args: &Args, cores: Cores, files: &Files) -> Result<(Process, SocketAddr), StartError> {
    let port_file = files.path("upstream.port");
    let program = args.programs.join("bench-upstream");
    let flags = ["--port-file".to_owned(), port_file.to_string_lossy().into_owned()];
    let mut process = Process::start("the upstream", cores.rest, &files.log("upstream"), &program, flags)
        .map_err(at(&program))?;
    let port = || fs::read_to_string(&port_file).ok()?.trim().parse::<u16>().ok();
    process.wait_until(PATIENCE, || port().is_some())?;
    let port = port().unwrap_or_default();
    Ok((process, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
}

/// An address that was free a moment ago, for programs that cannot say which one they took.
fn free_addr() -> Result<SocketAddr, StartError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(|error| StartError::Io("127.0.0.1:0".into(), error))
}

/// Says where an error happened.
fn at(path: &Path) -> impl FnOnce(io::Error) -> StartError + use<> {
    let path = path.to_owned();
    |error| StartError::Io(path, error)
}
