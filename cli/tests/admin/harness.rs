//! `pointsman up` on free ports, and admin commands that talk to it.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take that should happen soon.
const SOON: Duration = Duration::from_secs(30);

/// A running control plane and edge. Killed when it is dropped.
pub(crate) struct Up {
    child: Child,
    _folder: TempDir,
    pub(crate) server: String,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Up {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (data, addresses) = (folder.path().join("data"), folder.path().join("addresses.json"));
        let child = Command::new(env!("CARGO_BIN_EXE_pointsman"))
            .args(["up", "--log-level", "error", "--data"])
            .arg(data)
            .arg("--addresses-file")
            .arg(&addresses)
            .args(["--admin-listen=127.0.0.1:0", "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let end = Instant::now() + SOON;
        let bound = loop {
            let text = fs::read(&addresses).unwrap_or_default();
            if let Ok(bound) = serde_json::from_slice::<serde_json::Value>(&text) {
                break bound;
            }
            assert!(Instant::now() < end, "the ports are not bound within {SOON:?}");
            thread::sleep(Duration::from_millis(10));
        };
        let server = format!("http://{}", bound["admin"].as_str().expect("an address"));
        Self { child, _folder: folder, server }
    }

    /// Runs an admin command.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "")
    }

    /// Runs an admin command that reads `input`.
    pub(crate) fn run_with(&self, args: &[&str], input: &str) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("POINTSMAN_") {
                command.env_remove(name);
            }
        }
        let mut child = command
            .args(args)
            .env("POINTSMAN_SERVER", &self.server)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
        let output = child.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Applies a manifest that must be fine.
    pub(crate) fn apply(&self, manifest: &str) {
        let ran = self.run_with(&["apply", "-f", "-"], manifest);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A file of the repository.
pub(crate) fn of_repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
        .expect("the file is there")
}
