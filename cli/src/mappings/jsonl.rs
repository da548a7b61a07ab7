//! JSON Lines.

use std::io::{self, BufRead};

use pointsman_proto::admin::v1::{CustomerMappingRow, customer_mapping_row::Target};
use serde::Deserialize;

use super::{
    FileRow, LINE_BYTES_MAX,
    lines::{Lines, Read},
    too_long,
};

/// Reads rows of JSON.
#[derive(Debug)]
pub(crate) struct JsonLines<R> {
    lines: Lines<R>,
    line: Vec<u8>,
}

/// A row, in the names of the API or of its JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    #[serde(alias = "sourceCustomerId")]
    source_customer_id: String,
    customer: Option<String>,
    #[serde(alias = "externalId")]
    external_id: Option<String>,
    #[serde(default, alias = "customerMappingId")]
    customer_mapping_id: Option<String>,
    #[serde(alias = "displayName")]
    display_name: Option<String>,
}

impl<R: BufRead> JsonLines<R> {
    pub(super) fn open(reader: R) -> Self {
        Self { lines: Lines::new(reader), line: Vec::new() }
    }

    pub(super) fn next_row(&mut self) -> io::Result<Option<FileRow>> {
        loop {
            self.line.clear();
            let read = self.lines.read(&mut self.line, LINE_BYTES_MAX)?;
            let line = self.lines.number;
            let row = match read {
                Read::End => return Ok(None),
                Read::TooLong => Err(too_long()),
                Read::Line if self.line.trim_ascii().is_empty() => continue,
                Read::Line => parse(&self.line),
            };
            return Ok(Some(FileRow { line, row }));
        }
    }
}

fn parse(line: &[u8]) -> Result<CustomerMappingRow, String> {
    let row: Row = serde_json::from_slice(line).map_err(|error| {
        // Its line is always 1.
        let text = error.to_string();
        text.rsplit_once(" at line ")
            .map_or(text.clone(), |(reason, _)| format!("{reason} at column {}", error.column()))
    })?;
    let target = target(row.customer, row.external_id)?;
    Ok(CustomerMappingRow {
        source_customer_id: row.source_customer_id,
        target,
        customer_mapping_id: row.customer_mapping_id.unwrap_or_default(),
        display_name: row.display_name,
    })
}

/// Which customer is meant. What is missing is for the control plane to say.
pub(super) fn target(
    customer: Option<String>,
    external_id: Option<String>,
) -> Result<Option<Target>, String> {
    match (customer, external_id) {
        (Some(_), Some(_)) => Err("names its customer twice: by customer and by external_id".to_owned()),
        (Some(customer), None) => Ok(Some(Target::Customer(customer))),
        (None, external_id) => Ok(external_id.map(Target::ExternalId)),
    }
}
