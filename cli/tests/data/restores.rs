use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use crate::harness::{Folder, eventually, pointsman};

/// Acme ERP with a customer, for a webhook URL to be known.
fn manifest(folder: &Folder) -> String {
    let text = "integrations:\n\
                - name: integrations/acme-erp\n\
                \x20 flows: [{key: any}]\n\
                \x20 endpoint: {type: ENDPOINT_TYPE_SHARED, externalCustomerId: {constant: progix-1001}}\n\
                customers: [{name: customers/bowlers-inc, externalId: progix-1001}]\n\
                deployments:\n\
                - name: integrations/acme-erp/deployments/bowlers-inc\n\
                \x20 customer: customers/bowlers-inc\n\
                \x20 flowEndpoints: {any: {url: 'http://127.0.0.1:1/in'}}\n";
    fs::write(folder.path("acme.yaml"), text).expect("written");
    folder.arg("acme.yaml")
}

/// The word behind the last `epoch`.
fn new_epoch(stdout: &str) -> String {
    let line = stdout.lines().next().expect("a line");
    line.rsplit(' ').next().expect("an epoch").to_owned()
}

#[test]
fn a_backup_comes_back_under_a_new_epoch_and_edges_take_it() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "--wait", "-f", &manifest(&folder)]);
    let before = up.admin(&["export"]);
    let url = up.admin(&["get", "integrations/acme-erp", "--url"]);
    folder.backup("backup.db", &[]).succeeded();
    let epoch = epoch_of(&folder, "backup.db");
    up.admin(&["apply", "--wait", "-f", &folder.customers("later", 2)]);

    let refused = folder.restore("backup.db", &["--force"]);
    refused.failed(&["data is in use by another process", "hint: one control plane works on a folder"]);
    assert_eq!(up.customers(), 3, "it goes on");
    up.stop();

    let refused = folder.restore("backup.db", &[]);
    refused.failed(&["there is a database in", "hint: --force puts the backup in its place"]);
    let restored = folder.restore("backup.db", &["--force"]).succeeded();
    assert!(restored.contains("holds revision 1 of epoch"), "{restored}");
    assert!(restored.contains("data/pointsman.db.replaced-1\n"), "{restored}");
    assert_ne!(new_epoch(&restored), epoch);
    assert_eq!(epoch_of(&folder, "data/pointsman.db"), new_epoch(&restored));

    let up = folder.up();
    assert_eq!(up.admin(&["export"]), before);
    // The token in it is the same, the port is another.
    let path = |url: &str| url.split("/hooks/").nth(1).expect("a path").to_owned();
    assert_eq!(path(&up.admin(&["get", "integrations/acme-erp", "--url"])), path(&url));
    eventually("the edge takes the older revision of the new epoch", || {
        let edges = up.admin(&["edges"]);
        edges.contains("edges/local   yes         1").then_some(())
    });
    // The old database can come back in the same way.
    up.stop();
    folder.restore("data/pointsman.db.replaced-1", &["--force"]).succeeded();
    let up = folder.up();
    assert_eq!(up.customers(), 3);
}

fn epoch_of(folder: &Folder, file: &str) -> String {
    let connection = rusqlite::Connection::open(folder.path(file)).expect("a database");
    connection.query_row("SELECT epoch FROM meta", [], |row| row.get(0)).expect("an epoch")
}

#[test]
fn a_backup_becomes_the_database_of_a_new_folder() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 30)]);
    folder.backup("backup.db", &[]).succeeded();
    drop(up);
    fs::rename(folder.path("data"), folder.path("elsewhere")).expect("moved");
    let restored = folder.restore("backup.db", &[]).succeeded();
    assert!(!restored.contains("replaced"), "{restored}");
    assert_eq!(folder.up().customers(), 30);
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("a", 3)]);
    folder.backup("backup.db", &[]).succeeded();
    up.kill();
    let good = fs::read(folder.path("backup.db")).expect("read");
    fs::write(folder.path("cut.db"), &good[..good.len() / 2]).expect("written");
    fs::write(folder.path("text.db"), "hello".repeat(1_000)).expect("written");
    let before = folder.data();
    for (from, said) in [
        ("cut.db", "cut.db is damaged"),
        ("text.db", "text.db is damaged"),
        ("no.db", "there is no database at"),
    ] {
        folder.restore(from, &["--force"]).failed(&[said]);
        assert_eq!(folder.data(), before);
    }
    assert_eq!(folder.up().customers(), 3);
}

/// Killed at many moments, a restore leaves the old database or the new one, each whole.
#[test]
fn a_restore_that_is_killed_leaves_the_old_or_the_new() {
    const OLD: usize = 700;
    const NEW: usize = 500;
    const ROUNDS: u32 = 12;
    let folder = Folder::new();
    let up = folder.up();
    up.admin(&["apply", "-f", &folder.customers("new", NEW)]);
    folder.backup("backup.db", &[]).succeeded();
    up.stop();
    // How long one takes that is not killed.
    let started = Instant::now();
    folder.restore("backup.db", &["--force"]).succeeded();
    let whole = started.elapsed();

    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        let (data, from) = (folder.arg("data"), folder.arg("backup.db"));
        fs::remove_dir_all(folder.path("data")).expect("removed");
        folder.restore("backup.db", &[]).succeeded();
        let up = folder.up();
        up.admin(&["apply", "-f", &folder.customers("old", OLD - NEW)]);
        // What was written last is in the log only.
        up.kill();

        let mut restore = pointsman(&["restore", "--force", "--data", &data, "--from", &from])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        // The moments are spread over the whole of it; a few are behind its end.
        thread::sleep(whole * round / (ROUNDS - 2) + Duration::from_micros(100));
        restore.kill().expect("killed");
        restore.wait().expect("ended");

        let up = folder.up();
        let customers = up.customers();
        assert!(customers == OLD || customers == NEW, "{customers} customers");
        up.admin(&["apply", "-f", &folder.customers("more", 1)]);
        up.stop();
        let left: Vec<_> = folder.data().into_iter().filter(|name| name.contains(".rest")).collect();
        assert!(left.is_empty(), "{left:?}");
        seen.push(customers);
    }
    println!("customers after each kill: {seen:?}");
    assert!(seen.contains(&OLD), "some kills come in time: {seen:?}");
}
