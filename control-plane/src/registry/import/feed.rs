//! Reads the rows of an import back, in the order of their source customer ids, beside the thread that writes them.
//!
//! In that order rows of the same source customer id are neighbours, and the database writes neighbours with the least
//! work. The sorting is done before the first row comes, while others write.

use std::{mem, ops::ControlFlow};

use pointsman_routing::name::{IntegrationId, MappingId, MappingName};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::progress::Last;
use crate::{
    domain::derived_mapping_id,
    store::{ImportRecord, StagedRow, Store, StoreError},
};

/// Rows that are handed over together.
const BATCH_ROWS: usize = 1_000;
/// Batches that wait to be written.
const BATCHES: usize = 4;

/// A row that is ready to be written.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) staged: StagedRow,
    /// The name and the uid of the mapping, should there be none yet.
    pub(super) name: String,
    pub(super) uid: Uuid,
}

/// The rows that are still to be written.
#[derive(Debug)]
pub(super) struct Feed {
    batches: mpsc::Receiver<Result<Vec<Ready>, StoreError>>,
    _reading: AbortOnDropHandle<()>,
}

impl Feed {
    /// The rows of an import behind `last`.
    pub(super) fn start(
        store: &Store,
        integration: IntegrationId,
        record: ImportRecord,
        last: Option<Last>,
    ) -> Self {
        let (sender, batches) = mpsc::channel(BATCHES);
        let store = store.clone();
        let reading = async move {
            let fed = sender.clone();
            let read = store.read(move |snapshot| {
                let after = last.as_ref().map(|last| (last.source_customer_id.as_str(), last.row));
                let mut batch = Vec::with_capacity(BATCH_ROWS);
                snapshot.for_each_staged(&record, after, |staged| {
                    batch.push(Ready::of(staged, &integration));
                    if batch.len() < BATCH_ROWS {
                        return Ok::<_, StoreError>(ControlFlow::Continue(()));
                    }
                    let batch = mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
                    // Nobody may want more.
                    let sent = fed.blocking_send(Ok(batch));
                    Ok(if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
                })?;
                Ok(batch)
            });
            let last = read.await;
            let _ = sender.send(last).await;
        };
        Self { batches, _reading: AbortOnDropHandle::new(tokio::spawn(reading)) }
    }

    /// The next rows; none behind the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Ready>>, StoreError> {
        some_rows(self.batches.recv().await)
    }

    /// The same, on a thread that may block.
    pub(super) fn blocking_next(&mut self) -> Result<Option<Vec<Ready>>, StoreError> {
        some_rows(self.batches.blocking_recv())
    }
}

/// The last batch is the only one that can be empty.
fn some_rows(batch: Option<Result<Vec<Ready>, StoreError>>) -> Result<Option<Vec<Ready>>, StoreError> {
    Ok(batch.transpose()?.filter(|batch| !batch.is_empty()))
}

impl Ready {
    fn of(staged: StagedRow, integration: &IntegrationId) -> Self {
        if staged.fault.is_some() {
            return Self { staged, name: String::new(), uid: Uuid::nil() };
        }
        // An id of its own is sound, or there would be a fault.
        let own = staged.mapping_id.as_deref().and_then(|id| MappingId::parse(id).ok());
        let mapping = own.unwrap_or_else(|| derived_mapping_id(&staged.source_customer_id));
        let name = MappingName { integration: integration.clone(), mapping };
        Self { name: name.to_string(), uid: Uuid::new_v4(), staged }
    }
}
