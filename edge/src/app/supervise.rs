//! Runs the parts of an edge and notices when one fails by itself.

use std::{convert::Infallible, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt as _;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Spawns parts.
pub(super) struct Supervisor {
    failed: Arc<watch::Sender<Option<String>>>,
}

impl Supervisor {
    /// With the first failure of any part, once there is one.
    pub(super) fn new() -> (Self, watch::Receiver<Option<String>>) {
        let (failed, receiver) = watch::channel(None);
        (Self { failed: Arc::new(failed) }, receiver)
    }

    pub(super) fn spawn(
        &self,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) -> AbortOnDropHandle<()> {
        self.spawn_fallible(name, async {
            part.await;
            Ok::<(), Infallible>(())
        })
    }

    pub(super) fn spawn_fallible<E: ToString>(
        &self,
        name: &'static str,
        part: impl Future<Output = Result<(), E>> + Send + 'static,
    ) -> AbortOnDropHandle<()> {
        let failed = Arc::clone(&self.failed);
        AbortOnDropHandle::new(tokio::spawn(async move {
            // Nothing of a part that has panicked is used again.
            let ended = AssertUnwindSafe(part).catch_unwind().await;
            let reason = match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it has panicked".to_owned(),
            };
            tracing::error!(part = name, reason, "a part of the edge has failed");
            failed.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(format!("{name}: {reason}"));
                is_first
            });
        }))
    }
}
