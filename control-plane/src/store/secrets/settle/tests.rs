use std::{collections::BTreeMap, fs, ops::ControlFlow, path::Path};

use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec};
use tempfile::TempDir;

use super::*;
use crate::{
    domain::AnyResource,
    store::{KeyRing, SecretKey, Store, StoreError, files, migrations},
    testkit,
};

/// What the fixture of version 1 holds in the clear.
pub(in crate::store::secrets) const CANARIES: [&str; 3] =
    ["bowlers-secret", "pencils-secret", "the-services-secret"];

/// A database of version 1 with secrets in the clear: in its rows, in its free space, and in its write-ahead log.
pub(in crate::store::secrets) fn in_the_clear() -> TempDir {
    let data = TempDir::new().unwrap();
    let path = files::database(data.path());
    let connection = migrations::tests::at_version(&path, 1);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    let set = |header: &str| {
        let sql = "UPDATE flow_endpoints SET headers = json_set(headers, '$.authorization', ?1) \
                   WHERE headers LIKE '%bowlers%'";
        connection.execute(sql, [header]).unwrap();
    };
    // Where longer values were, there is free space.
    set(&format!("Bearer bowlers-secret {}", "bowlers-secret ".repeat(900)));
    set("Bearer bowlers-secret");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA wal_autocheckpoint = 0").unwrap();
    set("Bearer bowlers-secret again");
    set("Bearer bowlers-secret");
    // As after a kill: a copy keeps the log that closing would fold in.
    let killed = TempDir::new().unwrap();
    for name in ["pointsman.db", "pointsman.db-wal"] {
        fs::copy(data.path().join(name), killed.path().join(name)).unwrap();
    }
    killed
}

/// The raw bytes of every file of the folder, but for those of the keys.
fn raw(data: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(data).unwrap().map(|entry| entry.unwrap());
    let files = entries.filter(|entry| entry.path().is_file() && !entry.path().ends_with("pointsman.key"));
    files.map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())).collect()
}

/// How often a text occurs in the files.
pub(in crate::store::secrets) fn occurrences(data: &Path, text: &str) -> BTreeMap<String, usize> {
    let count = |bytes: &[u8]| bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
    raw(data).into_iter().map(|(name, bytes)| (name, count(&bytes))).filter(|(_, count)| *count > 0).collect()
}

/// Every secret that a store reads, in the order of names.
pub(in crate::store::secrets) async fn secrets(store: &Store) -> Vec<String> {
    let read = store.read(|snapshot| {
        let mut found = Vec::new();
        snapshot.for_each_resource::<StoreError>(None, |resource| {
            match resource {
                AnyResource::Deployment(deployment) => {
                    let endpoints = deployment.spec.flow_endpoints.into_values();
                    found.extend(endpoints.flat_map(|endpoint| endpoint.headers.into_values()));
                }
                AnyResource::Integration(integration) => {
                    found.extend(
                        integration.spec.preprocess.into_iter().flat_map(|s| s.metadata.into_values()),
                    );
                }
                AnyResource::Customer(_) | AnyResource::CustomerMapping(_) => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok::<_, StoreError>(found)
    });
    read.await.unwrap()
}

pub(in crate::store::secrets) const HELD: [&str; 5] =
    ["Bearer bowlers-secret", "1", "Bearer pencils-secret", "Bearer the-services-secret", "eu"];

pub(in crate::store::secrets) fn given(keys: &[&SecretKey]) -> KeySource {
    let (first, older) = keys.split_first().unwrap();
    KeySource::Given(KeyRing::new((*first).clone(), older.iter().map(|key| (*key).clone()).collect()))
}

pub(in crate::store::secrets) fn random() -> SecretKey {
    SecretKey::random().unwrap()
}

#[tokio::test]
async fn secrets_in_the_clear_are_sealed_at_the_first_start_and_leave_no_trace() {
    let data = in_the_clear();
    for canary in CANARIES {
        assert!(!occurrences(data.path(), canary).is_empty(), "{canary}");
    }
    let freed = occurrences(data.path(), "bowlers-secret bowlers-secret");
    assert!(freed["pointsman.db"] > 100, "the free space of the file holds secrets: {freed:?}");
    assert!(occurrences(data.path(), "bowlers-secret again").contains_key("pointsman.db-wal"));

    let store = Store::open(data.path()).unwrap();
    for canary in CANARIES {
        assert_eq!(occurrences(data.path(), canary), BTreeMap::new(), "{canary}, while it runs");
    }
    let mut held = secrets(&store).await;
    held.sort();
    let mut expected = HELD.map(str::to_owned).to_vec();
    expected.sort();
    assert_eq!(held, expected);
    let revision = store.read(|snapshot| snapshot.head()).await.unwrap().revision;
    store.close().await;
    for canary in CANARIES {
        assert_eq!(occurrences(data.path(), canary), BTreeMap::new(), "{canary}, after it ran");
    }
    let again = Store::open(data.path()).unwrap();
    assert_eq!(secrets(&again).await.len(), HELD.len());
    let head = again.read(|snapshot| snapshot.head()).await.unwrap();
    assert_eq!(head.revision, revision, "no change of the configuration");
}

#[tokio::test]
async fn what_is_written_is_never_in_the_clear() {
    let plane = testkit::Plane::new(testkit::patient());
    plane
        .write(|tx| {
            testkit::put_customer(tx, "bowlers", "progix-1001");
            let mut acme = testkit::acme();
            acme.preprocess = Some(pointsman_routing::integration::PreprocessSpec {
                address: "http://127.0.0.1:1".to_owned(),
                metadata: [("x-key".to_owned(), "secret-of-the-service".to_owned())].into(),
                ..Default::default()
            });
            testkit::put_acme(tx, "acme", acme);
            testkit::put_deployment(tx, "acme", "bowlers", "bowlers", false);
        })
        .await;
    let data = plane.data().to_owned();
    let backup = data.join("copy.db");
    crate::store::backup(&data, &backup, crate::store::Existing::Keep).unwrap();
    for secret in ["secret-of-bowlers", "secret-of-the-service"] {
        assert_eq!(occurrences(&data, secret), BTreeMap::new(), "{secret}");
    }
    let sealed = occurrences(&data, "sealed:1:");
    assert!(sealed.contains_key("pointsman.db-wal") && sealed.contains_key("copy.db"), "{sealed:?}");
    let key = fs::read_to_string(data.join("pointsman.key")).unwrap();
    let key = key.lines().last().unwrap().split(' ').next().unwrap().to_owned();
    assert_eq!(occurrences(&data, &key), BTreeMap::new(), "the key is in no other file");
    let (integration, deployment) = plane
        .store
        .read(|snapshot| {
            Ok::<_, StoreError>((
                snapshot.get::<IntegrationSpec>(&"integrations/acme".parse().unwrap())?.unwrap(),
                snapshot
                    .get::<DeploymentSpec>(&"integrations/acme/deployments/bowlers".parse().unwrap())?
                    .unwrap(),
            ))
        })
        .await
        .unwrap();
    assert_eq!(integration.spec.preprocess.unwrap().metadata["x-key"], "secret-of-the-service");
    let headers = &deployment.spec.flow_endpoints["create-order"].headers;
    assert_eq!(headers["authorization"], "Bearer secret-of-bowlers");
}

/// Cut off between the migration and the sealing, or between the sealing and the cleaning up.
#[tokio::test]
async fn a_first_start_that_was_cut_off_is_made_up_for() {
    let data = in_the_clear();
    let path = files::database(data.path());
    let mut connection = crate::store::open::writable(&path).unwrap();
    migrations::run(&mut connection, &path, 1).unwrap();
    let key = random();
    let ring = KeyRing::new(key.clone(), Vec::new());
    seal(&mut connection, &path, false, &ring).unwrap();
    drop(connection);
    assert!(!occurrences(data.path(), "bowlers-secret").is_empty(), "not cleaned up yet");

    let store = Store::open_with(data.path(), &given(&[&key])).unwrap();
    assert_eq!(secrets(&store).await.len(), HELD.len());
    for canary in CANARIES {
        assert_eq!(occurrences(data.path(), canary), BTreeMap::new(), "{canary}");
    }
}

#[tokio::test]
async fn a_database_whose_key_is_missing_is_refused_and_left_alone() {
    let data = in_the_clear();
    let key = random();
    Store::open_with(data.path(), &given(&[&key])).unwrap().close().await;
    let before = raw(data.path());
    // No file, and none is made.
    let refused = Store::open(data.path()).unwrap_err().to_string();
    for part in [&key.id().to_string(), "pointsman.key is not there", "pointsman.db"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(!data.path().join("pointsman.key").exists(), "no new key over what another one sealed");
    // Another key.
    let other = random();
    let refused = Store::open_with(data.path(), &given(&[&other])).unwrap_err().to_string();
    for part in [&key.id().to_string(), &other.id().to_string()] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert!(!refused.contains(&key.to_text()) && !refused.contains(&other.to_text()));
    assert_eq!(raw(data.path()), before);
    Store::open_with(data.path(), &given(&[&key])).unwrap();
}

/// A backup comes without its key, and not everybody has secrets.
#[tokio::test]
async fn a_database_without_secrets_needs_no_key_to_come_back() {
    let (data, store) = crate::store::tests::open();
    crate::store::tests::write(&store, "a").await;
    store.close().await;
    let first = fs::read_to_string(data.path().join("pointsman.key")).unwrap();
    fs::remove_file(data.path().join("pointsman.key")).unwrap();
    Store::open(data.path()).unwrap().close().await;
    assert_ne!(fs::read_to_string(data.path().join("pointsman.key")).unwrap(), first);
    Store::open(data.path()).unwrap();
}

/// As docs/secrets.md says it.
#[tokio::test]
async fn without_its_key_a_database_comes_back_without_its_secrets() {
    let document = include_str!("../../../../../docs/secrets.md");
    let (_, sql) = document.split_once("```sql\n").unwrap();
    let (sql, _) = sql.split_once("```").unwrap();
    let data = in_the_clear();
    Store::open_with(data.path(), &given(&[&random()])).unwrap().close().await;
    Store::open(data.path()).unwrap_err();
    crate::store::tests::connection(&data).execute_batch(sql).unwrap();
    let store = Store::open(data.path()).unwrap();
    assert!(secrets(&store).await.is_empty());
    let name = "integrations/shared/deployments/pencils-co";
    let kept = store.read(move |snapshot| snapshot.get::<DeploymentSpec>(&name.parse().unwrap())).await;
    assert_eq!(
        kept.unwrap().unwrap().spec.flow_endpoints["create-order"].url,
        "https://flows.example/orders"
    );
}

/// Whoever only makes an access token needs no key, makes none, and seals nothing.
#[tokio::test]
async fn a_database_opens_without_keys_for_what_is_not_secret() {
    let new = TempDir::new().unwrap();
    Store::open_without_keys(new.path()).unwrap().close().await;
    assert!(!new.path().join("pointsman.key").exists());
    let key = random();
    Store::open_with(new.path(), &given(&[&key])).unwrap();

    let data = in_the_clear();
    Store::open_without_keys(data.path()).unwrap().close().await;
    assert!(!occurrences(data.path(), "bowlers-secret").is_empty(), "left to whoever has the key");
    Store::open_with(data.path(), &given(&[&key])).unwrap().close().await;
    let store = Store::open_without_keys(data.path()).unwrap();
    crate::store::tests::write(&store, "fine").await;
    let name = "integrations/shared/deployments/pencils-co";
    let read = store.read(move |snapshot| snapshot.get::<DeploymentSpec>(&name.parse().unwrap())).await;
    assert!(read.unwrap_err().to_string().contains(&key.id().to_string()));
    let written = store.write::<_, StoreError, _>(crate::store::Keep::Changes, |tx| {
        let headers = [("a".to_owned(), "canary".to_owned())].into();
        let endpoint = pointsman_routing::deployment::FlowEndpointSpec { headers, ..Default::default() };
        let spec =
            DeploymentSpec { flow_endpoints: [("x".to_owned(), endpoint)].into(), ..Default::default() };
        tx.put(&testkit::resource(
            "integrations/shared/deployments/x",
            spec,
            Default::default(),
            tx.revision(),
        ))
    });
    assert!(matches!(written.await, Err(StoreError::Seal(crate::store::SealError::NoKey))));
    store.close().await;
    assert!(occurrences(data.path(), "canary").is_empty());
    let store = Store::open_with(data.path(), &given(&[&key])).unwrap();
    assert_eq!(secrets(&store).await.len(), HELD.len());
}

#[tokio::test]
async fn a_new_key_before_the_old_one_seals_everything_again() {
    let data = in_the_clear();
    let [old, new] = [random(), random()];
    let store = Store::open_with(data.path(), &given(&[&old])).unwrap();
    let before = secrets(&store).await;
    let revision = store.read(|snapshot| snapshot.head()).await.unwrap();
    store.close().await;
    assert!(!occurrences(data.path(), &old.id().to_string()).is_empty());

    let store = Store::open_with(data.path(), &given(&[&new, &old])).unwrap();
    assert_eq!(secrets(&store).await, before);
    assert_eq!(store.read(|snapshot| snapshot.head()).await.unwrap(), revision, "no revision comes of it");
    store.close().await;
    assert_eq!(occurrences(data.path(), &old.id().to_string()), BTreeMap::new(), "also not in free space");
    let store = Store::open_with(data.path(), &given(&[&new])).unwrap();
    assert_eq!(secrets(&store).await, before);
    store.close().await;
    Store::open_with(data.path(), &given(&[&old])).unwrap_err();
}

#[tokio::test]
async fn a_secret_that_was_changed_or_moved_stops_the_start_by_name() {
    for (change, told) in [
        (
            "UPDATE flow_endpoints SET headers = (SELECT headers FROM flow_endpoints WHERE headers LIKE '%x-plain%') \
             WHERE deployment = 'integrations/shared/deployments/pencils-co'",
            "flow_endpoints[\"create-order\"].headers[\"authorization\"] was changed, or moved here",
        ),
        (
            "UPDATE flow_endpoints SET headers = json_set(headers, '$.authorization', 'Bearer canary') \
             WHERE deployment = 'integrations/shared/deployments/pencils-co'",
            "flow_endpoints[\"create-order\"].headers[\"authorization\"] is not sealed as it should be",
        ),
        (
            "UPDATE flow_endpoints SET headers = 'canary' \
             WHERE deployment = 'integrations/shared/deployments/pencils-co'",
            "integrations/shared/deployments/pencils-co: ",
        ),
        (
            "UPDATE integrations SET endpoint = replace(endpoint, 'sealed:1:', 'sealed:2:')",
            "endpoint.preprocess.metadata[\"authorization\"] is not sealed",
        ),
        (
            "UPDATE secrets SET salt = replace(salt, 'sealed:1:', 'sealed:2:')",
            "the salt in the table secrets",
        ),
        ("UPDATE secrets SET key_id = 'x'", "names no key"),
        ("DELETE FROM secrets", "does not say under which key"),
    ] {
        let data = in_the_clear();
        Store::open(data.path()).unwrap().close().await;
        assert!(crate::store::tests::connection(&data).execute(change, []).unwrap() > 0, "{change}");
        let error = Store::open(data.path()).unwrap_err();
        assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
        let error = error.to_string();
        assert!(error.contains(told), "{change}: {error}");
        assert!(!error.contains("canary") && !error.contains("Bearer"), "{error}");
    }
}

/// Found while a control plane runs: that resource fails, and the others do not.
#[tokio::test]
async fn a_secret_that_is_damaged_under_way_is_never_served() {
    let data = in_the_clear();
    let store = Store::open(data.path()).unwrap();
    let change = "UPDATE flow_endpoints SET headers = json_set(headers, '$.authorization', 'Bearer canary') \
                  WHERE deployment = 'integrations/shared/deployments/pencils-co'";
    crate::store::tests::connection(&data).execute(change, []).unwrap();
    let get = async |name: &'static str| {
        store.read(move |snapshot| snapshot.get::<DeploymentSpec>(&name.parse().unwrap())).await
    };
    let error = get("integrations/shared/deployments/pencils-co").await.unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("canary"), "{error:?}");
    assert!(get("integrations/shared/deployments/bowlers-inc").await.unwrap().is_some());
}
