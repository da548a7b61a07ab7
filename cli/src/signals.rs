//! Being told to stop: the first signal asks for a clean stop, the second one ends the process at once.
//!
//! And what must not stop it: a file that is as long as it may be.

use std::{io, process};

use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
};

/// The exit code where a second signal ended the process, as shells have it for SIGINT.
pub(crate) const ENDED_AT_ONCE: u8 = 130;

/// Where a limit on the size of files (`ulimit -f`, `LimitFSIZE=`) is reached, lets the write fail as one on a full disk
/// does, which is told and loses nothing. What the system does by default is to end the process.
pub(crate) fn survive_file_size_limits() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let _entered = runtime.enter();
    // Taken over for as long as the process lives, whether anybody listens or not.
    signal(SignalKind::from_raw(libc::SIGXFSZ)).map(drop)
}

/// SIGINT and SIGTERM. Holding it is what keeps them from ending the process.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Takes both signals over. Must be called inside a tokio runtime.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one, and says which.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    /// Runs a clean stop to its end, unless another signal comes first: that one ends the process.
    pub(crate) async fn during_stop(mut self, stop: impl Future<Output = ()>) {
        tokio::select! {
            () = stop => {}
            signal = self.next() => {
                tracing::warn!(signal, "a second signal: ending at once");
                process::exit(i32::from(ENDED_AT_ONCE));
            }
        }
    }
}
