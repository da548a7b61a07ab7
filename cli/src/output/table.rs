//! Tables for people.

use std::fmt;

use super::style::shown;

const GAP: usize = 3;

/// Rows whose columns are as wide as their widest cell; the last one is as wide as it is.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    indent: usize,
}

impl Table {
    /// One without a head.
    pub(crate) fn plain() -> Self {
        Self::default()
    }

    /// One with a head, in capitals.
    pub(crate) fn with_head<const N: usize>(head: [&str; N]) -> Self {
        let mut table = Self::plain();
        table.rows.push(head.iter().map(|cell| cell.to_uppercase()).collect());
        table
    }

    /// Moves all rows to the right.
    pub(crate) fn indented(mut self, by: usize) -> Self {
        self.indent = by;
        self
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize, T: AsRef<str>>(&mut self, cells: [T; N]) {
        self.rows.push(cells.iter().map(|cell| shown(cell.as_ref())).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in &self.rows {
            let mut line = " ".repeat(self.indent);
            for (cell, width) in row.iter().zip(&widths) {
                let pad = width + GAP - cell.chars().count();
                line.push_str(cell);
                line.push_str(&" ".repeat(pad));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_nothing_trails() {
        let mut table = Table::with_head(["name", "state", "url"]);
        table.row(["a", "", "x"]);
        table.row(["längeres", "paused", ""]);
        assert_eq!(
            table.to_string(),
            "NAME       STATE    URL\n\
             a                   x\n\
             längeres   paused\n"
        );
    }
}
