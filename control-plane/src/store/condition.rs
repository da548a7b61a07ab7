//! Whether writes are kept.

use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;

use super::{StoreError, open::BUSY_TIMEOUT};

/// How long a write waits for another program while the last one has waited in vain: those behind it in the queue are
/// not to add their waits up.
const IMPATIENCE: Duration = Duration::from_millis(50);

/// How the writes of late went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The last one that was to be kept was.
    Well,
    /// The last one that was to be kept was not: the disk is full or has failed, or another program holds the database.
    Failing,
}

/// What one write found out of it; nothing where it came to no attempt.
#[derive(Debug, Default)]
pub(super) struct Finding(pub(super) Option<Condition>);

impl Finding {
    /// What a failure to begin or to commit says.
    pub(super) fn of(&mut self, error: &StoreError) {
        if matches!(
            error,
            StoreError::Full(_)
                | StoreError::Busy(_)
                | StoreError::ReadOnly(_)
                | StoreError::Disk(_)
                | StoreError::Corrupt(_)
        ) {
            self.0 = Some(Condition::Failing);
        }
    }
}

/// The condition, as the writer keeps it.
#[derive(Debug)]
pub(super) struct Record {
    condition: watch::Sender<Condition>,
}

impl Record {
    pub(super) fn new() -> (Self, watch::Receiver<Condition>) {
        let (condition, told) = watch::channel(Condition::Well);
        (Self { condition }, told)
    }

    /// Notes what a write found out, and makes the next one as patient as that wants.
    pub(super) fn note(&self, finding: &Finding, connection: &Connection) {
        let Some(found) = finding.0 else { return };
        let news = self.condition.send_if_modified(|condition| {
            let news = *condition != found;
            *condition = found;
            news
        });
        if !news {
            return;
        }
        let patience = match found {
            Condition::Well => BUSY_TIMEOUT,
            Condition::Failing => IMPATIENCE,
        };
        match connection.busy_timeout(patience) {
            Ok(()) => {}
            // It is only set in memory.
            Err(error) => tracing::warn!(%error, "the patience of writes cannot be changed"),
        }
        match found {
            Condition::Well => tracing::info!("writes are kept again"),
            Condition::Failing => tracing::error!("writes fail; what was written before is kept"),
        }
    }
}
