//! The thread that writes.

use std::{
    fmt,
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
};

use rusqlite::Connection;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::{
    Condition, OpenError, StoreError, WriteTransaction,
    condition::{Finding, Record},
    secrets::Vault,
};
use crate::domain::Revision;

/// Writes that wait for their turn; more wait outside.
const QUEUED_WRITES: usize = 256;

/// Whether a write is to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It is.
    Changes,
    /// It is taken back: somebody only wants to know what would happen.
    Nothing,
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written<T> {
    /// What the write found out.
    pub value: T,
    /// The revision that it made, or the current one where it changed nothing or was not kept.
    pub revision: Revision,
}

/// A handle to the thread.
#[derive(Clone)]
pub(super) struct Writer {
    jobs: mpsc::Sender<Job>,
    vault: Arc<Vault>,
    condition: watch::Receiver<Condition>,
    closed: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

type Write = dyn FnOnce(&mut Connection, &watch::Sender<Revision>, &Record) + Send;

enum Job {
    Write(Box<Write>),
    Close,
}

impl Writer {
    pub(super) fn spawn(
        mut connection: Connection,
        lock: File,
        vault: Arc<Vault>,
        revisions: watch::Sender<Revision>,
    ) -> Result<Self, OpenError> {
        let (jobs, mut queue) = mpsc::channel(QUEUED_WRITES);
        let (closing, closed) = oneshot::channel();
        let (record, condition) = Record::new();
        let write = move || {
            while let Some(Job::Write(job)) = queue.blocking_recv() {
                job(&mut connection, &revisions, &record);
            }
            // Closing the last connection folds the write-ahead log in; then others may have the database.
            drop(connection);
            drop(lock);
            // Nobody may be waiting.
            let _ = closing.send(());
        };
        thread::Builder::new().name("store-writer".to_owned()).spawn(write).map_err(OpenError::Thread)?;
        Ok(Self { jobs, vault, condition, closed: Arc::new(Mutex::new(Some(closed))) })
    }

    pub(super) fn condition(&self) -> watch::Receiver<Condition> {
        self.condition.clone()
    }

    pub(super) async fn write<T, E, F>(&self, keep: Keep, write: F) -> Result<Written<T>, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: FnOnce(&mut WriteTransaction<'_>) -> Result<T, E> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let vault = Arc::clone(&self.vault);
        let job = Job::Write(Box::new(move |connection, revisions, record| {
            if answer.is_closed() {
                // Whoever asked has gone before its turn came.
                return;
            }
            let mut finding = Finding::default();
            let run = || WriteTransaction::run(connection, &vault, keep, &mut finding, write);
            let result =
                catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(StoreError::Panicked.into()));
            if let Ok(written) = &result {
                // `max`, as a revision never goes back.
                revisions.send_if_modified(|latest| {
                    let newer = written.revision > *latest;
                    *latest = written.revision.max(*latest);
                    newer
                });
            }
            record.note(&finding, connection);
            // Nobody may be waiting any more.
            let _ = answer.send(result);
        }));
        self.jobs.send(job).await.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    pub(super) async fn close(&self) {
        // It may be closed already.
        let _ = self.jobs.send(Job::Close).await;
        if let Some(closed) = self.closed.lock().await.take() {
            let _ = closed.await;
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").finish_non_exhaustive()
    }
}
