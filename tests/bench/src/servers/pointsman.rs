//! Pointsman: a control plane that is set up as an admin would, with `apply` and `import-mappings`, and edges that get their
//! table from it.

use std::{fmt::Write as _, fs, io, net::SocketAddr, path::Path, process::Command, time::Duration};

use pointsman_bench::customers::{Customer, Flow};
use serde_json::{Map, Value, json};

use super::{Files, StartError, at, free_addr};
use crate::{
    args::Args,
    contestants,
    process::{Cores, Process},
};

/// Deployments of the integrations that are not `references`.
pub(super) const FEW: u32 = 1_000;
/// Deployments in one manifest.
const CHUNK: u32 = 20_000;
/// How long an edge may take to have its table.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug)]
pub(super) struct ControlPlane {
    _process: Process,
    url: String,
    program: std::path::PathBuf,
}

impl ControlPlane {
    pub(super) fn start(args: &Args, cores: Cores, files: &Files) -> Result<Self, StartError> {
        let program = args.programs.join("pointsman");
        let addresses = files.path("control-plane.json");
        let data = files.folder("data")?;
        let flags = [
            "control-plane".to_owned(),
            "--data".to_owned(),
            data.to_string_lossy().into_owned(),
            "--admin-listen".to_owned(),
            "127.0.0.1:0".to_owned(),
            "--public-url".to_owned(),
            "http://hooks.example.com".to_owned(),
            "--addresses-file".to_owned(),
            addresses.to_string_lossy().into_owned(),
        ];
        let log = files.log("control-plane");
        let mut process =
            Process::start("the control plane", cores.rest, &log, &program, flags).map_err(at(&program))?;
        process.wait_until(PATIENCE, || address(&addresses, "admin").is_some())?;
        let url = format!("http://{}", address(&addresses, "admin").unwrap_or_default());
        Ok(Self { _process: process, url, program })
    }

    /// All integrations, `deployments` customers with a mapping and a deployment each, and some deployments of the others.
    pub(super) fn configure(
        &self,
        files: &Files,
        deployments: u32,
        upstream: SocketAddr,
        tcp: SocketAddr,
        unix: &str,
    ) -> Result<(), StartError> {
        let few = deployments.min(FEW);
        let integrations =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("contestants/pointsman/integrations.yaml");
        let text = fs::read_to_string(&integrations).map_err(at(&integrations))?;
        let text = text.replace("@TCP@", &format!("http://{tcp}")).replace("@UNIX@", unix);
        self.apply(files, "integrations.yaml", &text)?;
        for first in (0..deployments).step_by(CHUNK as usize) {
            let chunk = (first..(first + CHUNK).min(deployments)).map(Customer);
            let others = ["references-xml", "preprocess-tcp", "preprocess-unix"];
            let integrations = |customer: &Customer| {
                let others = others.iter().filter(move |_| customer.0 < few).copied();
                let passed = Some("pass-through").filter(|_| customer.0 == 0);
                ["references"].into_iter().chain(others).chain(passed).collect::<Vec<_>>()
            };
            let mapped = chunk.clone().filter(|customer| customer.0 < few);
            let manifest = json!({
                "customers": chunk.clone().map(customer).collect::<Vec<_>>(),
                "deployments": chunk.flat_map(|customer| {
                    let deployed = integrations(&customer).into_iter();
                    deployed.map(move |integration| deployment(integration, customer, upstream))
                }).collect::<Vec<_>>(),
                "customerMappings": mapped.map(|customer| mapping("references-xml", customer)).collect::<Vec<_>>(),
            });
            self.apply(files, "deployments.json", &manifest.to_string())?;
        }
        self.apply(files, "tokens.json", &tokens().to_string())?;
        self.import(files, deployments)
    }

    fn apply(&self, files: &Files, name: &str, text: &str) -> Result<(), StartError> {
        let file = files.path(name);
        fs::write(&file, text).map_err(at(&file))?;
        self.run(&["apply", "--yes", "-f", &file.to_string_lossy()])
    }

    fn import(&self, files: &Files, deployments: u32) -> Result<(), StartError> {
        let file = files.path("mappings.csv");
        let mut rows = "source_customer_id,external_id\n".to_owned();
        for customer in (0..deployments).map(Customer) {
            let _ = writeln!(rows, "{},{}", customer.source_id(), customer.external_id());
        }
        fs::write(&file, rows).map_err(at(&file))?;
        self.run(&["import-mappings", "references", "-f", &file.to_string_lossy()])
    }

    fn run(&self, words: &[&str]) -> Result<(), StartError> {
        let mut command = Command::new(&self.program);
        command.args(words).args(["--server", &self.url, "--timeout", "300s"]);
        let output = command.output().map_err(at(&self.program))?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(StartError::Command(words.join(" "), said))
    }
}

/// An edge as in production: one thread for the one core, everything else as it is by default.
pub(super) struct Edge<'a> {
    pub(super) tls: bool,
    pub(super) sockets: &'a Path,
}

impl Edge<'_> {
    pub(super) fn start(
        &self,
        control_plane: &ControlPlane,
        args: &Args,
        cores: Cores,
        files: &Files,
    ) -> Result<(Process, SocketAddr), StartError> {
        let name = if self.tls { "edge-tls" } else { "edge" };
        let program = args.programs.join("pointsman");
        let addresses = files.path(&format!("{name}.json"));
        let addr = free_addr()?;
        let mut flags = [
            "edge",
            "--edge-id",
            name,
            "--control-plane",
            &control_plane.url,
            "--edge-listen",
            &addr.to_string(),
            "--status-listen",
            "127.0.0.1:0",
            "--threads",
            "1",
            "--preprocess-socket-dir",
            &self.sockets.to_string_lossy(),
            "--addresses-file",
            &addresses.to_string_lossy(),
        ]
        .map(str::to_owned)
        .to_vec();
        if self.tls {
            for (flag, file) in [("--tls-cert", "cert.pem"), ("--tls-key", "key.pem")] {
                flags.extend([flag.to_owned(), files.path(file).to_string_lossy().into_owned()]);
            }
        }
        let log = files.log(name);
        let mut process = Process::start(name, cores.proxy, &log, &program, flags).map_err(at(&program))?;
        // Written once the port for webhooks is bound, which it is once there is a table.
        process.wait_until(PATIENCE, || address(&addresses, "edge").is_some())?;
        Ok((process, addr))
    }
}

/// Writes what the Preprocess service looks up.
pub(super) fn write_external_ids(file: &Path, customers: u32) -> Result<(), StartError> {
    let ids: Map<_, Value> =
        (0..customers).map(|n| (Customer(n).source_id(), Customer(n).external_id().into())).collect();
    fs::write(file, Value::Object(ids).to_string()).map_err(at(file))
}

fn customer(customer: Customer) -> Value {
    json!({ "name": format!("customers/{}", customer.id()), "externalId": customer.external_id() })
}

fn mapping(integration: &str, customer: Customer) -> Value {
    json!({
        "name": format!("integrations/{integration}/customerMappings/{}", customer.id()),
        "sourceCustomerId": customer.source_id(),
        "customer": format!("customers/{}", customer.id()),
    })
}

fn deployment(integration: &str, customer: Customer, upstream: SocketAddr) -> Value {
    let endpoint = |flow: Flow| {
        (flow.key().to_owned(), json!({ "url": format!("http://{upstream}{}", customer.path(flow)) }))
    };
    let endpoints: Map<_, _> = Flow::ALL.map(endpoint).into_iter().collect();
    json!({
        "name": format!("integrations/{integration}/deployments/{}", customer.id()),
        "customer": format!("customers/{}", customer.id()),
        "flowEndpoints": endpoints,
    })
}

/// The endpoints' tokens, so that everybody is called at the same paths.
fn tokens() -> Value {
    let shared = ["references", "references-xml", "preprocess-tcp", "preprocess-unix"];
    let mut tokens: Vec<_> = shared
        .iter()
        .map(|integration| {
            json!({ "endpoint": format!("integrations/{integration}"), "tokens": [contestants::token(integration)] })
        })
        .collect();
    tokens.push(json!({
        "endpoint": format!("integrations/pass-through/deployments/{}", Customer(0).id()),
        "flow": Flow::UpdateInventory.key(),
        "tokens": [contestants::token("pass-through")],
    }));
    json!({ "endpointTokens": tokens })
}

/// One of the addresses that a process has written, once it has.
fn address(file: &Path, name: &str) -> Option<String> {
    let read = || -> io::Result<Value> { Ok(serde_json::from_slice(&fs::read(file)?)?) };
    Some(read().ok()?.get(name)?.as_str()?.to_owned())
}
