use std::{collections::BTreeSet, fs};

use tempfile::TempDir;

use super::*;
use crate::store::{
    Store,
    secrets::settle::tests::{HELD, given, in_the_clear, occurrences, random, secrets},
};

fn file(data: &TempDir) -> KeySource {
    KeySource::in_folder(data.path())
}

fn ids(source: &KeySource) -> Vec<KeyId> {
    source.read().unwrap().unwrap().keys().map(SecretKey::id).collect()
}

async fn sealed() -> TempDir {
    let data = in_the_clear();
    Store::open(data.path()).unwrap().close().await;
    data
}

#[tokio::test]
async fn a_rotation_leaves_nothing_under_the_old_key() {
    let data = sealed().await;
    let [old] = ids(&file(&data))[..] else { panic!("one key") };
    let rotated = rotate_secret_key(data.path(), &file(&data), OldKey::Drop).unwrap();
    assert_eq!((rotated.from, vec![rotated.to]), (old, ids(&file(&data))));
    assert_ne!(rotated.from, rotated.to);
    assert!(occurrences(data.path(), &old.to_string()).is_empty());
    let store = Store::open(data.path()).unwrap();
    assert_eq!(secrets(&store).await.len(), HELD.len());
}

/// For backups from before.
#[tokio::test]
async fn an_old_key_can_stay() {
    let data = sealed().await;
    let backup = data.path().join("before.db");
    crate::store::backup(data.path(), &backup, crate::store::Existing::Keep).unwrap();
    let rotated = rotate_secret_key(data.path(), &file(&data), OldKey::Keep).unwrap();
    assert_eq!(ids(&file(&data)), [rotated.to, rotated.from]);
    crate::store::restore(data.path(), &backup, crate::store::Existing::Replace).unwrap();
    let store = Store::open(data.path()).unwrap();
    assert_eq!(secrets(&store).await.len(), HELD.len());
    store.close().await;
    rotate_secret_key(data.path(), &file(&data), OldKey::Drop).unwrap();
    assert_eq!(ids(&file(&data)).len(), 1, "older ones go too");
}

/// At every point where a process could be cut off, all files are copied as they are then: from each copy a start goes
/// on, and nothing is lost.
#[tokio::test]
async fn a_rotation_that_is_cut_off_anywhere_loses_nothing() {
    let data = sealed().await;
    let before = {
        let store = Store::open(data.path()).unwrap();
        let before = secrets(&store).await;
        store.close().await;
        before
    };
    let mut copies = Vec::new();
    rotate(data.path(), &file(&data), OldKey::Drop, &mut || {
        let copy = TempDir::new().unwrap();
        for entry in fs::read_dir(data.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
        copies.push(copy);
    })
    .unwrap();
    assert!(copies.len() >= 8, "{}", copies.len());
    let mut listed = BTreeSet::new();
    for (point, copy) in copies.iter().enumerate() {
        listed.insert(ids(&file(copy)).len());
        let store = Store::open(copy.path()).unwrap_or_else(|error| panic!("point {point}: {error}"));
        assert_eq!(secrets(&store).await, before, "point {point}");
        store.close().await;
        let current = ids(&file(copy))[0];
        let again = Store::open_with(copy.path(), &file(copy)).unwrap();
        again.close().await;
        // A second rotation goes through, too.
        let rotated = rotate_secret_key(copy.path(), &file(copy), OldKey::Drop).unwrap();
        assert_eq!(rotated.from, current, "point {point}");
    }
    assert_eq!(listed, BTreeSet::from([1, 2]), "before, between and after");
}

#[tokio::test]
async fn given_keys_are_changed_by_giving_others() {
    let data = in_the_clear();
    let [old, new] = [random(), random()];
    Store::open_with(data.path(), &given(&[&old])).unwrap().close().await;
    let refused = rotate_secret_key(data.path(), &given(&[&old]), OldKey::Drop).unwrap_err();
    assert!(matches!(refused, RotateError::NothingToDo(key) if key == old.id()), "{refused}");
    let rotated = rotate_secret_key(data.path(), &given(&[&new, &old]), OldKey::Drop).unwrap();
    assert_eq!(rotated, Rotated { from: old.id(), to: new.id(), file: None });
    assert_eq!(secrets(&Store::open_with(data.path(), &given(&[&new])).unwrap()).await.len(), HELD.len());
    assert!(!data.path().join("pointsman.key").exists());
}

#[tokio::test]
async fn a_database_in_use_and_one_that_is_not_there_are_refused() {
    let none = TempDir::new().unwrap();
    let refused = rotate_secret_key(none.path(), &file(&none), OldKey::Drop).unwrap_err();
    assert!(matches!(refused, RotateError::NoDatabase(_)), "{refused}");
    assert_eq!(fs::read_dir(none.path()).unwrap().count(), 0, "nothing is made");

    let data = sealed().await;
    let _store = Store::open(data.path()).unwrap();
    let refused = rotate_secret_key(data.path(), &file(&data), OldKey::Drop).unwrap_err();
    assert!(matches!(refused, RotateError::Open(OpenError::InUse { .. })), "{refused}");
    assert_eq!(ids(&file(&data)).len(), 1);
}
