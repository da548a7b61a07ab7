//! What is sent: a start, the rows that the control plane does not have yet, a commit.

use std::{
    collections::BTreeMap,
    io::BufRead,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::stream::{self, Stream};
use pointsman_proto::admin::v1::{
    CustomerMappingRow, ImportCommit, ImportCustomerMappingsRequest, ImportCustomerMappingsResponse,
    ImportRows, ImportStart, import_customer_mappings_request::Message,
};
use pointsman_sdk::admin::AdminError;
use prost::Message as _;

use super::spool::Spool;
use crate::{
    mappings::{FileError, FileRow, Rows},
    output::progress::{Progress, Reached},
};

/// Rows of a message, and their bytes, at most; a row that is longer is a message of its own.
const MESSAGE_ROWS: usize = 5_000;
const MESSAGE_BYTES: usize = 1024 * 1024;
/// So many faults of lines are kept; the control plane tells no more.
const FAULTS_KEPT: usize = 1_000;

/// The messages of one stream.
#[derive(Debug)]
pub(super) struct Messages<R> {
    start: Option<ImportStart>,
    rows: Rows<R>,
    first_row: u64,
    sent: Sent,
    ended: bool,
}

/// What was sent so far. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Sent(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// Rows of the file up to here.
    rows: u64,
    before: u64,
    all: bool,
    lines: LineNumbers,
    /// Faults of lines, by the numbers of their rows.
    faults: BTreeMap<u64, String>,
    failed: Option<FileError>,
}

/// The line of each row: kept where it is not just the one behind the line before.
#[derive(Debug, Default)]
struct LineNumbers(Vec<(u64, u64)>);

impl LineNumbers {
    fn add(&mut self, row: u64, line: u64) {
        if self.of(row) != Some(line) {
            self.0.push((row, line));
        }
    }

    fn of(&self, row: u64) -> Option<u64> {
        let behind = self.0.partition_point(|(first, _)| *first <= row);
        let (first, line) = self.0.get(behind.checked_sub(1)?)?;
        Some(line + (row - first))
    }
}

impl<R: BufRead + Send + 'static> Messages<R> {
    pub(super) fn new(start: ImportStart, rows: Rows<R>) -> Self {
        let first_row = start.first_row.unsigned_abs();
        let sent = Sent::default();
        sent.known().before = first_row;
        Self { start: Some(start), rows, first_row, sent, ended: false }
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent.clone()
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = ImportCustomerMappingsRequest> + Send + 'static {
        stream::iter(self)
    }

    /// The next rows that are not kept yet.
    fn take(&mut self) -> Result<Vec<CustomerMappingRow>, FileError> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < MESSAGE_ROWS && bytes < MESSAGE_BYTES {
            let Some(FileRow { line, row }) = self.rows.next().transpose()? else { break };
            let mut known = self.sent.known();
            let number = known.rows;
            known.rows += 1;
            known.lines.add(number, line);
            // A row that nobody can write keeps the place of one that nobody can read.
            let row = row.unwrap_or_else(|fault| {
                if known.faults.len() < FAULTS_KEPT {
                    known.faults.insert(number, fault);
                }
                CustomerMappingRow::default()
            });
            if number >= self.first_row {
                bytes += row.encoded_len();
                rows.push(row);
            }
        }
        Ok(rows)
    }
}

impl<R: BufRead + Send + 'static> Iterator for Messages<R> {
    type Item = ImportCustomerMappingsRequest;

    fn next(&mut self) -> Option<ImportCustomerMappingsRequest> {
        if self.ended {
            return None;
        }
        let message = match self.start.take() {
            Some(start) => Message::Start(start),
            None => match self.take() {
                Ok(rows) if rows.is_empty() => {
                    self.ended = true;
                    let mut known = self.sent.known();
                    known.all = true;
                    Message::Commit(ImportCommit { row_count: i64::try_from(known.rows).unwrap_or(i64::MAX) })
                }
                Ok(rows) => Message::Rows(ImportRows { rows }),
                Err(error) => {
                    self.ended = true;
                    self.sent.known().failed = Some(error);
                    return None;
                }
            },
        };
        Some(ImportCustomerMappingsRequest { message: Some(message) })
    }
}

impl Sent {
    /// The line of a row.
    pub(super) fn line(&self, row: i64) -> u64 {
        self.known().lines.of(row.unsigned_abs()).unwrap_or_default()
    }

    /// What is wrong with the line of a row.
    pub(super) fn fault(&self, row: i64) -> Option<String> {
        self.known().faults.get(&row.unsigned_abs()).cloned()
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> u64 {
        self.known().rows
    }

    /// Why the file could not be read to its end.
    pub(super) fn failed(&self) -> Option<FileError> {
        mem::take(&mut self.known().failed)
    }

    /// Tells how far it is until there is an answer.
    pub(super) async fn watched(
        &self,
        answer: impl Future<Output = Result<ImportCustomerMappingsResponse, AdminError>>,
        spool: &Spool,
        progress: &mut Progress,
    ) -> Result<ImportCustomerMappingsResponse, AdminError> {
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer,
                () = tokio::time::sleep(progress.interval()) => progress.tell(self.reached(spool)),
            }
        }
    }

    fn reached(&self, spool: &Spool) -> Reached {
        let known = self.known();
        Reached {
            rows: known.rows,
            before: known.before,
            bytes: spool.read(),
            of: spool.bytes,
            sent: known.all,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_its_line_and_few_are_kept() {
        let mut lines = LineNumbers::default();
        let of_rows = [2, 3, 4, 9, 10, 12];
        for (row, line) in (0..).zip(of_rows) {
            lines.add(row, line);
        }
        let told: Vec<_> = (0..6).map(|row| lines.of(row).expect("a line")).collect();
        assert_eq!(told, of_rows);
        assert_eq!(lines.0.len(), 3);
        assert_eq!(LineNumbers::default().of(0), None);
    }
}
