//! Why an import does not go on.

use super::{OPEN_IMPORTS_MAX, ROWS_MAX, TEXT_BYTES_MAX};
use crate::domain::ImportId;

/// Why an import does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// As many are under way as may be.
    #[error(
        "{OPEN_IMPORTS_MAX} imports are under way, which is the most there can be: finish one, or wait until one that \
         nobody goes on with is forgotten, 24 hours after its last row"
    )]
    TooMany,
    /// It has more rows, or longer ones, than may be.
    #[error(
        "an import holds at most {ROWS_MAX} rows and {} MiB of text: import the rest by itself",
        TEXT_BYTES_MAX / 1024 / 1024
    )]
    TooLarge,
    /// Another stream goes on with it.
    #[error(
        "another stream has taken the import over, or it was forgotten: ask how many rows are kept, and go on there"
    )]
    TakenOver,
    /// It was begun in another way.
    #[error(
        "the import {0} was begun with another mode or validate_only: begin anew with first_row 0, or choose another id"
    )]
    Differs(ImportId),
    /// It is over, and had other rows.
    #[error(
        "the import {import} is over, and had {rows} rows, which are not these: choose another id for other rows"
    )]
    Over {
        /// Which one.
        import: ImportId,
        /// So many rows it had.
        rows: u64,
    },
    /// Rows before the first one are missing.
    #[error("{kept} rows are kept: begin there, or before that")]
    RowsMissing {
        /// So many rows are there.
        kept: u64,
    },
    /// The end does not fit what came before.
    #[error("{kept} rows are kept, and not {announced}")]
    RowCount {
        /// So many rows are there.
        kept: u64,
        /// So many there should be.
        announced: u64,
    },
    /// There is no such import.
    #[error("there is no import {0}, or none any more: they are forgotten 24 hours after their last row")]
    NotFound(ImportId),
}
