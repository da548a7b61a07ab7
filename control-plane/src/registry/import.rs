//! Imports: any number of customer mappings of an integration, told apart by their source customer ids.
//!
//! Rows are kept aside in short transactions while they come, so that others write meanwhile, and a stream that is cut is
//! taken up by the next one where it was. Once all are there they are read back in the order of their source customer ids
//! and written: all of them in one transaction, or chunk by chunk. How far that has come, and what came of it, is written
//! in the same transactions as the mappings: wherever a cut or a crash comes, nothing is written twice or forgotten.

use std::{mem, time::Duration};

use pointsman_routing::{
    integration::IntegrationSpec,
    name::{IntegrationId, ResourceName},
};
use tokio::{
    sync::{Mutex, Notify},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    Answer, Call, Error, MappingRow, Registry, RowTarget, Writing, exists, mapping_row::AnyNames,
    to_the_microsecond,
};
use crate::{
    domain::{Caller, ImportId, Revision},
    store::{ImportKey, ImportRecord, Keep, Remembered, StagedRow, StoreError},
};

mod content;
mod error;
mod feed;
mod progress;
mod run;

pub use error::ImportError;
pub(crate) use progress::{Failure, ImportOutcome};

use content::Content;
use feed::{Feed, Ready};
use progress::Progress;
use run::Run;

/// Imports under way, of all callers together.
const OPEN_IMPORTS_MAX: u64 = 10;
/// Rows of an import.
const ROWS_MAX: u64 = 20_000_000;
/// Bytes of text in the rows of an import.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Rows that are kept aside in one transaction, about.
const STAGED_ROWS: usize = 10_000;
/// The same in bytes of text.
const STAGED_BYTES: usize = 1024 * 1024;
/// Rows that an import which keeps going writes in one transaction, at least: others get their turn between two.
const CHUNK_ROWS: usize = 25_000;
/// Between two looks for imports whose time is over.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);
/// How much of a faulty source customer id is kept, in bytes.
const SOURCE_BYTES: usize = 255;

/// What imports have in common.
#[derive(Debug, Default)]
pub(super) struct Imports {
    /// Held by the one whose rows are being written.
    turn: Mutex<()>,
    /// There are rows that nobody needs any more.
    to_sweep: Notify,
    /// The control plane is stopping.
    ending: CancellationToken,
}

/// How an import begins, or goes on.
#[derive(Clone, Debug)]
pub(crate) struct ImportStart {
    pub(crate) integration: IntegrationId,
    pub(crate) import_id: ImportId,
    /// A bad row does not keep the others from being written.
    pub(crate) keep_going: bool,
    /// The rows before this one are kept.
    pub(crate) first_row: u64,
}

/// How far an import has come.
#[derive(Clone, Debug)]
pub(crate) struct ImportStatus {
    /// So many rows are kept.
    pub(crate) row_count: u64,
    /// What came of it, where it is over.
    pub(crate) outcome: Option<ImportOutcome>,
}

/// A stream of rows.
#[derive(Debug)]
pub(crate) struct Import {
    registry: Registry,
    call: Call,
    key: ImportKey,
    import_id: ImportId,
    record: ImportRecord,
    any: AnyNames,
    /// The number of the next row.
    next_row: u64,
    waiting: Vec<StagedRow>,
    waiting_bytes: usize,
    /// The rows before those are just being kept aside.
    staging: Option<AbortOnDropHandle<Result<(), Error>>>,
    /// It is over: what came of it is told again.
    over: Option<ImportOutcome>,
    /// Which rows came again of one that is over; none where they do not come from the first one on.
    content: Option<Content>,
}

impl Registry {
    /// Begins an import, or goes on with one. Any other stream of it is cut off.
    pub(crate) async fn open_import(&self, call: Call, start: ImportStart) -> Result<Import, Error> {
        let ImportStart { integration, import_id, .. } = &start;
        let key = key(&call.caller, integration, import_id);
        let open = {
            let (call, key, start) = (call.clone(), key.clone(), start.clone());
            move |writing: &mut Writing<'_, '_>| open(writing, &call, &key, &start)
        };
        let (record, over) = self.transact(&call, open).await?;
        // There may be rows of what it was before.
        self.imports.to_sweep.notify_one();
        Ok(Import {
            registry: self.clone(),
            call,
            key,
            import_id: start.import_id,
            record,
            any: AnyNames::default(),
            next_row: start.first_row,
            waiting: Vec::new(),
            waiting_bytes: 0,
            staging: None,
            over,
            content: (start.first_row == 0).then(Content::default),
        })
    }

    /// How far an import of this caller has come.
    pub(crate) async fn import_status(
        &self,
        caller: &Caller,
        integration: IntegrationId,
        import_id: ImportId,
    ) -> Result<ImportStatus, Error> {
        let name = ResourceName::Integration(integration.clone());
        if !caller.may_read(&name) {
            return Err(Error::OutOfScope(name));
        }
        let key = key(caller, &integration, &import_id);
        let now = (self.clock)();
        self.store
            .read(move |snapshot| {
                exists(snapshot.contains::<IntegrationSpec>(&integration)?, &integration)?;
                let record = snapshot.import(&key, now)?.ok_or(ImportError::NotFound(import_id))?;
                let outcome = Progress::read(record.progress.as_deref())?.outcome;
                Ok(ImportStatus { row_count: record.row_count, outcome: record.finished.then_some(outcome) })
            })
            .await
    }

    /// Asks the streams of all imports to end: the control plane is stopping. They can be taken up when it is back.
    pub(crate) fn end_imports(&self) {
        self.imports.ending.cancel();
    }

    /// Answers when streams are to end.
    pub(crate) async fn imports_ending(&self) {
        self.imports.ending.cancelled().await;
    }

    /// Drops rows that no import needs any more, again and again, in short transactions; ends when the store is closed.
    pub(crate) async fn sweep_imports(&self) {
        loop {
            match self.sweep_once().await {
                Ok(()) => {}
                Err(StoreError::Closed) => return,
                Err(error) => tracing::warn!(%error, "rows of imports that are over could not be dropped"),
            }
            // Either way it is time to look again.
            let _ = timeout(SWEEP_INTERVAL, self.imports.to_sweep.notified()).await;
        }
    }

    async fn sweep_once(&self) -> Result<(), StoreError> {
        let now = (self.clock)();
        while self.store.write(Keep::Changes, move |transaction| transaction.sweep_imports(now)).await?.value
        {
        }
        Ok(())
    }

    /// Does `work` in one transaction, which lasts also where nothing of the call's is to be written.
    async fn transact<T: Send + 'static>(
        &self,
        call: &Call,
        work: impl FnOnce(&mut Writing<'_, '_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let now = to_the_microsecond((self.clock)());
        let call = call.clone();
        let written = self
            .store
            .write(Keep::Changes, move |transaction| work(&mut Writing::new(transaction, &call, now)));
        Ok(written.await?.value)
    }
}

fn key(caller: &Caller, integration: &IntegrationId, import_id: &ImportId) -> ImportKey {
    ImportKey {
        caller: caller.name.to_string(),
        integration: integration.clone(),
        import_id: import_id.as_str().to_owned(),
    }
}

/// The import of this key, as a new stream of it finds it; and what came of it, where it is over.
fn open(
    writing: &mut Writing<'_, '_>,
    call: &Call,
    key: &ImportKey,
    start: &ImportStart,
) -> Result<(ImportRecord, Option<ImportOutcome>), Error> {
    let &ImportStart { keep_going, first_row, .. } = start;
    let now = writing.now;
    let validate_only = call.keep == Keep::Nothing;
    writing.authorize(&ResourceName::Integration(key.integration.clone()))?;
    let snapshot = writing.transaction.snapshot();
    exists(snapshot.contains::<IntegrationSpec>(&key.integration)?, &key.integration)?;
    if let Some(request) = &call.request
        && let Some(remembered) = writing.transaction.recall(&call.caller.name, &request.id, now)?
    {
        // It may stand for something else.
        Call::replay::<ImportOutcome>(remembered, &writing.transaction.blind(&request.digest))?;
    }

    let found = snapshot.import(key, now)?;
    let Some(record) = found else {
        if snapshot.open_imports(now)? >= OPEN_IMPORTS_MAX {
            return Err(ImportError::TooMany.into());
        }
        if first_row > 0 {
            return Err(ImportError::RowsMissing { kept: 0 }.into());
        }
        return Ok((writing.transaction.begin_import(key, (keep_going, validate_only), now)?, None));
    };
    let outcome = Progress::read(record.progress.as_deref())?.outcome;
    let is_same = (record.keep_going, record.validate_only) == (keep_going, validate_only);
    let is_committed = record.finished && outcome.committed;
    if first_row == 0 && !is_committed {
        return Ok((writing.transaction.begin_import(key, (keep_going, validate_only), now)?, None));
    }
    if !is_same {
        return Err(ImportError::Differs(start.import_id.clone()).into());
    }
    if first_row > record.row_count {
        return Err(ImportError::RowsMissing { kept: record.row_count }.into());
    }
    let row_count = if is_committed { record.row_count } else { first_row };
    let record = writing.transaction.resume_import(&record, row_count, now)?;
    let over = record.finished.then_some(outcome);
    Ok((record, over))
}

impl Import {
    /// Takes more rows.
    pub(crate) async fn add(&mut self, rows: impl Iterator<Item = MappingRow>) -> Result<(), Error> {
        for row in rows {
            let row = staged(self.next_row, row, &self.any);
            if self.over.is_some() {
                if let Some(content) = &mut self.content {
                    content.add(&row);
                }
            } else {
                self.waiting_bytes += row.bytes();
                self.record.byte_count += row.bytes() as u64;
                self.waiting.push(row);
            }
            self.next_row += 1;
        }
        if self.next_row > ROWS_MAX || self.record.byte_count > TEXT_BYTES_MAX {
            return Err(ImportError::TooLarge.into());
        }
        if self.waiting.len() >= STAGED_ROWS || self.waiting_bytes >= STAGED_BYTES {
            self.stage().await?;
        }
        Ok(())
    }

    /// Keeps what came so far aside: a later stream can go on behind it.
    pub(crate) async fn keep(&mut self) -> Result<(), Error> {
        self.stage().await?;
        self.staged().await
    }

    /// Writes the rows, of which there are `row_count`, and says what came of it.
    pub(crate) async fn commit(mut self, row_count: u64) -> Result<ImportOutcome, Error> {
        self.keep().await?;
        if let Some(outcome) = self.over {
            let rows = self.record.row_count;
            let is_known = self.content.is_some() && outcome.content.is_some();
            let is_same = !is_known || self.content == outcome.content;
            if is_same && (row_count, self.next_row) == (rows, rows) {
                return Ok(outcome);
            }
            return Err(ImportError::Over { import: self.import_id, rows }.into());
        }
        if row_count != self.next_row {
            return Err(ImportError::RowCount { kept: self.next_row, announced: row_count }.into());
        }
        self.record.row_count = row_count;
        // One at a time: each holds a connection that reads, and they would only wait for each other.
        let registry = self.registry.clone();
        let _turn = registry.imports.turn.lock().await;
        let progress = Progress::read(self.record.progress.as_deref())?;
        let feed = Feed::start(
            &registry.store,
            self.key.integration.clone(),
            self.record.clone(),
            progress.last.clone(),
        );
        let outcome = if self.record.keep_going && self.call.keep == Keep::Changes {
            self.write_chunks(progress, feed).await?
        } else {
            self.write_all(progress, feed).await?
        };
        registry.imports.to_sweep.notify_one();
        Ok(outcome)
    }

    /// Begins to keep aside what waits, once what came before is kept.
    async fn stage(&mut self) -> Result<(), Error> {
        self.staged().await?;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let rows = mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let (registry, call, record) = (self.registry.clone(), self.call.clone(), self.record.clone());
        self.staging = Some(AbortOnDropHandle::new(tokio::spawn(async move {
            let stage = move |writing: &mut Writing<'_, '_>| {
                if writing.transaction.stage(&record, &rows, writing.now)? {
                    return Ok(());
                }
                Err(ImportError::TakenOver.into())
            };
            registry.transact(&call, stage).await
        })));
        Ok(())
    }

    /// Answers when everything that was to be kept aside is.
    async fn staged(&mut self) -> Result<(), Error> {
        match self.staging.take() {
            Some(staging) => staging.await.map_err(|_| StoreError::Panicked)?,
            None => Ok(()),
        }
    }

    /// Everything in one transaction, which takes the mappings back where they are not to last.
    async fn write_all(&self, progress: Progress, mut feed: Feed) -> Result<ImportOutcome, Error> {
        // Sorted by then, and nobody had to wait for it.
        let first = feed.next().await?;
        let Self { call, key, record, .. } = self;
        let (key, record, keep) = (key.clone(), record.clone(), call.keep);
        let work = move |writing: &mut Writing<'_, '_>| {
            // Nobody waits in vain for a stream that has no say any more.
            note(writing, &record, &progress, false)?;
            let mut run = Run::new(progress, writing.now);
            let mut next = first;
            let (mut run, kept) = writing.transaction.write_mappings(&key.integration, |writer| {
                while let Some(rows) = next {
                    run.take(rows, writer)?;
                    next = feed.blocking_next()?;
                }
                let spoilt = run.progress.outcome.failed > 0 && !record.keep_going;
                if spoilt {
                    run.progress.outcome.wrote_nothing();
                }
                let kept = if spoilt { Keep::Nothing } else { keep };
                Ok::<_, StoreError>(((run, kept), kept))
            })?;
            if kept == Keep::Changes {
                run.record(&key, writing)?;
            }
            let mut progress = run.progress;
            progress.outcome.committed = kept == Keep::Changes;
            finish(writing, &key, &record, progress)
        };
        self.registry.transact(call, work).await
    }

    /// A chunk at a time.
    async fn write_chunks(&self, mut progress: Progress, mut feed: Feed) -> Result<ImportOutcome, Error> {
        loop {
            let mut chunk: Vec<Ready> = Vec::with_capacity(CHUNK_ROWS);
            while chunk.len() < CHUNK_ROWS
                && let Some(rows) = feed.next().await?
            {
                chunk.extend(rows);
            }
            if chunk.is_empty() {
                break;
            }
            let (key, record) = (self.key.clone(), self.record.clone());
            let work = move |writing: &mut Writing<'_, '_>| {
                let mut run = Run::new(progress, writing.now);
                let mut run = writing.transaction.write_mappings(&key.integration, |writer| {
                    run.take(chunk, writer)?;
                    Ok::<_, StoreError>((run, Keep::Changes))
                })?;
                run.record(&key, writing)?;
                note(writing, &record, &run.progress, false)?;
                Ok(run.progress)
            };
            progress = self.registry.transact(&self.call, work).await?;
        }
        progress.outcome.committed = true;
        let (key, record) = (self.key.clone(), self.record.clone());
        let work = move |writing: &mut Writing<'_, '_>| finish(writing, &key, &record, progress);
        self.registry.transact(&self.call, work).await
    }
}

/// Notes how far writing has come, unless another stream has taken over: then nothing of this is to last.
fn note(
    writing: &mut Writing<'_, '_>,
    record: &ImportRecord,
    progress: &Progress,
    finished: bool,
) -> Result<(), Error> {
    let noted = writing.transaction.note_import(record, &progress.to_text(), finished, writing.now)?;
    if noted { Ok(()) } else { Err(ImportError::TakenOver.into()) }
}

/// Notes what came of an import, to be told again. One that was only to be validated leaves nothing behind.
fn finish(
    writing: &mut Writing<'_, '_>,
    key: &ImportKey,
    record: &ImportRecord,
    mut progress: Progress,
) -> Result<ImportOutcome, Error> {
    if progress.rows != record.row_count {
        return Err(StoreError::ImportIncomplete { rows: progress.rows, of: record.row_count }.into());
    }
    if progress.outcome.revision() == Revision::default() {
        progress.outcome.set_revision(writing.transaction.outcome());
    }
    if record.validate_only {
        writing.transaction.forget_import(key)?;
        return Ok(progress.outcome);
    }
    // Of the last row on, nothing but what came of it counts.
    progress.last = None;
    note(writing, record, &progress, true)?;
    if let Some(request) = writing.call.request.as_ref().filter(|_| progress.outcome.committed) {
        let digest = writing.transaction.blind(&request.digest);
        let remembered = Remembered { digest, answer: progress.outcome.to_bytes() };
        writing.transaction.remember(&key.caller, &request.id, writing.now, &remembered)?;
    }
    Ok(progress.outcome)
}

/// A row as it is kept aside.
fn staged(number: u64, row: MappingRow, any: &AnyNames) -> StagedRow {
    let faults = row.faults(any);
    let MappingRow { mut source_customer_id, target, mapping_id, display_name } = row;
    if !faults.is_empty() {
        source_customer_id.truncate(source_customer_id.floor_char_boundary(SOURCE_BYTES));
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        return StagedRow {
            row: number,
            source_customer_id,
            fault: Some(faults.join("; ")),
            ..StagedRow::default()
        };
    }
    let (customer, external_id) = match target {
        Some(RowTarget::Customer(customer)) => (Some(customer), None),
        Some(RowTarget::ExternalId(external_id)) => (None, Some(external_id)),
        None => (None, None),
    };
    StagedRow {
        row: number,
        source_customer_id,
        customer,
        external_id,
        mapping_id: Some(mapping_id).filter(|id| !id.is_empty()),
        display_name,
        fault: None,
    }
}
