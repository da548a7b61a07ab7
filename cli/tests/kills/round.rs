//! One round: write, kill, start again, compare.

use std::{
    collections::BTreeSet,
    fmt,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use pointsman_proto::admin::v1::{
    CreateIntegrationRequest, Endpoint, EndpointType, ExportManifestRequest, Flow, Integration, ValueSource,
    value_source::Source,
};
use pointsman_sdk::admin::AdminClient;
use rusqlite::{Connection, OpenFlags};
use tokio::{task::JoinSet, time::sleep};

use super::{
    chance::Chance,
    client::{Client, INTEGRATION, State, of_customer, of_mapping},
    process::ControlPlane,
};

const CLIENTS: usize = 8;
const WRITES: usize = 10_000;
/// No kill before the first writes are answered, and none after the last.
const MARGIN: usize = 200;

/// What a round has seen.
#[derive(Debug)]
pub(crate) struct Figures {
    seed: u64,
    answered: usize,
    unanswered: usize,
    kept: usize,
    revisions: i64,
}

impl Figures {
    pub(crate) const HEADER: &'static str =
        "                seed  answered  unanswered  of them kept whole  revisions  lost  halves  gaps";
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, answered, unanswered, kept, revisions } = self;
        // Anything but 0 has ended the test.
        write!(
            f,
            "{seed:20}  {answered:8}  {unanswered:10}  {kept:18}  {revisions:9}  {:4}  {:6}  {:4}",
            0, 0, 0
        )
    }
}

pub(crate) async fn play(seed: u64) -> Figures {
    let folder = tempfile::tempdir().expect("a folder");
    let mut chance = Chance::new(seed);
    let mut control_plane = ControlPlane::start(folder.path()).await;
    let first = create_integration(&control_plane.connect().await).await;

    let kill_after = MARGIN + chance.below(WRITES - 2 * MARGIN);
    let clients = write_until_killed(&mut control_plane, kill_after, &mut chance).await;

    let restarted = ControlPlane::start(folder.path()).await;
    let admin = restarted.connect().await;
    let (there, head) = read(&admin).await;
    let kept: Vec<bool> = clients.iter().map(|client| compare(client, &there)).collect();
    let made: Vec<i64> = clients.iter().flat_map(|client| client.revisions.iter().copied()).collect();
    no_gaps(first, &made, kept.iter().filter(|kept| **kept).count(), head);
    for client in &clients {
        assert!(client.revisions.is_sorted(), "revisions go up");
    }

    repeat(&admin, &clients, &kept, head).await;
    drop(restarted);
    sound(&folder.path().join("data/pointsman.db"));
    Figures {
        seed,
        answered: made.len(),
        unanswered: clients.iter().filter(|client| client.pending.is_some()).count(),
        kept: kept.iter().filter(|kept| **kept).count(),
        revisions: head,
    }
}

async fn create_integration(admin: &AdminClient) -> i64 {
    let endpoint = Endpoint {
        r#type: EndpointType::Shared.into(),
        external_customer_id: Some(ValueSource {
            source: Some(Source::Reference("results.body.data.customer".to_owned())),
            ..ValueSource::default()
        }),
        ..Endpoint::default()
    };
    let integration = Integration {
        flows: vec![Flow { key: "any".to_owned(), ..Flow::default() }],
        endpoint: Some(endpoint),
        ..Integration::default()
    };
    let request = CreateIntegrationRequest {
        integration_id: INTEGRATION.trim_start_matches("integrations/").to_owned(),
        integration: Some(integration),
        ..CreateIntegrationRequest::default()
    };
    admin.create_integration(request).await.expect("an integration").revision
}

/// Lets all clients write at once, and kills the control plane after so many answers.
async fn write_until_killed(
    control_plane: &mut ControlPlane,
    kill_after: usize,
    chance: &mut Chance,
) -> Vec<Client> {
    let answered = Arc::new(AtomicUsize::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let mut writing = JoinSet::new();
    for id in 0..CLIENTS {
        let (answered, killed) = (Arc::clone(&answered), Arc::clone(&killed));
        let admin = control_plane.connect().await;
        let mut client = Client::new(id, chance.next());
        writing.spawn(async move {
            while answered.load(Ordering::Relaxed) < WRITES {
                match client.write(&admin).await {
                    Ok(()) => answered.fetch_add(1, Ordering::Relaxed),
                    Err(_) if killed.load(Ordering::SeqCst) => break,
                    Err(error) => panic!("a write that must succeed is refused: {error}"),
                };
            }
            client
        });
    }
    while answered.load(Ordering::Relaxed) < kill_after {
        sleep(Duration::from_micros(100)).await;
    }
    killed.store(true, Ordering::SeqCst);
    control_plane.kill();
    writing.join_all().await
}

/// Everything that is there, and the latest revision.
async fn read(admin: &AdminClient) -> (State, i64) {
    let exported = admin.export_manifest(ExportManifestRequest::default()).await.expect("an export");
    let manifest = exported.manifest.expect("a manifest");
    let customers = manifest.customers.iter().map(|customer| (customer.name.clone(), of_customer(customer)));
    let mappings =
        manifest.customer_mappings.iter().map(|mapping| (mapping.name.clone(), of_mapping(mapping)));
    (customers.chain(mappings).collect(), exported.revision)
}

/// Compares what a client knows with what is there; answers whether its unanswered write was kept.
fn compare(client: &Client, there: &State) -> bool {
    let touched: BTreeSet<&String> =
        client.pending.iter().flat_map(|write| write.effects.iter().map(|(name, _)| name)).collect();
    for (name, value) in client.state.iter().filter(|(name, _)| !touched.contains(name)) {
        assert_eq!(there.get(name), Some(value), "an answered write is lost: {name}");
    }
    let Some(write) = &client.pending else { return false };
    let mut after = client.state.clone();
    write.change(&mut after);
    let is = |state: &State| touched.iter().all(|name| there.get(*name) == state.get(*name));
    let kept = is(&after);
    assert!(kept || is(&client.state), "an unanswered write is half there: {write:?}");
    kept
}

/// Every revision is that of an answered write, or of one that was kept without an answer.
fn no_gaps(first: i64, answered: &[i64], kept: usize, head: i64) {
    let distinct: BTreeSet<i64> = answered.iter().copied().chain([first]).collect();
    assert_eq!(distinct.len(), answered.len() + 1, "two writes have one revision");
    assert_eq!(distinct.first(), Some(&1));
    let count = i64::try_from(distinct.len() + kept).expect("a small number");
    assert_eq!(count, head, "revisions have a gap");
    assert!(distinct.last() <= Some(&head));
}

/// Asks for the unanswered writes again, under their ids: each is there once.
async fn repeat(admin: &AdminClient, clients: &[Client], kept: &[bool], head: i64) {
    let mut expected = State::new();
    let mut fresh = 0;
    for (client, kept) in clients.iter().zip(kept) {
        expected.extend(client.state.clone());
        let Some(write) = &client.pending else { continue };
        let revision = write.send(admin).await.expect("an answer to the repeated request");
        write.change(&mut expected);
        fresh += i64::from(!kept);
        assert_eq!(revision <= head, *kept, "done once: {write:?}");
    }
    let (there, revision) = read(admin).await;
    assert_eq!(there, expected);
    assert_eq!(revision, head + fresh);
}

/// The database in itself: sound, and the audit tells of every revision.
fn sound(database: &Path) {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).expect("the database");
    let one = |sql: &str| -> String { connection.query_row(sql, [], |row| row.get(0)).expect(sql) };
    assert_eq!(one("PRAGMA integrity_check"), "ok");
    assert_eq!(one("SELECT count(*) || '' FROM pragma_foreign_key_check"), "0");
    let audited = "SELECT count(DISTINCT revision) || ' up to ' || max(revision) FROM audit_entries";
    assert_eq!(one(audited), one("SELECT revision || ' up to ' || revision FROM meta"));
    assert_eq!(one("SELECT max(revision) || '' FROM changes"), one("SELECT revision || '' FROM meta"));
}
