//! The threads that servers run on.

use std::{io, num::NonZeroUsize, thread};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::oneshot,
};

use crate::settings::ProcessSettings;

/// The control plane has little to do, and does it beside the edge.
pub(crate) const CONTROL_THREADS: usize = 2;

/// A runtime whose threads have this name.
pub(crate) fn runtime(name: &str, threads: usize) -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().thread_name(name).worker_threads(threads).build()
}

/// The threads that an edge lives on.
#[derive(Debug)]
pub(crate) enum EdgeThreads {
    /// One, which need not be ready to share its tasks with others: a webhook takes less of it so.
    One {
        handle: Handle,
        /// It ends when this is dropped.
        _stop: oneshot::Sender<()>,
    },
    /// Several, which take tasks from each other.
    Many(Runtime),
}

impl EdgeThreads {
    /// As many as the settings say, or one for each core.
    pub(crate) fn of(settings: &ProcessSettings) -> io::Result<Self> {
        let count = settings.threads.or_else(|| thread::available_parallelism().ok());
        Self::start(count.map_or(1, NonZeroUsize::get))
    }

    pub(crate) fn start(count: usize) -> io::Result<Self> {
        const NAME: &str = "edge";
        if count > 1 {
            return runtime(NAME, count).map(Self::Many);
        }
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        thread::Builder::new().name(NAME.to_owned()).spawn(move || {
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self::One { handle, _stop: stop })
    }

    pub(crate) fn handle(&self) -> &Handle {
        match self {
            Self::One { handle, .. } => handle,
            Self::Many(runtime) => runtime.handle(),
        }
    }

    /// Waits for nothing that still runs.
    pub(crate) fn stop(self) {
        match self {
            Self::One { .. } => {}
            Self::Many(runtime) => runtime.shutdown_background(),
        }
    }
}
