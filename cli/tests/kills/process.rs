//! The control plane as a process that can be killed.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use pointsman_sdk::admin::AdminClient;
use tokio::time::{sleep, timeout};

/// How long a start may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running control plane on a folder. Killed when it is dropped.
pub(crate) struct ControlPlane {
    child: Child,
    url: String,
}

impl ControlPlane {
    /// Starts one on a free port, and waits until it is bound.
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_at(folder, "127.0.0.1:0").await
    }

    /// Starts one on this address, as [`Self::address`] has it.
    pub(crate) async fn start_at(folder: &Path, address: &str) -> Self {
        let addresses = folder.join("addresses.json");
        let _ = fs::remove_file(&addresses);
        let mut child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .args(["control-plane", "--admin-listen", address, "--log-level=error", "--data"])
            .arg(folder.join("data"))
            .arg("--addresses-file")
            .arg(&addresses)
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let bound = async {
            loop {
                assert_eq!(child.try_wait().expect("its state"), None, "the control plane has ended");
                if let Ok(json) = fs::read(&addresses) {
                    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
                    return json["admin"].as_str().expect("an address").to_owned();
                }
                sleep(Duration::from_millis(5)).await;
            }
        };
        let admin = timeout(PATIENCE, bound).await.expect("the control plane starts");
        Self { child, url: format!("http://{admin}") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> &str {
        self.url.strip_prefix("http://").expect("a URL of ours")
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> AdminClient {
        AdminClient::builder(&self.url).connect().await.expect("a connection")
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
