//! Processes: started on a core of their own, asked what they use, and ended.

use std::{
    ffi::OsStr,
    fs::{self, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a process may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at something that takes its time.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// The cores of a run; none where there is only one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    /// The contestants'.
    pub(crate) proxy: Option<usize>,
    /// Of everything else.
    pub(crate) rest: Option<usize>,
}

/// A running process. It and its children end when it is dropped, or when this program does.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program on a core. What it prints goes to the end of the file `log`.
    pub(crate) fn start<S: AsRef<OsStr>>(
        name: &str,
        core: Option<usize>,
        log: &Path,
        program: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> io::Result<Self> {
        // Not std's own, which would need unsafe code: setpriv ends the process with us, taskset keeps it to its core.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM"]);
        if let Some(core) = core {
            command.args(["taskset", "--cpu-list"]).arg(core.to_string());
        }
        let append = || OpenOptions::new().create(true).append(true).open(log);
        command.arg(program).args(args).stdin(Stdio::null()).stdout(append()?).stderr(append()?);
        Ok(Self { name: name.to_owned(), child: command.spawn()?, log: log.to_owned() })
    }

    /// Waits until `ready`, and fails where the process ends before or takes too long.
    pub(crate) fn wait_until(
        &mut self,
        patience: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), NotReady> {
        let started = Instant::now();
        while !ready() {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) || started.elapsed() > patience {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                let tail: Vec<_> = log.lines().rev().take(10).collect();
                let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
                return Err(NotReady { name: self.name.clone(), tail });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    /// Its id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// It and its children, as they are now.
    pub(crate) fn family(&self) -> Family {
        Family::of(self.child.id())
    }

    fn end(&mut self) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return };
        let started = Instant::now();
        let _ = kill_process(pid, Signal::TERM);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            if started.elapsed() > PATIENCE {
                let _ = self.child.kill();
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// A process ended before it was ready, or did not become so.
#[derive(Debug, thiserror::Error)]
#[error("{name} did not start:\n{tail}")]
pub(crate) struct NotReady {
    name: String,
    tail: String,
}

/// A process and its children.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pids: Vec<u32>,
}

impl Family {
    fn of(root: u32) -> Self {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let parents: Vec<(u32, u32)> = numbers.filter_map(|pid| Some((pid, parent(pid)?))).collect();
        let mut pids = vec![root];
        let mut next = 0;
        while let Some(pid) = pids.get(next).copied() {
            pids.extend(parents.iter().filter(|(_, parent)| *parent == pid).map(|(child, _)| *child));
            next += 1;
        }
        Self { pids }
    }

    /// The CPU time used so far, user and system, to the nanosecond: that of all threads that run. (A thread that ends takes
    /// its own along; no contestant ends threads while it serves.)
    pub(crate) fn cpu(&self) -> Duration {
        let threads =
            self.pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten());
        let used = threads.flatten().filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(used.sum())
    }

    /// Bytes that are resident now.
    pub(crate) fn resident(&self) -> u64 {
        self.status("VmRSS:")
    }

    /// The most bytes that were resident since [`Self::forget_peak`].
    pub(crate) fn peak(&self) -> u64 {
        self.status("VmHWM:")
    }

    /// What was resident before does not count as the peak any more.
    pub(crate) fn forget_peak(&self) {
        for pid in &self.pids {
            let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
        }
    }

    fn status(&self, field: &str) -> u64 {
        let kilobytes = self.pids.iter().filter_map(|pid| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        });
        kilobytes.sum::<u64>() * 1024
    }
}

/// The parent of a process: the second field behind its name, which may hold anything.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()
}
