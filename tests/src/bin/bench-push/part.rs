//! Control plane and edge, as processes.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use pointsman_tests::soon;
use tonic::transport::Channel;

/// Set for a process that is to be `pointsman`.
const PART: &str = "POINTSMAN_BENCH_PUSH_PART";
/// Between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// Until what is freed has gone back to the system.
const SETTLE: Duration = Duration::from_secs(3);
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whether this process is a part, and not the benchmark.
pub(crate) fn is_part() -> bool {
    std::env::var_os(PART).is_some()
}

/// A running process. Killed when it is dropped.
#[derive(Debug)]
struct Part {
    child: Child,
    started: Instant,
}

impl Part {
    fn start<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let started = Instant::now();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg0("pointsman").args(args).args(["--log-level", "warn"]).env(PART, "1");
        Self { child: command.stdin(Stdio::null()).spawn().expect("it runs"), started }
    }

    /// The address of this name, once it is bound.
    async fn address(&mut self, file: &Path, name: &str) -> SocketAddr {
        let bound = async {
            loop {
                assert_eq!(self.child.try_wait().expect("its state"), None, "a part has ended");
                if let Ok(json) = fs::read(file) {
                    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
                    return json[name].as_str().and_then(|text| text.parse().ok()).expect("an address");
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        tokio::time::timeout(PATIENCE, bound).await.expect("a part starts")
    }

    /// A line of what Linux tells of it, in bytes.
    fn memory(&self, line: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let kilobytes = found.and_then(|text| text.trim().strip_suffix(" kB"));
        kilobytes.and_then(|text| text.trim().parse::<u64>().ok()).expect("a number") * 1024
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A control plane.
#[derive(Debug)]
pub(crate) struct ControlPlane {
    part: Part,
    url: String,
    channel: Channel,
}

impl ControlPlane {
    pub(crate) async fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let addresses = folder.join("addresses.json");
        let _ = fs::remove_file(&addresses);
        let (data, file) = (folder.join("data"), addresses.as_os_str());
        let fixed = ["control-plane", "--admin-listen", "127.0.0.1:0", "--addresses-file"].map(OsStr::new);
        let own = [file, OsStr::new("--data"), data.as_os_str()];
        let mut part = Part::start(fixed.into_iter().chain(own));
        let url = format!("http://{}", part.address(&addresses, "admin").await);
        let channel =
            Channel::from_shared(url.clone()).expect("a URL").connect().await.expect("a connection");
        Self { part, url, channel }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The memory that it has, in bytes. The most that it had is counted anew from here.
    pub(crate) fn memory(&self) -> u64 {
        fs::write(format!("/proc/{}/clear_refs", self.part.child.id()), "5")
            .expect("it is a process of ours");
        self.part.memory("VmRSS")
    }

    /// The most memory that it had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.part.memory("VmHWM")
    }

    /// To the admin API.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

/// An edge.
#[derive(Debug)]
pub(crate) struct Edge {
    part: Part,
    addr: SocketAddr,
    ready_after: Duration,
}

impl Edge {
    /// Starts one, and waits until webhooks are taken.
    pub(crate) async fn start(id: &str, plane: &ControlPlane, folder: &Path) -> Self {
        Self::start_at(id, plane.url(), folder).await
    }

    /// Starts one that reaches no control plane; none where edges keep nothing on disk.
    pub(crate) async fn start_alone(id: &str, _plane: &ControlPlane, folder: &Path) -> Option<Self> {
        if !keeps_copies() {
            return None;
        }
        // Nobody listens on the discard port.
        Some(Self::start_at(id, "http://127.0.0.1:9", folder).await)
    }

    async fn start_at(id: &str, control_plane: &str, folder: &Path) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let addresses = folder.join("addresses.json");
        let _ = fs::remove_file(&addresses);
        let fixed = ["edge", "--edge-id", id, "--control-plane", control_plane].map(OsStr::new);
        let ports = ["--edge-listen", "127.0.0.1:0", "--status-listen", "127.0.0.1:0"].map(OsStr::new);
        let file = [OsStr::new("--addresses-file"), addresses.as_os_str()];
        let data = folder.join("data");
        let data = if keeps_copies() { vec![OsStr::new("--data"), data.as_os_str()] } else { Vec::new() };
        let mut part = Part::start(fixed.into_iter().chain(ports).chain(file).chain(data));
        let addr = part.address(&addresses, "edge").await;
        let ready_after = part.started.elapsed();
        Self { part, addr, ready_after }
    }

    /// Where webhooks go.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From its start until webhooks were taken.
    pub(crate) fn ready_after(&self) -> Duration {
        self.ready_after
    }

    /// The memory that it keeps, in bytes.
    pub(crate) async fn settled_memory(&self) -> u64 {
        soon("memory settles", tokio::time::sleep(SETTLE)).await;
        self.part.memory("VmRSS")
    }

    /// The most memory that it ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        self.part.memory("VmHWM")
    }
}

/// Whether edges keep copies on disk.
fn keeps_copies() -> bool {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let help = command.arg0("pointsman").args(["edge", "--help"]).env(PART, "1").output().expect("help");
    String::from_utf8_lossy(&help.stdout).contains("--data ")
}
