//! Ends what has expired, and notes what was used.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Access;
use crate::store::{Keep, StoreError};

/// How often what was used is noted. A token that is used all the time so costs one write in this time.
const NOTE_INTERVAL: Duration = Duration::from_secs(60);
/// The clock is looked at this often where a token will expire: it can be set, and timers do not notice.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// Between two looks at the clock.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);

impl Access {
    /// Runs until `stop`.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        let mut note_at = Instant::now() + NOTE_INTERVAL;
        loop {
            let expiry = self.expire();
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.0.changed.notified() => {}
                () = sleep(expiry.unwrap_or_default()), if expiry.is_some() => {}
                () = sleep_until(note_at) => {
                    if let Err(error) = self.note_uses().await {
                        tracing::warn!(error = &error as &dyn std::error::Error, "when access tokens were used cannot be noted");
                    }
                    note_at = Instant::now() + NOTE_INTERVAL;
                }
            }
        }
    }

    /// Notes in the database when tokens were used since the last time.
    pub(crate) async fn note_uses(&self) -> Result<(), StoreError> {
        let now = (self.0.clock)();
        let holders = self.holders();
        let uses = holders
            .by_hash
            .values()
            .filter_map(|holder| holder.take_use(now).map(|time| (holder.name.clone(), holder.uid, time)));
        let uses: Vec<_> = uses.collect();
        if uses.is_empty() {
            return Ok(());
        }
        let note = self.0.store.write(Keep::Changes, move |transaction| {
            for (name, uid, time) in uses {
                transaction.access_token_was_used(&name, uid, time)?;
            }
            Ok::<_, StoreError>(())
        });
        note.await.map(drop)
    }

    /// Ends the calls of tokens that have expired; how long until the next look, where any is left that will.
    fn expire(&self) -> Option<Duration> {
        let now = (self.0.clock)();
        let holders = self.holders();
        holders.by_hash.values().for_each(|holder| holder.expire(now));
        let next = holders.by_hash.values().filter(|holder| !holder.is_over(now));
        next.filter_map(|holder| holder.expire_time).min().map(|time| until(time, now))
    }
}

fn until(time: SystemTime, now: SystemTime) -> Duration {
    time.duration_since(now).unwrap_or_default().clamp(SHORTEST_SLEEP, LONGEST_SLEEP)
}
