use std::fs;

use crate::harness::{Folder, run};

/// What `backup` printed: revision, epoch, size.
fn told(stdout: &str) -> (i64, String, u64) {
    let words: Vec<_> = stdout.split([' ', ',', '\n']).collect();
    let behind = |word: &str| words[words.iter().position(|found| *found == word).expect(word) + 1];
    let bytes = words[words.iter().position(|found| *found == "bytes").expect("bytes") - 1];
    (
        behind("revision").parse().expect("a revision"),
        behind("epoch").to_owned(),
        bytes.parse().expect("a size"),
    )
}

#[test]
fn a_backup_is_made_beside_a_running_control_plane_and_without_one() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 20)]);
    up.admin(&["apply", "-f", &folder.customers("b", 5)]);
    let running = folder.backup("running.db", &[]).succeeded();
    let (revision, epoch, bytes) = told(&running);
    assert_eq!(revision, 2);
    assert_eq!(bytes, fs::metadata(folder.path("running.db")).expect("a file").len());
    assert!(running.contains(&folder.arg("running.db")), "{running}");
    // It goes on.
    up.admin(&["apply", "-f", &folder.customers("c", 1)]);
    up.stop();
    let (later, same, _) = told(&folder.backup("stopped.db", &[]).succeeded());
    assert_eq!((later, same), (3, epoch.clone()));

    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("d", 1)]);
    up.kill();
    let (killed, same, _) = told(&folder.backup("killed.db", &[]).succeeded());
    assert_eq!((killed, same), (4, epoch));
}

/// The key that is beside the database is not in a backup, and whoever makes one is told.
#[test]
fn a_backup_never_holds_the_key_and_says_so() {
    const KEY: &[u8] = b"the-key-that-nobody-may-see-0123";
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 3)]);
    up.stop();
    fs::write(folder.path("data/pointsman.key"), KEY).expect("written");
    let made = folder.backup("backup.db", &[]);
    assert!(made.stderr.contains("not in a backup") && made.stderr.contains("pointsman.key"), "{made:?}");
    assert_eq!(made.stdout.lines().count(), 1, "one line for programs: {made:?}");
    let bytes = fs::read(folder.path("backup.db")).expect("a file");
    assert!(!bytes.windows(KEY.len()).any(|window| window == KEY));
    // Restoring leaves the key alone.
    let restored = folder.restore("backup.db", &["--force"]);
    assert_eq!(restored.code, Some(0));
    assert!(restored.stderr.contains("pointsman.key"), "{restored:?}");
    assert_eq!(fs::read(folder.path("data/pointsman.key")).expect("the key"), KEY);
}

#[test]
fn a_file_is_replaced_only_with_force() {
    let folder = Folder::new();
    folder.up().stop();
    fs::write(folder.path("backup.db"), "precious").expect("written");
    folder.backup("backup.db", &[]).failed(&["backup.db is there already", "hint: --force replaces it"]);
    assert_eq!(fs::read(folder.path("backup.db")).expect("read"), b"precious");
    folder.backup("backup.db", &["--force"]).succeeded();
    folder.backup("data/pointsman.db", &["--force"]).failed(&["write the backup elsewhere"]);
    folder.up().stop();
}

#[test]
fn what_cannot_be_backed_up_is_told() {
    let folder = Folder::new();
    folder.backup("backup.db", &[]).failed(&["there is no database at", "data/pointsman.db"]);
    assert!(!folder.path("data").exists(), "nothing is made");
    folder.up().stop();
    folder.backup("nowhere/backup.db", &[]).failed(&["cannot write", "nowhere/backup.db"]);
    assert_eq!(run(&["backup", "--data", &folder.arg("data")]).code, Some(2));
    assert!(!folder.path("backup.db").exists());
}
