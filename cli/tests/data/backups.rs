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

/// The key that is beside the database is not in a backup, whoever makes one is told, and the two together are whole.
#[test]
fn a_backup_never_holds_the_key_and_says_so() {
    const SECRET: &str = "Bearer nobody-may-see-this";
    let folder = Folder::new();
    let manifest = format!(
        "integrations:\n\
         - name: integrations/acme-erp\n\
         \x20 flows: [{{key: any}}]\n\
         \x20 endpoint: {{type: ENDPOINT_TYPE_SHARED, externalCustomerId: {{constant: progix-1001}}}}\n\
         customers: [{{name: customers/bowlers-inc, externalId: progix-1001}}]\n\
         deployments:\n\
         - name: integrations/acme-erp/deployments/bowlers-inc\n\
         \x20 customer: customers/bowlers-inc\n\
         \x20 flowEndpoints: {{any: {{url: 'http://127.0.0.1:1/in', headers: {{authorization: '{SECRET}'}}}}}}\n"
    );
    fs::write(folder.path("acme.yaml"), manifest).expect("written");
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.arg("acme.yaml")]);
    let made = folder.backup("backup.db", &[]);
    up.stop();
    assert!(made.stderr.contains("not in a backup") && made.stderr.contains("pointsman.key"), "{made:?}");
    assert_eq!(made.stdout.lines().count(), 1, "one line for programs: {made:?}");
    let key = fs::read(folder.path("data/pointsman.key")).expect("the key");
    let bytes = fs::read(folder.path("backup.db")).expect("a file");
    for hidden in [key.trim_ascii(), SECRET.as_bytes()] {
        assert!(!hidden.is_empty() && !bytes.windows(hidden.len()).any(|window| window == hidden));
    }

    // Restoring leaves the key alone.
    let restored = folder.restore("backup.db", &["--force"]);
    assert_eq!(restored.code, Some(0));
    assert!(restored.stderr.contains("pointsman.key"), "{restored:?}");
    assert_eq!(fs::read(folder.path("data/pointsman.key")).expect("the key"), key);
    folder.up().stop();
    // Without it the restored database does not start, and no other key is made.
    fs::remove_dir_all(folder.path("data")).expect("removed");
    folder.restore("backup.db", &[]).succeeded();
    let refused = run(&["control-plane", "--data", &folder.arg("data"), "--admin-listen=127.0.0.1:0"]);
    refused.failed(&["are encrypted with the key", "pointsman.key"]);
    assert!(!folder.path("data/pointsman.key").exists());
    fs::write(folder.path("data/pointsman.key"), &key).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.path("data/pointsman.key"), private).expect("set");
    }
    assert_eq!(folder.up().customers(), 1);
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

#[test]
fn programs_read_what_was_done() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 2)]);
    up.stop();
    let read = |stdout: &str| serde_json::from_str::<serde_json::Value>(stdout).expect("JSON");
    let made = read(&folder.backup("backup.db", &["-o", "json"]).succeeded());
    assert_eq!((&made["revision"], &made["file"]), (&1.into(), &folder.arg("backup.db").into()));
    assert_eq!(made["bytes"], fs::metadata(folder.path("backup.db")).expect("a file").len());
    let restored = read(&folder.restore("backup.db", &["--force", "-o", "json"]).succeeded());
    assert_eq!(restored["backedUpEpoch"], made["epoch"]);
    assert_ne!(restored["epoch"], made["epoch"]);
    assert_eq!(restored["replaced"], folder.arg("data/pointsman.db.replaced-1"));
    fs::remove_dir_all(folder.path("data")).expect("removed");
    let restored = read(&folder.restore("backup.db", &["-o", "json"]).succeeded());
    assert!(restored["replaced"].is_null());
}
