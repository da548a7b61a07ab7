use std::{
    fs,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use crate::harness::{Folder, Ran, eventually, pointsman, ran, run};

/// A manifest with `count` deployments, each with a secret.
fn secrets(folder: &Folder, count: usize) -> String {
    let mut text = "integrations:\n\
         - name: integrations/acme-erp\n\
         \x20 flows: [{key: any}]\n\
         \x20 endpoint:\n\
         \x20   type: ENDPOINT_TYPE_INSTANCE_SPECIFIC\n\
         \x20   preprocess: {address: 'http://127.0.0.1:1', metadata: {x-key: canary-service}}\n\
         customers: [{name: customers/bowlers-inc, externalId: progix-1001}]\n\
         deployments:\n"
        .to_owned();
    for number in 0..count {
        text.push_str(&format!(
            "- name: integrations/acme-erp/deployments/d{number}\n\
             \x20 customer: customers/bowlers-inc\n\
             \x20 flowEndpoints: {{any: {{url: 'http://127.0.0.1:1/', headers: {{x-key: canary-{number}}}}}}}\n"
        ));
    }
    fs::write(folder.path("secrets.yaml"), text).expect("written");
    folder.arg("secrets.yaml")
}

fn rotate(folder: &Folder, more: &[&str]) -> Ran {
    run(&[&["secret-key", "rotate", "--data", &folder.arg("data")], more].concat())
}

fn keys(folder: &Folder) -> Vec<String> {
    let text = fs::read_to_string(folder.path("data/pointsman.key")).expect("the key file");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

fn in_the_data_folder(folder: &Folder, text: &str) -> Vec<String> {
    let holds = |name: &String| {
        let bytes = fs::read(folder.path("data").join(name)).expect("a file");
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    folder.data().into_iter().filter(holds).collect()
}

#[test]
fn secrets_are_encrypted_shown_to_nobody_and_kept_through_a_rotation() {
    let folder = Folder::new();
    let manifest = secrets(&folder, 3);
    let up = folder.up();
    up.admin(&["apply", "-f", &manifest]);
    let exported = up.admin(&["export"]);
    assert_eq!(exported.matches("<redacted>").count(), 4, "{exported}");
    assert!(!exported.contains("canary"), "{exported}");
    for args in [
        &["get", "integrations/acme-erp", "-o", "yaml"][..],
        &["get", "integrations/acme-erp/deployments", "-o", "json"],
        &["apply", "-f", &manifest, "--dry-run"],
    ] {
        let shown = up.admin(args);
        assert!(!shown.contains("canary"), "{args:?}: {shown}");
    }
    fs::write(folder.path("exported.yaml"), &exported).expect("written");
    let again = up.admin(&["apply", "-f", &folder.arg("exported.yaml"), "-o", "json"]);
    assert!(!again.contains("UPDATED"), "{again}");
    assert!(in_the_data_folder(&folder, "canary").is_empty());
    rotate(&folder, &[]).failed(&["in use by another process"]);
    up.stop();

    let before = keys(&folder);
    let rotated = rotate(&folder, &[]);
    let after = keys(&folder);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
    let id = |line: &str| line.split("# ").nth(1).expect("the id").to_owned();
    let said = rotated.succeeded();
    assert!(said.contains(&id(&before[0])) && said.contains(&id(&after[0])), "{said}");
    assert!(!said.contains(after[0].split(' ').next().expect("the key")), "{said}");
    let up = folder.up();
    assert_eq!(up.admin(&["export"]), exported, "no change of the configuration");
    up.stop();

    rotate(&folder, &["--keep-old"]).succeeded();
    assert_eq!(keys(&folder)[1..], after);
}

/// The environment has the key: none is in the folder, in the log or in an error.
#[test]
fn a_key_of_the_environment_is_neither_written_nor_told() {
    let key = run(&["secret-key", "new"]).succeeded().trim().to_owned();
    let other = run(&["secret-key", "new"]).succeeded().trim().to_owned();
    assert_ne!(key, other);
    let folder = Folder::new();
    let manifest = secrets(&folder, 1);
    let log = fs::File::create(folder.path("log")).expect("a file");
    let start = |variables: &[(&str, &str)]| {
        let mut command = pointsman(&["control-plane", "--data", &folder.arg("data")]);
        command.args(["--admin-listen=127.0.0.1:0", "--addresses-file", &folder.arg("addresses.json")]);
        command.envs(variables.iter().copied()).env("POINTSMAN_LOG_LEVEL", "trace");
        command
    };
    let mut child = Ended(
        start(&[("POINTSMAN_SECRET_KEY", &key)]).stderr(Stdio::from(log)).spawn().expect("the binary runs"),
    );
    let address = eventually("the port is bound", || {
        let bound = fs::read(folder.path("addresses.json")).ok()?;
        let bound: serde_json::Value = serde_json::from_slice(&bound).ok()?;
        Some(format!("http://{}", bound["admin"].as_str()?))
    });
    run(&["apply", "-f", &manifest, "--server", &address]).succeeded();
    run(&["export", "--server", &address]).succeeded();
    child.end();
    assert!(!folder.data().contains(&"pointsman.key".to_owned()), "{:?}", folder.data());
    let log = fs::read_to_string(folder.path("log")).expect("a log");
    assert!(log.contains("TRACE"), "{log}");
    for secret in [&key, "canary"] {
        assert!(!log.contains(secret), "{secret} is in the log");
        assert!(in_the_data_folder(&folder, secret).is_empty(), "{secret}");
    }

    for variables in [&[][..], &[("POINTSMAN_SECRET_KEY", other.as_str())]] {
        let refused = ran(start(variables).output().expect("the binary runs"));
        refused.failed(&["are encrypted with the key", "docs/secrets.md"]);
        assert!(!refused.stderr.contains(&key) && !refused.stderr.contains(&other), "{refused:?}");
    }
    let both = ran(start(&[("POINTSMAN_SECRET_KEY", &key), ("POINTSMAN_SECRET_KEY_FILE", "x")])
        .output()
        .expect("the binary runs"));
    assert_eq!(both.code, Some(2), "{both:?}");

    // The next key, with the old one listed.
    let rotated = pointsman(&["secret-key", "rotate", "--data", &folder.arg("data")])
        .envs([("POINTSMAN_SECRET_KEY", &other), ("POINTSMAN_SECRET_KEY_OLD", &key)])
        .output();
    ran(rotated.expect("the binary runs")).succeeded();
    let refused = ran(start(&[("POINTSMAN_SECRET_KEY", &key)]).output().expect("the binary runs"));
    refused.failed(&["are encrypted with the key"]);
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_stops_the_start() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    folder.up().stop();
    let file = folder.path("data/pointsman.key");
    assert_eq!(crate::harness::mode(&file), 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
    run(&["up", "--data", &folder.arg("data")]).failed(&["mode 0644", "chmod 600"]);
}

/// Whenever it is killed, the next start has all keys that it needs: it opens every secret once.
#[test]
fn a_rotation_that_is_killed_loses_nothing() {
    let folder = Folder::new();
    let manifest = secrets(&folder, 1_500);
    let up = folder.up();
    up.admin(&["apply", "-f", &manifest]);
    let exported = up.admin(&["export"]);
    up.stop();
    let mut cut_off = 0;
    for round in 0..8 {
        let before = keys(&folder);
        let mut child = Ended(
            pointsman(&["secret-key", "rotate", "--data", &folder.arg("data")])
                .stdout(Stdio::null())
                .spawn()
                .expect("the binary runs"),
        );
        eventually("the new key is in the file, or all is done", || {
            let changed = keys(&folder) != before || child.0.try_wait().expect("its state").is_some();
            changed.then_some(())
        });
        thread::sleep(Duration::from_millis(round * 7));
        cut_off += usize::from(child.0.try_wait().expect("its state").is_none());
        child.end();
        let up = folder.up();
        assert_eq!(up.admin(&["export"]), exported, "round {round}");
        up.stop();
    }
    assert!(cut_off > 0, "never in the middle");
}

/// A process that does not outlive its test.
struct Ended(Child);

impl Ended {
    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.end();
    }
}
