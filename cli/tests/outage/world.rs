//! A control plane, an edge, and what between them and behind them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{clock::Clock, flow::Flow, load, process::Process};

/// Customers `c0`, `c1`, …, which the third party calls `M0`, `M1`, …
pub(crate) const CUSTOMERS: usize = 12;

/// Where webhooks go.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    /// The edge's address.
    pub(crate) edge: String,
    /// The path of the endpoint.
    pub(crate) path: String,
}

/// A folder, a control plane on it, and the flows.
pub(crate) struct World {
    folder: TempDir,
    flow: Flow,
    control_plane: Option<Process>,
    admin: String,
    /// What time processes are told.
    clock: Option<Clock>,
}

impl World {
    /// One in which each customer's webhooks go to the customer's flow.
    pub(crate) async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same, with processes that are told this time of day.
    pub(crate) async fn start_with(clock: Option<Clock>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let flow = Flow::start().await;
        let mut world = Self { folder, flow, control_plane: None, admin: "127.0.0.1:0".to_owned(), clock };
        world.start_control_plane().await;
        world.apply(&(0..CUSTOMERS).collect::<Vec<_>>()).await;
        world
    }

    /// Starts the control plane, at the address that it had.
    pub(crate) async fn start_control_plane(&mut self) {
        let data = self.path("data");
        let args = ["control-plane", "--data", text(&data), "--admin-listen", &self.admin];
        let args = [&args[..], &["--public-url", "http://edge.invalid"]].concat();
        let mut process = self.spawn("control-plane", &args);
        self.admin = process.address("admin").await;
        self.control_plane = Some(process);
    }

    /// Ends the control plane at once.
    pub(crate) fn kill_control_plane(&mut self) {
        self.control_plane.take().expect("it runs").kill();
    }

    /// Puts the control plane's database in place of itself, as a restored backup: one of another epoch.
    pub(crate) async fn restore(&mut self) {
        let (data, backup) = (self.path("data"), self.path("backup.db"));
        self.offline(&["backup", "--data", text(&data), "--to", text(&backup)]);
        self.kill_control_plane();
        self.offline(&["restore", "--force", "--data", text(&data), "--from", text(&backup)]);
        self.start_control_plane().await;
    }

    /// Runs a command on a folder, which must succeed.
    fn offline(&self, args: &[&str]) {
        let output =
            Command::new(env!("CARGO_BIN_EXE_pointsman")).args(args).output().expect("the binary runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Where the control plane listens, also while it does not.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Starts the edge `id`, which follows the control plane at `url`, on its data folder and at this address.
    pub(crate) fn start_edge(&self, id: &str, url: &str, listen: &str) -> Process {
        let data = self.edge_data(id);
        let args = ["edge", "--edge-id", id, "--data", text(&data), "--control-plane", url];
        let ports = ["--edge-listen", listen, "--status-listen", "127.0.0.1:0"];
        self.spawn(id, &[&args[..], &ports].concat())
    }

    /// Where an edge keeps its copy.
    pub(crate) fn edge_data(&self, id: &str) -> PathBuf {
        self.path(&format!("edge-{id}"))
    }

    /// Sends each `M…` to the customer at its place, and waits until the edges that are connected serve it.
    pub(crate) async fn apply(&self, customers_of_mappings: &[usize]) {
        let manifest = self.path("manifest.yaml");
        fs::write(&manifest, self.manifest(customers_of_mappings)).expect("written");
        let connected =
            self.admin_command(&["get", "edges", "-o", "json"]).await.contains("\"connected\": true");
        let args: &[&str] = &["apply", "-f", text(&manifest), "--wait"];
        self.admin_command(&args[..if connected { 4 } else { 3 }]).await;
    }

    /// The endpoint's path at an edge.
    pub(crate) async fn hook(&self, edge: String) -> Hook {
        let url = self.admin_command(&["get", "integrations/erp", "--url"]).await;
        let path = url.trim_end().strip_prefix("http://edge.invalid").expect("the public URL").to_owned();
        Hook { edge, path }
    }

    /// Runs an admin command that must succeed, and gives what it printed.
    pub(crate) async fn admin_command(&self, args: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command.args(args).args(["--server", &format!("http://{}", self.admin)]);
        let output =
            spawn_blocking(move || command.output()).await.expect("no panic").expect("the binary runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn spawn(&self, name: &str, args: &[&str]) -> Process {
        Process::start(self.folder.path(), name, args, |command| {
            if let Some(clock) = &self.clock {
                command.env("LD_PRELOAD", &clock.library).env("CLOCK_OFFSET_FILE", &clock.offset);
            }
        })
    }

    fn manifest(&self, customers_of_mappings: &[usize]) -> String {
        let mut text = "integrations:\n- name: integrations/erp\n  flows: [{key: any}]\n  endpoint:\n\
             \x20   type: ENDPOINT_TYPE_SHARED\n    externalCustomerId: {reference: results.body.data.id, \
             lookup: LOOKUP_CUSTOMER_MAPPINGS}\n"
            .to_owned();
        let mut list = |name: &str, count: usize, line: &dyn Fn(usize) -> String| {
            writeln!(text, "{name}:").expect("a string takes all");
            (0..count).for_each(|n| writeln!(text, "- {{{}}}", line(n)).expect("a string takes all"));
        };
        list("customers", CUSTOMERS, &|n| format!("name: customers/c{n}, externalId: x{n}"));
        list("customerMappings", customers_of_mappings.len(), &|n| {
            let customer = customers_of_mappings[n];
            format!(
                "name: integrations/erp/customerMappings/m{n}, sourceCustomerId: M{n}, customer: customers/c{customer}"
            )
        });
        list("deployments", CUSTOMERS, &|n| {
            let url = self.flow.url(&format!("/c{n}"));
            format!(
                "name: integrations/erp/deployments/c{n}, customer: customers/c{n}, \
                 flowEndpoints: {{any: {{url: \"{url}\", headers: {{authorization: \"s3cret-{n}\"}}}}}}"
            )
        });
        text
    }
}

/// Which customer each `M…` reaches at an edge.
pub(crate) async fn served(hook: &Hook, mappings: usize) -> Vec<String> {
    let mut served = Vec::new();
    for mapping in 0..mappings {
        served.push(load::ask(hook, &format!("M{mapping}")).await);
    }
    served
}

/// What [`served`] says where each `M…` reaches the customer at its place.
pub(crate) fn reaching(customers: &[usize]) -> Vec<String> {
    customers.iter().map(|customer| format!("200 /c{customer}")).collect()
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}
