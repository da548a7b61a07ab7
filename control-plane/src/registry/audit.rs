//! The audit, read and kept for a set time. Who writes it: [`super::Writing::audit`].

use std::{ops::ControlFlow, time::Duration};

use super::{
    Error, Registry,
    list::{Listed, PASSED_OVER_MAX},
};
use crate::{
    domain::filter::Filter,
    store::{AuditPosition, AuditRecord, Keep, StoreError},
};

/// Entries that are forgotten in one transaction. Writes that wait get their turn between two.
const FORGOTTEN_AT_ONCE: usize = 1_000;
/// How often old entries are looked for.
const FORGET_INTERVAL: Duration = Duration::from_secs(10 * 60);

impl Registry {
    /// Reads the audit behind a place, the latest entry first, where `filter` holds; `each` says where the page ends.
    pub(crate) async fn audit<T, F>(
        &self,
        after: Option<AuditPosition>,
        filter: Filter,
        start: T,
        mut each: F,
    ) -> Result<Listed<T, AuditPosition>, Error>
    where
        T: Send + 'static,
        F: FnMut(&mut T, AuditRecord) -> ControlFlow<()> + Send + 'static,
    {
        self.store
            .read(move |snapshot| {
                let mut page = start;
                let add = |record| each(&mut page, record);
                let up_to = snapshot.for_each_audit_entry(after, &filter, PASSED_OVER_MAX, add)?;
                Ok(Listed { page, up_to })
            })
            .await
    }

    /// Forgets what is older than `retention`, now and then, as long as it is polled.
    pub(crate) async fn sweep_audit(&self, retention: Duration) {
        let mut interval = tokio::time::interval(FORGET_INTERVAL);
        loop {
            interval.tick().await;
            if let Err(error) = self.forget_audit(retention).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "old entries of the audit stay for now"
                );
            }
        }
    }

    async fn forget_audit(&self, retention: Duration) -> Result<(), StoreError> {
        let Some(before) = (self.clock)().checked_sub(retention) else { return Ok(()) };
        loop {
            let forget = self.store.write::<_, StoreError, _>(Keep::Changes, move |transaction| {
                transaction.forget_audit(before, FORGOTTEN_AT_ONCE)
            });
            if forget.await?.value < FORGOTTEN_AT_ONCE {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests;
