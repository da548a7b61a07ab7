//! What came of an import, by line.

use std::{fmt::Write as _, fs, path::Path};

use pointsman_proto::admin::v1::ImportCustomerMappingsResponse;

use super::messages::Sent;
use crate::{
    commands::Failure,
    output::{progress::thousands, style::shown},
};

/// So many bad lines are shown.
const SHOWN: usize = 20;

/// What came of an import.
#[derive(Debug)]
pub(super) struct Report<'a> {
    answer: &'a ImportCustomerMappingsResponse,
    rows: u64,
    /// In order.
    bad: Vec<BadLine>,
}

#[derive(Debug)]
struct BadLine {
    line: u64,
    source_customer_id: String,
    reason: String,
}

impl<'a> Report<'a> {
    pub(super) fn new(answer: &'a ImportCustomerMappingsResponse, sent: &Sent) -> Self {
        let bad = answer.failures.iter().map(|failure| BadLine {
            line: sent.line(failure.row),
            source_customer_id: failure.source_customer_id.clone(),
            reason: match (sent.fault(failure.row), failure.earlier_row) {
                (Some(fault), _) => fault,
                (None, Some(earlier)) => {
                    format!("the source customer id stands in line {} already", sent.line(earlier))
                }
                (None, None) => failure.reason.clone(),
            },
        });
        Self { answer, rows: sent.rows(), bad: bad.collect() }
    }

    /// For people.
    pub(super) fn summary(&self, is_dry_run: bool) -> String {
        let mut text = String::new();
        for bad in self.bad.iter().take(SHOWN) {
            let _ = writeln!(text, "line {}: {}{}", bad.line, bad.named(), shown(&bad.reason));
        }
        let answer = self.answer;
        let count = |count: i64| thousands(count.unsigned_abs());
        let left_out = answer.failed.unsigned_abs().saturating_sub(self.bad.len().min(SHOWN) as u64);
        if left_out > 0 {
            let _ = writeln!(text, "… and {} more; --report FILE takes the first 1,000", thousands(left_out));
        }
        let _ = write!(
            text,
            "{} rows: {} created, {} updated, {} unchanged, {} bad; ",
            thousands(self.rows),
            count(answer.created),
            count(answer.updated),
            count(answer.unchanged),
            count(answer.failed)
        );
        text.push_str(&match (is_dry_run, answer.committed) {
            (true, _) => "dry run: nothing was changed\n".to_owned(),
            (false, true) => format!("revision {}\n", answer.revision),
            (false, false) => "nothing was changed\n".to_owned(),
        });
        text
    }

    /// The bad lines, as CSV.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text = "line,source_customer_id,reason\r\n".to_owned();
        for BadLine { line, source_customer_id, reason } in &self.bad {
            let _ = write!(text, "{line},{},{}\r\n", quoted(source_customer_id), quoted(reason));
        }
        let failed = |source| Failure::Write { file: path.display().to_string(), source };
        fs::write(path, text).map_err(failed)
    }
}

impl BadLine {
    fn named(&self) -> String {
        match self.source_customer_id.as_str() {
            "" => String::new(),
            id => format!("{}: ", shown(id)),
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}
