//! Imports: rows by the stream, kept aside and written at the end, cut and taken up again.

use futures::stream;
use pointsman_proto::admin::v1::{import_customer_mappings_request::Message, *};
use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::{
    batches::row,
    harness::{ControlPlane, said},
};

const ACME: &str = "integrations/acme-erp";

fn start(import_id: &str) -> ImportStart {
    ImportStart { parent: ACME.to_owned(), import_id: import_id.to_owned(), ..ImportStart::default() }
}

fn keep_going(import_id: &str) -> ImportStart {
    ImportStart { mode: ImportMode::KeepGoing.into(), ..start(import_id) }
}

fn message(message: Message) -> ImportCustomerMappingsRequest {
    ImportCustomerMappingsRequest { message: Some(message) }
}

fn rows(rows: &[CustomerMappingRow]) -> ImportCustomerMappingsRequest {
    message(Message::Rows(ImportRows { rows: rows.to_vec() }))
}

fn commit(row_count: i64) -> ImportCustomerMappingsRequest {
    message(Message::Commit(ImportCommit { row_count }))
}

/// Everything in one stream.
async fn import(
    plane: &ControlPlane,
    start: ImportStart,
    all: &[CustomerMappingRow],
) -> Result<ImportCustomerMappingsResponse, Status> {
    let count = start.first_row + i64::try_from(all.len()).unwrap();
    let mut messages = vec![message(Message::Start(start))];
    messages.extend(all.chunks(1_000).map(rows));
    messages.push(commit(count));
    plane.mappings().import_customer_mappings(stream::iter(messages)).await.map(tonic::Response::into_inner)
}

/// A stream that is still open.
struct Open {
    messages: mpsc::Sender<ImportCustomerMappingsRequest>,
    answer: tokio::task::JoinHandle<Result<ImportCustomerMappingsResponse, Status>>,
}

impl Open {
    fn start(plane: &ControlPlane, start: ImportStart) -> Self {
        let (messages, sent) = mpsc::channel(4);
        messages.try_send(message(Message::Start(start))).unwrap();
        let mut client = plane.mappings();
        let answer = tokio::spawn(async move {
            client.import_customer_mappings(ReceiverStream::new(sent)).await.map(tonic::Response::into_inner)
        });
        Self { messages, answer }
    }

    async fn send(&self, message: ImportCustomerMappingsRequest) {
        self.messages.send(message).await.unwrap();
    }

    /// Ends it without a commit.
    async fn end(self) -> Result<ImportCustomerMappingsResponse, Status> {
        drop(self.messages);
        self.answer.await.unwrap()
    }
}

async fn status(plane: &ControlPlane, import_id: &str) -> Result<GetCustomerMappingImportResponse, Status> {
    let request =
        GetCustomerMappingImportRequest { parent: ACME.to_owned(), import_id: import_id.to_owned() };
    plane.mappings().get_customer_mapping_import(request).await.map(tonic::Response::into_inner)
}

/// Waits until so many rows are kept.
async fn kept(plane: &ControlPlane, import_id: &str, count: i64) {
    let kept = async {
        while status(plane, import_id).await.map_or(0, |status| status.row_count) < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), kept).await.expect("the rows are kept");
}

fn many(count: usize) -> Vec<CustomerMappingRow> {
    (0..count)
        .map(|n| row(&format!("S{n}"), if n % 3 == 0 { "customers/gamma-llc" } else { "progix-1001" }))
        .collect()
}

fn database(plane: &ControlPlane) -> Connection {
    Connection::open(plane.data().join("pointsman.db")).unwrap()
}

fn count(plane: &ControlPlane, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    database(plane).query_row(&sql, [], |row| row.get(0)).unwrap()
}

/// The name, source id, customer, display name and revision of every mapping, and the revision in the change log.
fn mappings(plane: &ControlPlane) -> Vec<(String, String, String, String, i64, i64)> {
    let database = database(plane);
    let sql = "SELECT m.name, source_customer_id, customer, display_name, m.revision, c.revision \
               FROM customer_mappings AS m JOIN changes AS c ON c.name = m.name AND c.removed = 0 ORDER BY 1";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[tokio::test]
async fn all_rows_are_one_revision() {
    let plane = ControlPlane::with_acme().await;
    let answer = import(&plane, start("one"), &many(5_000)).await.unwrap();
    let counts = (answer.created, answer.updated, answer.unchanged, answer.failed, answer.revision);
    assert_eq!((counts, answer.committed), ((5_000, 0, 0, 0, 2), true));
    assert_eq!(plane.revision().await, 2);
    let mappings = mappings(&plane);
    assert_eq!(mappings.len(), 5_002);
    assert_eq!(mappings.iter().filter(|mapping| (mapping.4, mapping.5) == (2, 2)).count(), 5_000);
}

#[tokio::test]
async fn bad_rows_are_told_and_nothing_is_written() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let mut all = many(50);
    all[3].source_customer_id = "S7".into();
    all[20] = row("S20", "nobody");
    all[30] = row("S30", "customers/nobody");
    all[31] = row("", "progix-1001");
    all[32] = CustomerMappingRow { customer_mapping_id: "a06dffac".into(), ..row("S32", "progix-1001") };
    all[33] = CustomerMappingRow { customer_mapping_id: "other".into(), ..row("A06DFFAC", "progix-1001") };
    all[34] = CustomerMappingRow { target: None, ..row("S34", "x") };
    let answer = import(&plane, start("bad"), &all).await.unwrap();
    let counts = (answer.created, answer.updated, answer.unchanged, answer.failed, answer.revision);
    assert_eq!((counts, answer.committed), ((0, 0, 0, 7, 1), false));
    let told: Vec<_> = answer.failures.iter().map(|failure| (failure.row, failure.reason.as_str())).collect();
    assert_eq!(told[0], (7, "the source customer id stands in row 3 already"));
    assert_eq!(answer.failures[0].earlier_row, Some(3));
    assert_eq!(told[1], (20, "no customer has the external id \"nobody\""));
    assert_eq!(told[2], (30, "there is no customers/nobody"));
    assert_eq!(told[3], (31, "source_customer_id: is empty"));
    assert!(told[4].0 == 32 && told[4].1.contains("\"A06DFFAC\""), "{told:?}");
    assert!(told[5].0 == 33 && told[5].1.contains("customerMappings/a06dffac"), "{told:?}");
    assert!(told[6].0 == 34 && told[6].1.contains("is missing"), "{told:?}");
    assert_eq!(plane.export().await, before);

    // With the file put right the same import goes through.
    let answer = import(&plane, start("bad"), &many(50)).await.unwrap();
    assert_eq!((answer.created, answer.committed, answer.revision), (50, true, 2));
}

#[tokio::test]
async fn what_is_committed_is_answered_again_for_the_same_rows_alone() {
    let plane = ControlPlane::with_acme().await;
    let mut all = many(25_100);
    all[20] = row("S20", "nobody");
    let answer = import(&plane, keep_going("go"), &all).await.unwrap();
    assert_eq!((answer.failed, answer.committed), (1, true));
    assert_eq!(import(&plane, keep_going("go"), &all).await.unwrap(), answer);

    all[25_000].source_customer_id = "other".into();
    let refused = said(import(&plane, keep_going("go"), &all).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "IMPORT_OVER"));
    all.swap(0, 25_000);
    assert_eq!(said(import(&plane, keep_going("go"), &all).await).reason, "IMPORT_OVER");
    assert_eq!(plane.revision().await, answer.revision);
}

#[tokio::test]
async fn keeping_going_writes_the_others_in_chunks_that_are_a_revision_each() {
    let plane = ControlPlane::with_acme().await;
    let mut all = many(60_000);
    all[20] = row("S20", "nobody");
    all[59_999] = row("S7", "progix-1002");
    let answer = import(&plane, keep_going("go"), &all).await.unwrap();
    assert_eq!((answer.created, answer.failed, answer.committed, answer.revision), (59_998, 2, true, 4));
    assert_eq!(answer.failures.iter().map(|failure| failure.row).collect::<Vec<_>>(), [20, 59_999]);
    assert_eq!(plane.revision().await, 4);
    let revisions: std::collections::BTreeSet<i64> = mappings(&plane)
        .iter()
        .inspect(|mapping| assert_eq!(mapping.4, mapping.5))
        .map(|mapping| mapping.4)
        .collect();
    assert_eq!(revisions.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// Whether rows come singly, in a batch or in an import, and in which order: what is there then is the same.
#[tokio::test]
async fn the_same_rows_make_the_same_state_whichever_way_they_come() {
    let mut all = vec![
        row("A06DFFAC", "customers/gamma-llc"),
        row("C3E72B0C", "progix-1002"),
        row("x/1", "progix-1001"),
        row("X2", "customers/gamma-llc"),
        CustomerMappingRow {
            customer_mapping_id: "mine".into(),
            display_name: Some("Mine".into()),
            ..row("日本", "progix-1002")
        },
    ];
    let by_batch = ControlPlane::with_acme().await;
    let request =
        BatchUpsertCustomerMappingsRequest { parent: ACME.into(), rows: all.clone(), ..Default::default() };
    by_batch.mappings().batch_upsert_customer_mappings(request).await.unwrap();
    let by_import = ControlPlane::with_acme().await;
    all.reverse();
    import(&by_import, start("i"), &all).await.unwrap();
    let by_chunks = ControlPlane::with_acme().await;
    all.swap(0, 2);
    import(&by_chunks, keep_going("i"), &all).await.unwrap();

    let singly = ControlPlane::with_acme().await;
    for mapping in by_batch.export().await.manifest.unwrap().customer_mappings {
        let request = UpdateCustomerMappingRequest {
            customer_mapping: Some(mapping),
            allow_missing: true,
            ..Default::default()
        };
        singly.mappings().update_customer_mapping(request).await.unwrap();
    }
    let expected = by_batch.export().await;
    assert_eq!(by_import.export().await, expected);
    assert_eq!(by_chunks.export().await, expected);
    assert_eq!(singly.export().await.manifest, expected.manifest);
    assert_eq!(mappings(&by_import), mappings(&by_batch));
    assert_eq!(mappings(&by_chunks), mappings(&by_batch));
}

#[tokio::test]
async fn a_dry_run_tells_all_and_leaves_nothing_behind() {
    let plane = ControlPlane::with_acme().await;
    let before = plane.export().await;
    let mut all = many(12_000);
    all[0] = row("A06DFFAC", "customers/gamma-llc");
    let dry = |start: ImportStart| ImportStart { validate_only: true, ..start };
    for start in [dry(start("dry")), dry(keep_going("dry"))] {
        let answer = import(&plane, start, &all).await.unwrap();
        let counts = (answer.created, answer.updated, answer.failed, answer.revision, answer.committed);
        assert_eq!(counts, (11_999, 1, 0, 0, false));
        assert_eq!(plane.export().await, before);
        assert_eq!(said(status(&plane, "dry").await).code, Code::NotFound);
    }
    assert_eq!(count(&plane, "audit_entries WHERE action = 'imported'"), 0);
    swept(&plane).await;
}

/// Waits until no rows are kept aside.
async fn swept(plane: &ControlPlane) {
    let swept = async {
        while count(plane, "import_rows") > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), swept).await.expect("the rows are dropped");
}

#[tokio::test]
async fn a_stream_that_ends_early_writes_nothing_and_is_taken_up_where_it_was() {
    let mut plane = ControlPlane::with_acme().await;
    let all = many(3_000);
    let open = Open::start(&plane, start("cut"));
    open.send(rows(&all[..1_000])).await;
    open.send(rows(&all[1_000..1_500])).await;
    assert_eq!(said(open.end().await).code, Code::Cancelled);
    assert_eq!(status(&plane, "cut").await.unwrap().row_count, 1_500);
    assert_eq!(plane.revision().await, 1);

    plane.restart().await;
    assert_eq!(status(&plane, "cut").await.unwrap().row_count, 1_500);
    // Too far, and in another mode.
    let ahead = ImportStart { first_row: 1_501, ..start("cut") };
    let refused = said(import(&plane, ahead, &[]).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "IMPORT_ROWS_MISSING"));
    let differs = ImportStart { first_row: 1_500, ..keep_going("cut") };
    assert_eq!(said(import(&plane, differs, &all[1_500..]).await).reason, "IMPORT_DIFFERS");

    let rest = ImportStart { first_row: 1_500, ..start("cut") };
    let answer = import(&plane, rest, &all[1_500..]).await.unwrap();
    assert_eq!((answer.created, answer.failed, answer.revision), (3_000, 0, 2));

    // The answer to the commit was lost: it is told again, to whoever sends the rows again and to whoever does not.
    let again = ImportStart { first_row: 3_000, ..start("cut") };
    assert_eq!(import(&plane, again.clone(), &[]).await.unwrap(), answer);
    plane.restart().await;
    assert_eq!(import(&plane, again, &[]).await.unwrap(), answer);
    assert_eq!(import(&plane, start("cut"), &all).await.unwrap(), answer);
    assert_eq!(status(&plane, "cut").await.unwrap().result, Some(answer));
    assert_eq!(said(import(&plane, start("cut"), &all[1..]).await).reason, "IMPORT_OVER");
    assert_eq!(plane.revision().await, 2);
    swept(&plane).await;
}

#[tokio::test]
async fn rows_that_are_sent_again_replace_those_that_were_kept() {
    let plane = ControlPlane::with_acme().await;
    let all = many(100);
    let open = Open::start(&plane, start("again"));
    open.send(rows(&[&all[..50], &[row("stray", "nobody")]].concat())).await;
    open.end().await.unwrap_err();
    let rest = ImportStart { first_row: 50, ..start("again") };
    let open = Open::start(&plane, rest.clone());
    open.send(rows(&[row("another", "nobody")])).await;
    open.end().await.unwrap_err();
    let answer = import(&plane, rest, &all[50..]).await.unwrap();
    assert_eq!((answer.created, answer.failed), (100, 0));

    let open = Open::start(&plane, start("anew"));
    open.send(rows(&[row("stray", "nobody")])).await;
    open.end().await.unwrap_err();
    let answer = import(&plane, start("anew"), &all).await.unwrap();
    assert_eq!((answer.unchanged, answer.failed, answer.revision), (100, 0, 2));
}

#[tokio::test]
async fn a_second_stream_takes_over_and_the_first_has_no_say_any_more() {
    let plane = ControlPlane::with_acme().await;
    let all = many(20_000);
    let first = Open::start(&plane, start("two"));
    first.send(rows(&all[..10_000])).await;
    kept(&plane, "two", 10_000).await;
    let second = ImportStart { first_row: 10_000, ..start("two") };
    let second = Open::start(&plane, second);
    second.send(rows(&all[10_000..])).await;
    kept(&plane, "two", 20_000).await;
    // Rows of the first are not kept, and its commit is refused.
    first.send(rows(&[row("stray", "progix-1001")])).await;
    first.send(commit(10_001)).await;
    let refused = said(first.answer.await.unwrap());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "IMPORT_TAKEN_OVER"));
    second.send(commit(20_000)).await;
    let answer = second.answer.await.unwrap().unwrap();
    assert_eq!((answer.created, answer.failed, answer.revision), (20_000, 0, 2));
    assert!(mappings(&plane).iter().all(|mapping| mapping.1 != "stray"));
}

#[tokio::test]
async fn others_write_while_rows_come() {
    let plane = ControlPlane::with_acme().await;
    let open = Open::start(&plane, start("slow"));
    open.send(rows(&many(10_000))).await;
    kept(&plane, "slow", 10_000).await;
    plane.create_customer("new", crate::harness::customer("", "progix-9")).await.unwrap();
    open.send(rows(&[row("late", "progix-9")])).await;
    open.send(commit(10_001)).await;
    let answer = open.answer.await.unwrap().unwrap();
    assert_eq!((answer.created, answer.failed, answer.revision), (10_001, 0, 3));
}

#[tokio::test]
async fn the_end_must_fit_what_came() {
    let plane = ControlPlane::with_acme().await;
    let open = Open::start(&plane, start("count"));
    open.send(rows(&many(3))).await;
    open.send(commit(4)).await;
    let refused = said(open.answer.await.unwrap());
    assert_eq!((refused.code, refused.fields()), (Code::InvalidArgument, vec!["commit.row_count"]));
    assert_eq!(status(&plane, "count").await.unwrap().row_count, 3);
    assert_eq!(plane.revision().await, 1);
}

#[tokio::test]
async fn messages_out_of_turn_and_faulty_starts_are_refused() {
    let plane = ControlPlane::with_acme().await;
    let send = async |messages: Vec<ImportCustomerMappingsRequest>| {
        said(plane.mappings().import_customer_mappings(stream::iter(messages)).await)
    };
    assert!(send(vec![rows(&many(1))]).await.message.contains("first message"));
    let twice = vec![message(Message::Start(start("a"))), message(Message::Start(start("a")))];
    assert!(send(twice).await.message.contains("only the first"));
    assert!(send(vec![ImportCustomerMappingsRequest::default()]).await.message.contains("empty"));
    let faulty = ImportStart {
        parent: "integrations/-".into(),
        import_id: "/".into(),
        mode: 99,
        first_row: -1,
        ..ImportStart::default()
    };
    let refused = send(vec![message(Message::Start(faulty))]).await;
    assert_eq!(refused.fields(), ["start.first_row", "start.import_id", "start.mode", "start.parent"]);
    let elsewhere = ImportStart { parent: "integrations/none".into(), ..start("a") };
    assert_eq!(send(vec![message(Message::Start(elsewhere))]).await.code, Code::NotFound);
    let too_many = vec![message(Message::Start(start("a"))), rows(&many(10_001))];
    assert_eq!(send(too_many).await.fields(), ["rows.rows"]);
    assert_eq!(said(status(&plane, "none").await).code, Code::NotFound);
}

#[tokio::test]
async fn ten_imports_can_be_under_way_and_one_that_is_forgotten_makes_room() {
    let plane = ControlPlane::with_acme().await;
    for n in 0..10 {
        let open = Open::start(&plane, start(&format!("i{n}")));
        open.send(rows(&many(10))).await;
        open.end().await.unwrap_err();
    }
    let refused = said(import(&plane, start("more"), &many(1)).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "TOO_MANY_IMPORTS"));
    // One of them goes on, and it is finished.
    import(&plane, start("i0"), &many(1)).await.unwrap();
    import(&plane, start("more"), &many(1)).await.unwrap();
    // A day later nobody knows of them.
    database(&plane).execute("UPDATE imports SET update_time = update_time - 86400000000", []).unwrap();
    assert_eq!(said(status(&plane, "i1").await).code, Code::NotFound);
    assert_eq!(said(status(&plane, "more").await).code, Code::NotFound);
    import(&plane, start("more"), &many(1)).await.unwrap();
    swept(&plane).await;
    assert_eq!(count(&plane, "imports"), 1);
}

#[tokio::test]
async fn an_import_is_audited_as_one_and_each_mapping_that_reroutes() {
    let plane = ControlPlane::with_acme().await;
    let mut all = many(20);
    all.push(row("A06DFFAC", "customers/gamma-llc"));
    import(&plane, start("audited"), &all).await.unwrap();
    let database = database(&plane);
    let sql = "SELECT resource, action, reroutes, resource_count, changes FROM audit_entries WHERE revision = 2 ORDER BY id";
    let mut statement = database.prepare(sql).unwrap();
    let entries = statement.query_map([], |row| {
        Ok((
            row.get::<_, String>(0)?,
            row.get::<_, String>(1)?,
            row.get::<_, bool>(2)?,
            row.get::<_, i64>(3)?,
            row.get::<_, String>(4)?,
        ))
    });
    let entries: Vec<_> = entries.unwrap().map(Result::unwrap).collect();
    assert_eq!(entries.len(), 2, "{entries:?}");
    let (resource, action, reroutes, resources, changes) = &entries[0];
    assert_eq!((resource.as_str(), action.as_str(), *reroutes, *resources), (ACME, "imported", true, 21));
    for told in ["\"20\"", "\"audited\"", "rerouted"] {
        assert!(changes.contains(told), "{changes}");
    }
    let (resource, action, reroutes, ..) = &entries[1];
    let mapping = format!("{ACME}/customerMappings/a06dffac");
    assert_eq!((resource, action.as_str(), *reroutes), (&mapping, "updated", true));
}

#[tokio::test]
async fn a_request_id_of_something_else_is_refused_before_any_row_is_kept() {
    let plane = ControlPlane::with_acme().await;
    let with_id = |start: ImportStart| ImportStart { request_id: "r".into(), ..start };
    let answer = import(&plane, with_id(start("one")), &many(3)).await.unwrap();
    assert_eq!(import(&plane, with_id(start("one")), &many(3)).await.unwrap(), answer);
    assert_eq!(said(import(&plane, with_id(start("two")), &many(3)).await).reason, "REQUEST_ID_REUSED");
    assert_eq!(said(status(&plane, "two").await).code, Code::NotFound);
}

#[tokio::test]
async fn a_control_plane_that_stops_ends_streams_and_keeps_their_rows() {
    let mut plane = ControlPlane::with_acme().await;
    let open = Open::start(&plane, start("stop"));
    open.send(rows(&many(10_000))).await;
    kept(&plane, "stop", 10_000).await;
    plane.restart().await;
    let refused = open.answer.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(status(&plane, "stop").await.unwrap().row_count, 10_000);
}
