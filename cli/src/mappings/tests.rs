use std::io::Cursor;

use pointsman_proto::admin::v1::customer_mapping_row::Target;

use super::*;

fn read(format: FileFormat, text: impl AsRef<[u8]>) -> Vec<FileRow> {
    let rows = Rows::open(format, Cursor::new(text.as_ref().to_vec())).expect("a header");
    rows.map(|row| row.expect("no failure of a cursor")).collect()
}

fn csv(text: impl AsRef<[u8]>) -> Vec<FileRow> {
    read(FileFormat::Csv, text)
}

fn header(text: &str) -> String {
    Rows::open(FileFormat::Csv, Cursor::new(text.as_bytes())).expect_err("a fault").to_string()
}

fn by_name(source: &str, customer: &str) -> CustomerMappingRow {
    CustomerMappingRow {
        source_customer_id: source.to_owned(),
        target: Some(Target::Customer(customer.to_owned())),
        ..CustomerMappingRow::default()
    }
}

fn good(line: u64, row: CustomerMappingRow) -> FileRow {
    FileRow { line, row: Ok(row) }
}

fn fault(rows: &[FileRow], line: u64) -> &str {
    let found = rows.iter().find(|row| row.line == line).unwrap_or_else(|| panic!("no {line} in {rows:?}"));
    found.row.as_ref().expect_err("a fault")
}

#[test]
fn csv_is_read_as_rfc_4180_has_it() {
    let text = "\u{feff}source_customer_id,customer\r\nA,customers/a\r\n\r\n\"B,\"\"1\"\"\",customers/b\n\"C\r\n1\",\"customers/c\"\n\nD,customers/d";
    let rows = csv(text);
    assert_eq!(
        rows,
        [
            good(2, by_name("A", "customers/a")),
            good(4, by_name("B,\"1\"", "customers/b")),
            good(5, by_name("C\r\n1", "customers/c")),
            good(8, by_name("D", "customers/d")),
        ]
    );
}

#[test]
fn columns_come_in_any_order_and_in_both_spellings() {
    let rows = csv("displayName,externalId,source_customer_id,customer_mapping_id\nAn A,x-1,A,a\n,x-2,B,\n");
    let target = |id: &str| Some(Target::ExternalId(id.to_owned()));
    let a = CustomerMappingRow {
        source_customer_id: "A".to_owned(),
        target: target("x-1"),
        customer_mapping_id: "a".to_owned(),
        display_name: Some("An A".to_owned()),
    };
    let b = CustomerMappingRow {
        source_customer_id: "B".to_owned(),
        target: target("x-2"),
        ..CustomerMappingRow::default()
    };
    assert_eq!(rows, [good(2, a), good(3, b)]);
}

#[test]
fn a_header_that_is_none_is_told() {
    assert_eq!(header(""), "line 1: the header has no source_customer_id");
    assert!(header("A,customers/a\n").starts_with("line 1: \"A\" is no column"));
    assert!(header("customer,external_id\n").contains("no source_customer_id"));
    assert!(header("source_customer_id;customer\n").ends_with("columns are separated by commas"));
    assert!(header("source_customer_id\n").contains("neither"));
    assert!(header("customer,source_customer_id,sourceCustomerId\n").contains("twice"));
}

#[test]
fn a_faulty_line_is_told_and_the_next_one_read() {
    let long = "x".repeat(LINE_BYTES_MAX);
    let text = format!(
        "source_customer_id,customer,external_id\nA\"1,customers/a,\n\"A\"1,customers/a,\nA\n{long},customers/a,\nA,customers/a,x\nB,customers/b,\n\"C,customers/c,\nD,"
    );
    let rows = csv(text);
    assert!(fault(&rows, 2).contains("not quoted"));
    assert!(fault(&rows, 3).contains("behind a closing quote"));
    assert_eq!(fault(&rows, 4), "has 1 fields, and the header 3");
    assert_eq!(fault(&rows, 5), "is longer than 64 KiB");
    assert!(fault(&rows, 6).contains("twice"));
    assert_eq!(rows[5], good(7, by_name("B", "customers/b")));
    assert!(fault(&rows, 8).contains("never closed"));
    assert_eq!(rows.len(), 7);
    assert_eq!(fault(&csv(b"source_customer_id,customer\n\xff,customers/a\n"), 2), "is not UTF-8");
}

/// A quote that is never closed does not swallow a file of any length into memory.
#[test]
fn a_row_of_many_lines_is_bounded_too() {
    let text = format!("source_customer_id,customer\n\"{}", "A\n".repeat(LINE_BYTES_MAX));
    let rows = csv(text);
    assert_eq!(fault(&rows, 2), "is longer than 64 KiB");
}

#[test]
fn json_lines_have_both_spellings_and_no_other_fields() {
    let text = "\u{feff}{\"source_customer_id\":\"A\",\"customer\":\"customers/a\"}\r\n\n\
                {\"sourceCustomerId\":\"B\",\"externalId\":\"x\",\"displayName\":\"\",\"customerMappingId\":\"b\"}\n\
                {\"source_customer_id\":1,\"customer\":\"customers/a\"}\n\
                {\"source_customer_id\":\"A\",\"costumer\":\"customers/a\"}\n\
                {\"source_customer_id\":\"A\",\"sourceCustomerId\":\"B\",\"customer\":\"customers/a\"}\n\
                {\"source_customer_id\":\"A\"\n[]\n";
    let rows = read(FileFormat::Jsonl, text);
    assert_eq!(rows[0], good(1, by_name("A", "customers/a")));
    let b = CustomerMappingRow {
        source_customer_id: "B".to_owned(),
        target: Some(Target::ExternalId("x".to_owned())),
        customer_mapping_id: "b".to_owned(),
        display_name: Some(String::new()),
    };
    assert_eq!(rows[1], good(3, b));
    assert!(fault(&rows, 4).contains("expected a string"), "{rows:?}");
    assert!(fault(&rows, 5).contains("unknown field `costumer`"), "{rows:?}");
    assert!(fault(&rows, 6).contains("duplicate field"), "{rows:?}");
    assert!(fault(&rows, 7).contains("EOF"), "{rows:?}");
    assert_eq!(rows.len(), 7);
}

#[test]
fn the_name_of_a_file_says_how_it_is_written() {
    let of = |name: &str| FileFormat::of(Path::new(name));
    assert_eq!(of("a/b.CSV"), Some(FileFormat::Csv));
    assert_eq!((of("b.jsonl"), of("b.ndjson")), (Some(FileFormat::Jsonl), Some(FileFormat::Jsonl)));
    assert_eq!((of("b"), of("b.txt")), (None, None));
}
