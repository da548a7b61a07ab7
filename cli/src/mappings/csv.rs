//! Comma-separated values, as RFC 4180 has them: a header line, quotes doubled within quotes, lines that end in LF or CRLF.
//! Strict, so that no two readers see two different customers: a quote within a bare field, and text behind a closing
//! quote, are faults.

use std::{
    io::{self, BufRead},
    mem,
};

use pointsman_proto::admin::v1::CustomerMappingRow;

use super::{
    FileError, FileRow, LINE_BYTES_MAX,
    jsonl::target,
    lines::{Lines, Read},
    too_long,
};

/// Reads rows of CSV.
#[derive(Debug)]
pub(crate) struct Csv<R> {
    lines: Lines<R>,
    line: Vec<u8>,
    columns: Vec<Column>,
}

/// The fields of a record, or what is wrong with it.
type Fields = Result<Vec<String>, String>;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    SourceCustomerId,
    Customer,
    ExternalId,
    CustomerMappingId,
    DisplayName,
}

impl Column {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "source_customer_id" | "sourceCustomerId" => Self::SourceCustomerId,
            "customer" => Self::Customer,
            "external_id" | "externalId" => Self::ExternalId,
            "customer_mapping_id" | "customerMappingId" => Self::CustomerMappingId,
            "display_name" | "displayName" => Self::DisplayName,
            _ => return None,
        })
    }
}

impl<R: BufRead> Csv<R> {
    /// Reads the header line.
    pub(super) fn open(reader: R) -> Result<Self, FileError> {
        let mut this = Self { lines: Lines::new(reader), line: Vec::new(), columns: Vec::new() };
        let header = this.next_record()?;
        let (line, fields) = header.unwrap_or((1, Ok(Vec::new())));
        this.columns = fields.and_then(columns).map_err(|reason| FileError::Header { line, reason })?;
        Ok(this)
    }

    pub(super) fn next_row(&mut self) -> io::Result<Option<FileRow>> {
        let Some((line, fields)) = self.next_record()? else { return Ok(None) };
        let row = fields.and_then(|fields| self.row(fields));
        Ok(Some(FileRow { line, row }))
    }

    fn row(&self, fields: Vec<String>) -> Result<CustomerMappingRow, String> {
        if fields.len() != self.columns.len() {
            return Err(format!("has {} fields, and the header {}", fields.len(), self.columns.len()));
        }
        let mut row = CustomerMappingRow::default();
        let (mut customer, mut external_id) = (None, None);
        for (column, field) in self.columns.iter().zip(fields) {
            match column {
                Column::SourceCustomerId => row.source_customer_id = field,
                Column::CustomerMappingId => row.customer_mapping_id = field,
                // Without a way to tell "none" from "empty", it is none.
                Column::Customer => customer = Some(field).filter(|field| !field.is_empty()),
                Column::ExternalId => external_id = Some(field).filter(|field| !field.is_empty()),
                Column::DisplayName => row.display_name = Some(field).filter(|field| !field.is_empty()),
            }
        }
        row.target = target(customer, external_id)?;
        Ok(row)
    }

    /// The next record and its first line; empty lines are none.
    fn next_record(&mut self) -> io::Result<Option<(u64, Fields)>> {
        let mut record = Record::default();
        let mut first = None;
        loop {
            self.line.clear();
            let room = LINE_BYTES_MAX.saturating_sub(record.bytes);
            let read = self.lines.read(&mut self.line, room)?;
            let number = *first.get_or_insert(self.lines.number);
            match read {
                Read::End if record.state == State::Quoted => {
                    return Ok(Some((number, Err("a quote is opened here and never closed".to_owned()))));
                }
                Read::End => return Ok(None),
                Read::TooLong => return Ok(Some((number, Err(too_long())))),
                Read::Line => {}
            }
            let (line, end) = match self.line.strip_suffix(b"\r") {
                Some(line) => (line, &b"\r\n"[..]),
                None => (&self.line[..], &b"\n"[..]),
            };
            if line.is_empty() && record.state == State::Start && record.fields.is_empty() {
                first = None;
                continue;
            }
            if let Err(reason) = record.take(line) {
                return Ok(Some((number, Err(reason.to_owned()))));
            }
            if record.state != State::Quoted {
                return Ok(Some((number, record.finish())));
            }
            record.field.extend_from_slice(end);
            record.bytes += self.line.len() + 1;
        }
    }
}

fn columns(names: Vec<String>) -> Result<Vec<Column>, String> {
    let mut columns = Vec::with_capacity(names.len());
    for name in &names {
        let column = Column::of(name.trim()).ok_or_else(|| {
            if name.contains([';', '\t']) {
                return format!("{name:?} is no column: columns are separated by commas");
            }
            format!(
                "{name:?} is no column: the header is `source_customer_id,customer` or \
                 `source_customer_id,external_id`, with `customer_mapping_id` and `display_name` if wished"
            )
        })?;
        if columns.contains(&column) {
            return Err(format!("the column {name:?} is there twice"));
        }
        columns.push(column);
    }
    let missing = |column| !columns.contains(&column);
    if missing(Column::SourceCustomerId) {
        return Err("the header has no source_customer_id".to_owned());
    }
    if missing(Column::Customer) && missing(Column::ExternalId) {
        return Err("the header has neither customer nor external_id".to_owned());
    }
    Ok(columns)
}

/// A record that is being read.
#[derive(Debug, Default)]
struct Record {
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    state: State,
    /// Of the lines before this one.
    bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// At the start of a field.
    #[default]
    Start,
    Bare,
    Quoted,
    /// Behind a quote in a quoted field.
    Closed,
}

impl Record {
    fn take(&mut self, line: &[u8]) -> Result<(), &'static str> {
        for &byte in line {
            self.state = match (self.state, byte) {
                (State::Start, b'"') => State::Quoted,
                (State::Start | State::Bare | State::Closed, b',') => {
                    self.fields.push(mem::take(&mut self.field));
                    State::Start
                }
                (State::Bare, b'"') => {
                    return Err(
                        "holds a quote in a field that is not quoted: quote the field, and double the quote",
                    );
                }
                (State::Quoted, b'"') => State::Closed,
                (State::Closed, b'"') => {
                    self.field.push(b'"');
                    State::Quoted
                }
                (State::Closed, _) => return Err("holds text behind a closing quote"),
                (State::Start | State::Bare, _) => {
                    self.field.push(byte);
                    State::Bare
                }
                (State::Quoted, _) => {
                    self.field.push(byte);
                    State::Quoted
                }
            };
        }
        Ok(())
    }

    fn finish(mut self) -> Fields {
        self.fields.push(self.field);
        let texts = self.fields.into_iter().map(String::from_utf8);
        texts.collect::<Result<_, _>>().map_err(|_| "is not UTF-8".to_owned())
    }
}
