//! A server of ours as a process, whose log is read for facts.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running server. Killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    addresses: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts one. Its log and the file of its addresses are in `folder`, under this name.
    pub(crate) fn start(folder: &Path, name: &str, args: &[&str], adjust: impl FnOnce(&mut Command)) -> Self {
        let (addresses, log) = (folder.join(format!("{name}.json")), folder.join(format!("{name}.log")));
        let _ = fs::remove_file(&addresses);
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        command
            .args(args)
            .args(["--log", "json", "--log-level", "info,pointsman::access=off", "--addresses-file"])
            .arg(&addresses)
            .stdin(Stdio::null())
            .stderr(File::create(&log).expect("a file for its log"));
        adjust(&mut command);
        let child = command.spawn().expect("the binary runs");
        Self { child, addresses, log }
    }

    /// Where it listens: waits until all its ports are bound.
    pub(crate) async fn address(&mut self, port: &str) -> String {
        let bound = self.eventually("the ports are bound", |process| {
            serde_json::from_slice::<Value>(&fs::read(&process.addresses).ok()?).ok()
        });
        bound.await[port].as_str().expect("an address").to_owned()
    }

    /// The same, or none where it has ended, or waits for a control plane with nothing to serve.
    pub(crate) async fn address_or_nothing(&mut self, port: &str) -> Option<String> {
        let settled = timeout(PATIENCE, async {
            loop {
                let ended = self.child.try_wait().expect("its state").is_some();
                if let Ok(bound) = fs::read(&self.addresses) {
                    let bound: Value = serde_json::from_slice(&bound).expect("JSON");
                    return bound[port].as_str().map(str::to_owned);
                }
                if ended || self.has_nothing() {
                    return None;
                }
                sleep(LOOK_AGAIN).await;
            }
        });
        settled.await.unwrap_or_else(|_| panic!("neither ready nor not: {:#?}", self.log()))
    }

    /// Waits until a line of its log is such, and gives what is made of it.
    pub(crate) async fn says<T>(&mut self, what: &str, such: impl Fn(&Value) -> Option<T>) -> T {
        self.eventually(what, |process| process.said(&such)).await
    }

    /// The first line of its log that is such.
    pub(crate) fn said<T>(&self, such: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.log().iter().find_map(such)
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.log).expect("its log");
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// It looks at its disk first, and at its control plane only then.
    fn has_nothing(&self) -> bool {
        let says = |what: &str| self.log().iter().any(|line| message(line).starts_with(what));
        says("the stream from the control plane has ended") && !says("the configuration on disk is served")
    }

    /// Ends it at once, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is there");
        self.child.wait().expect("it ends");
    }

    /// Waits for a fact while it runs.
    pub(crate) async fn eventually<T>(&mut self, what: &str, mut fact: impl FnMut(&Self) -> Option<T>) -> T {
        let waited = timeout(PATIENCE, async {
            loop {
                if let Some(value) = fact(self) {
                    return value;
                }
                if let Some(status) = self.child.try_wait().expect("its state") {
                    panic!("{what}: the process has ended with {status}: {:#?}", self.log().last());
                }
                sleep(LOOK_AGAIN).await;
            }
        });
        match waited.await {
            Ok(value) => value,
            Err(_) => panic!("{what}: not within {PATIENCE:?}: {:#?}", self.log()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The message of a line of a log.
pub(crate) fn message(line: &Value) -> &str {
    line["message"].as_str().unwrap_or_default()
}
