use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    process::Command,
};

use crate::harness::{Folder, eventually, mode, pointsman, ran};

/// A limit on the size of files stands for a disk that fills up: it fails the same calls, needs no rights to set, and
/// can be lifted while the control plane runs.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_writes_and_loses_nothing_until_there_is_room() {
    let folder = Folder::new();
    let limit = |pid: u32, bytes: &str| {
        let set =
            Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")]).status();
        assert!(set.expect("prlimit runs").success());
    };
    let up = folder.up();
    up.admin(&["apply", "--wait", "-f", &folder.customers("before", 5)]);
    limit(up.id(), "300000");
    let large = folder.customers("large", 1_000);
    for _ in 0..3 {
        let full = up.run(&["apply", "-f", &large]);
        full.failed(&["takes no more: it is full", "(RESOURCE_EXHAUSTED, DISK_FULL)", "hint: make room"]);
    }
    assert_eq!(up.customers(), 5, "nothing of them is there");
    // Backups are made by others.
    folder.backup("backup.db", &[]).succeeded();
    limit(up.id(), "unlimited");
    let applied = up.admin(&["apply", "--wait", "-f", &large]);
    assert!(applied.contains("revision 2 is served by edges/local"), "without a gap: {applied}");
    assert_eq!(up.customers(), 1_005);
    up.kill();
    assert_eq!(folder.up().customers(), 1_005);
}

/// Killed while the disk is full.
#[cfg(target_os = "linux")]
#[test]
fn what_was_answered_outlives_a_kill_on_a_full_disk() {
    let folder = Folder::new();
    // In units of 512 bytes.
    let up = folder.up_after("ulimit -f 1000");
    let mut kept = 0;
    for batch in 0.. {
        let said = up.run(&["apply", "-f", &folder.customers(&format!("b{batch}"), 100)]);
        if said.code != Some(0) {
            said.failed(&["DISK_FULL"]);
            break;
        }
        kept += 100;
    }
    assert!(kept > 0);
    assert_eq!(up.customers(), kept);
    up.kill();
    let up = folder.up_after("ulimit -f 1000");
    assert_eq!(up.customers(), kept, "it starts where there is no room, too");
    up.kill();
    let up = folder.up();
    assert_eq!(up.customers(), kept);
    up.admin(&["apply", "-f", &folder.customers("after", 100)]);
    assert_eq!(up.customers(), kept + 100);
}

#[cfg(target_os = "linux")]
#[test]
fn a_backup_and_a_restore_without_room_leave_all_as_it_was() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 500)]);
    folder.backup("earlier.db", &[]).succeeded();
    up.stop();
    let before = fs::read(folder.path("earlier.db")).expect("read");
    let limited = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -f 200; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pointsman")]);
        ran(command.args(args).output().expect("the binary runs"))
    };
    let (data, file) = (folder.arg("data"), folder.arg("earlier.db"));
    for args in [
        ["backup", "--force", "--data", &data, "--to", &file],
        ["restore", "--force", "--data", &data, "--from", &file],
    ] {
        limited(&args).failed(&["cannot copy", "there is no room on the disk"]);
        assert!(fs::read(&file).expect("read") == before, "{args:?}");
        let mut left = folder.data();
        left.retain(|name| !matches!(name.as_str(), "pointsman.db-wal" | "pointsman.db-shm"));
        assert_eq!(left, ["pointsman.db", "pointsman.key", "pointsman.lock"], "{args:?}");
    }
    let left = fs::read_dir(folder.path("")).expect("a folder").filter(|entry| {
        entry.as_ref().expect("an entry").file_name().to_string_lossy().ends_with(".partial")
    });
    assert_eq!(left.count(), 0);
    assert_eq!(folder.up().customers(), 500);
}

#[test]
fn a_damaged_database_does_not_start_and_says_what_to_do() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 50)]);
    folder.backup("backup.db", &[]).succeeded();
    up.stop();
    // All but the first page, which says what the file is.
    let path = folder.path("data/pointsman.db");
    let mut file = fs::OpenOptions::new().write(true).open(&path).expect("the database");
    let pages = usize::try_from(file.metadata().expect("its size").len()).expect("a size") / 4096;
    file.seek(SeekFrom::Start(4096)).expect("behind it");
    file.write_all(&vec![0x5a; (pages - 1) * 4096]).expect("overwritten");
    drop(file);
    let data = folder.arg("data");
    for command in ["up", "control-plane"] {
        let started = pointsman(&[command, "--data", &data, "--admin-listen=127.0.0.1:0", "--log-level=off"]);
        let refused = ran({ started }.output().expect("the binary runs"));
        refused.failed(&[
            "data/pointsman.db is damaged, and a backup of it should be restored: ",
            "hint: `pointsman restore",
        ]);
        assert!(refused.stderr.len() < 3_000, "{refused:?}");
    }
    folder.backup("worse.db", &[]).failed(&["pointsman.db is damaged"]);
    assert!(!folder.path("worse.db").exists());
    folder.restore("backup.db", &["--force"]).succeeded();
    assert_eq!(folder.up().customers(), 50);
    assert!(folder.data().contains(&"pointsman.db.replaced-1".to_owned()), "the damaged one is kept");
}

#[test]
fn another_program_that_holds_the_database_is_told() {
    let folder = Folder::new();
    let up = folder.up();
    let other = rusqlite::Connection::open(folder.path("data/pointsman.db")).expect("the database");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let refused = up.run(&["apply", "-f", &folder.customers("a", 1)]);
    refused.failed(&["(UNAVAILABLE, DATABASE_BUSY)", "hint: find the program that holds pointsman.db"]);
    folder.backup("backup.db", &[]).succeeded();
    other.execute_batch("ROLLBACK").expect("let go");
    drop(other);
    up.admin(&["apply", "-f", &folder.customers("a", 1)]);
}

/// Whatever the umask is.
#[cfg(unix)]
#[test]
fn nobody_else_reads_the_files() {
    let folder = Folder::new();
    let up = folder.up_after("umask 0");
    up.admin(&["apply", "-f", &folder.customers("a", 1)]);
    let private = |names: &[&str]| {
        assert_eq!(mode(&folder.path("data")), 0o700);
        for name in names {
            eventually("the file is there", || folder.path(name).exists().then_some(()));
            assert_eq!(mode(&folder.path(name)), 0o600, "{name}");
        }
    };
    private(&["data/pointsman.db", "data/pointsman.db-wal", "data/pointsman.db-shm", "data/pointsman.lock"]);
    for name in folder.data() {
        assert_eq!(mode(&folder.path("data").join(&name)) & 0o077, 0, "{name}");
    }
    up.kill();

    let lax = |args: &[&str]| {
        let mut command = Command::new("sh");
        command.args(["-c", "umask 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_pointsman")]).args(args);
        ran(command.output().expect("the binary runs")).succeeded()
    };
    let (data, file) = (folder.arg("data"), folder.arg("backup.db"));
    lax(&["backup", "--data", &data, "--to", &file]);
    assert_eq!(mode(&folder.path("backup.db")), 0o600);
    fs::remove_dir_all(folder.path("data")).expect("removed");
    lax(&["restore", "--data", &data, "--from", &file]);
    private(&["data/pointsman.db", "data/pointsman.lock"]);
    // Made by hand, and too open.
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder.path("data/pointsman.db"), fs::Permissions::from_mode(0o644)).expect("opened");
    let up = folder.up_after("umask 0");
    up.admin(&["apply", "-f", &folder.customers("b", 1)]);
    private(&["data/pointsman.db", "data/pointsman.db-wal", "data/pointsman.db-shm"]);
}
