use tempfile::TempDir;

use super::*;

fn source(folder: &TempDir) -> KeySource {
    KeySource::in_folder(folder.path())
}

fn put(folder: &TempDir, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = folder.path().join(KEY_FILE);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn a_file_is_made_once_for_its_owner_and_read_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    assert_eq!(source(&folder).read().unwrap(), None);
    let made = source(&folder).read_or_make().unwrap();
    assert_eq!(source(&folder).read_or_make().unwrap(), made);
    assert_eq!(source(&folder).read().unwrap(), Some(made.clone()));
    let path = folder.path().join(KEY_FILE);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(write(&path, &made, IfThere::Fail).is_err(), "a key is never written over");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn keys_are_one_in_a_line_in_either_alphabet_with_comments() {
    let folder = TempDir::new().unwrap();
    let keys = [[0xfb; 32], [0xff; 32], [1; 32]].map(SecretKey);
    let url_safe = general_purpose::URL_SAFE_NO_PAD.encode(keys[1].0);
    assert!(url_safe.contains('_'));
    put(
        &folder,
        &format!(
            "# ours\n\n  {}  # since May\r\n{url_safe}\n{}",
            keys[0].to_text(),
            keys[2].to_text().trim_end_matches('=')
        ),
    );
    let ring = source(&folder).read().unwrap().unwrap();
    assert_eq!(ring.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
    let ids: std::collections::BTreeSet<_> = keys.iter().map(SecretKey::id).collect();
    assert_eq!(ids.len(), 3);
    let id = keys[0].id();
    assert_eq!(KeyId::parse(&id.to_string()), Some(id));
    for text in [id.to_string().to_uppercase(), format!("+{id}"), String::new()] {
        assert!(KeyId::parse(&text).is_none_or(|parsed| parsed.to_string() == text), "{text}");
    }
}

#[test]
fn a_file_that_makes_no_sense_is_refused_without_a_quote() {
    for (text, told) in [
        ("", "holds no key"),
        ("# nothing\n", "holds no key"),
        ("# one\ncanary\n", "line 2 of the key file"),
        ("Y2FuYXJ5\n", "line 1 of the key file"),
    ] {
        let folder = TempDir::new().unwrap();
        put(&folder, text);
        let error = source(&folder).read_or_make().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("canary") && !error.contains("Y2FuYXJ5"), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join(KEY_FILE)).unwrap(), text, "it is left as it is");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_or_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    source(&folder).read_or_make().unwrap();
    let path = folder.path().join(KEY_FILE);
    for mode in [0o644, 0o604, 0o602, 0o620, 0o660, 0o666] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = source(&folder).read().unwrap_err().to_string();
        assert!(error.contains(&format!("mode {mode:04o}")) && error.contains("chmod 600"), "{error}");
    }
    // As mounted by Kubernetes for a group.
    for mode in [0o600, 0o400, 0o440, 0o640] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        source(&folder).read().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_link_to_a_file_stays_one() {
    let folder = TempDir::new().unwrap();
    let elsewhere = TempDir::new().unwrap();
    let ring = source(&elsewhere).read_or_make().unwrap();
    std::os::unix::fs::symlink(elsewhere.path().join(KEY_FILE), folder.path().join(KEY_FILE)).unwrap();
    assert_eq!(source(&folder).read_or_make().unwrap(), ring);
    let next = ring.behind(SecretKey::random().unwrap());
    write(&folder.path().join(KEY_FILE), &next, IfThere::Replace).unwrap();
    assert!(folder.path().join(KEY_FILE).is_symlink());
    assert_eq!(source(&elsewhere).read().unwrap(), Some(next));
}

#[test]
fn a_key_is_never_shown() {
    let ring = KeyRing::new(SecretKey([0xab; 32]), vec![SecretKey([0xcd; 32])]);
    let shown = format!("{ring:?} {:?}", KeySource::Given(ring.clone()));
    for key in ring.keys() {
        assert!(!shown.contains(&key.to_text()) && !shown.contains("171, 171"), "{shown}");
        assert!(shown.contains(&key.id().to_string()));
    }
}

#[test]
fn a_ring_holds_each_key_once() {
    let [one, other] = [SecretKey([1; 32]), SecretKey([2; 32])];
    let ring = KeyRing::new(one.clone(), vec![other.clone(), one.clone()]);
    assert_eq!(ring.keys().collect::<Vec<_>>(), [&one, &other]);
    assert_eq!(ring.behind(other.clone()).keys().collect::<Vec<_>>(), [&other, &one]);
    assert_eq!(ring.without_older().keys().collect::<Vec<_>>(), [&one]);
}
