//! A folder, servers on it, and commands.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take that should happen soon.
const SOON: Duration = Duration::from_secs(30);

/// A folder with a data folder and whatever a test puts beside it.
pub(crate) struct Folder(TempDir);

/// What a command said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path as an argument.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path").to_owned()
    }

    /// The names of the files of the data folder, without those of the edge in its folder.
    pub(crate) fn data(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path("data"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry"))
            .filter(|entry| entry.file_type().expect("a type").is_file())
            .map(|entry| entry.file_name().into_string().expect("text"))
            .collect();
        names.sort();
        names
    }

    pub(crate) fn backup(&self, to: &str, more: &[&str]) -> Ran {
        run(&[&["backup", "--data", &self.arg("data"), "--to", &self.arg(to)], more].concat())
    }

    pub(crate) fn restore(&self, from: &str, more: &[&str]) -> Ran {
        run(&[&["restore", "--data", &self.arg("data"), "--from", &self.arg(from)], more].concat())
    }

    /// Writes a manifest of `count` customers, whose ids begin with `prefix`.
    pub(crate) fn customers(&self, prefix: &str, count: usize) -> String {
        let text: String = (0..count)
            .map(|number| {
                format!(
                    "- {{name: customers/{prefix}-{number}, externalId: {prefix}-{number}, displayName: {}}}\n",
                    "x".repeat(200)
                )
            })
            .collect();
        let name = format!("{prefix}.yaml");
        fs::write(self.path(&name), format!("customers:\n{text}")).expect("written");
        self.arg(&name)
    }

    /// Starts `up` on the data folder.
    pub(crate) fn up(&self) -> Server {
        self.serve(pointsman(&[]))
    }

    /// Starts `up` by a shell, which does something first.
    pub(crate) fn up_after(&self, shell: &str) -> Server {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_pointsman")]);
        self.serve(command)
    }

    fn serve(&self, mut command: Command) -> Server {
        let file = self.path("addresses.json");
        let _ = fs::remove_file(&file);
        let mut child = command
            .args(["up", "--data", &self.arg("data"), "--addresses-file", &self.arg("addresses.json")])
            .args(["--admin-listen=127.0.0.1:0", "--edge-listen=127.0.0.1:0", "--status-listen=127.0.0.1:0"])
            .args(["--log-level", "off"])
            .stdin(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let bound = eventually("the ports are bound", || {
            assert_eq!(child.try_wait().expect("its state"), None, "the server has ended");
            serde_json::from_slice::<serde_json::Value>(&fs::read(&file).ok()?).ok()
        });
        let server = format!("http://{}", bound["admin"].as_str().expect("an address"));
        Server { child, server }
    }
}

/// A running control plane and edge. Killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    server: String,
}

impl Server {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Runs an admin command.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(&[args, &["--server", &self.server]].concat())
    }

    /// Runs one that must succeed, and gives what it printed.
    pub(crate) fn admin(&self, args: &[&str]) -> String {
        self.run(args).succeeded()
    }

    /// How many customers there are.
    pub(crate) fn customers(&self) -> usize {
        self.admin(&["get", "customers", "-o", "json"]).matches("\"externalId\"").count()
    }

    /// Stops it as a service manager does.
    pub(crate) fn stop(mut self) {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let ended = eventually("the server ends", || self.child.try_wait().expect("its state"));
        assert_eq!(ended.code(), Some(0));
    }

    /// Ends it at once.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ran {
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// That it failed, saying all of these.
    pub(crate) fn failed(&self, said: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        for said in said {
            assert!(self.stderr.contains(said), "{said:?} in {}", self.stderr);
        }
    }
}

pub(crate) fn pointsman(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Ran {
    ran(pointsman(args).output().expect("the binary runs"))
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Waits for a fact.
pub(crate) fn eventually<T>(what: &str, mut fact: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + SOON;
    loop {
        if let Some(value) = fact() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {SOON:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// The mode of a file, on Unix.
#[cfg(unix)]
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}
