//! `kill -9` of the control plane at each stage of an import: the command goes on by itself, and every row is there once.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use pointsman_proto::admin::v1::{GetCustomerMappingImportRequest, ListCustomerMappingsRequest};
use pointsman_sdk::admin::AdminClient;
use sha2::{Digest as _, Sha256};
use tokio::time::{sleep, timeout};

use crate::process::ControlPlane;

const ROWS: usize = 60_000;
const PATIENCE: Duration = Duration::from_secs(120);
const PARENT: &str = "integrations/acme-erp";

/// Where the control plane is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Rows come.
    Staging,
    /// All rows are there; most likely they are being written.
    Committing,
    /// A chunk is written.
    BetweenChunks,
}

#[tokio::test]
async fn a_killed_control_plane_doubles_and_loses_no_row() {
    for (stage, flags) in [
        (Stage::Staging, &[][..]),
        (Stage::Committing, &[][..]),
        (Stage::BetweenChunks, &["--keep-going"][..]),
    ] {
        round(stage, flags).await;
    }
}

async fn round(stage: Stage, flags: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut plane = ControlPlane::start(folder.path()).await;
    apply(plane.url());
    let admin = plane.connect().await;
    let importing = import(folder.path(), plane.url(), flags);
    timeout(PATIENCE, reached(stage, &admin)).await.expect("the stage is reached");
    if stage == Stage::Committing {
        // It begins with the last row, and takes longer than this.
        sleep(Duration::from_millis(200)).await;
    }
    plane.kill();
    let plane = ControlPlane::start_at(folder.path(), plane.address()).await;
    let output = tokio::task::spawn_blocking(move || importing.wait_with_output().expect("it ends"));
    let output = timeout(PATIENCE, output).await.expect("it ends in time").expect("it is waited for");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stage:?}: {stdout}{stderr}");
    let told = "60,000 rows: 60,000 created, 0 updated, 0 unchanged, 0 bad; revision";
    assert!(stdout.contains(told), "{stage:?}: {stdout}{stderr}");
    if stage != Stage::BetweenChunks {
        assert!(stdout.contains("; revision 2\n"), "{stage:?}: {stdout}");
    }
    let admin = plane.connect().await;
    let mappings = admin.all_customer_mappings(PARENT).await.expect("all mappings");
    let imported = mappings.iter().filter(|mapping| mapping.source_customer_id.starts_with("row-"));
    assert_eq!(imported.count(), ROWS, "{stage:?}");
}

async fn reached(stage: Stage, admin: &AdminClient) {
    loop {
        let request = GetCustomerMappingImportRequest { parent: PARENT.to_owned(), import_id: import_id() };
        let kept = admin.get_customer_mapping_import(request).await.map_or(0, |status| status.row_count);
        let is_reached = match stage {
            Stage::Staging => kept >= 10_000,
            Stage::Committing => kept >= 60_000,
            Stage::BetweenChunks => has_chunk(admin).await,
        };
        if is_reached {
            return;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

async fn has_chunk(admin: &AdminClient) -> bool {
    let request = ListCustomerMappingsRequest {
        parent: PARENT.to_owned(),
        page_size: 3,
        ..ListCustomerMappingsRequest::default()
    };
    let page = admin.list_customer_mappings(request).await.expect("a page");
    page.customer_mappings.iter().any(|mapping| mapping.source_customer_id.starts_with("row-"))
}

fn command(url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pointsman"));
    command
        .args(args)
        .env("POINTSMAN_SERVER", url)
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

fn apply(url: &str) {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/acme-erp.yaml");
    let applied = command(url, &["apply", "-f", manifest]).stdout(Stdio::null()).status().expect("it runs");
    assert!(applied.success());
}

fn rows() -> String {
    let mut rows = "source_customer_id,external_id\n".to_owned();
    for row in 0..ROWS {
        let _ = writeln!(rows, "row-{row},progix-1001");
    }
    rows
}

/// What the command makes of its id.
fn import_id() -> String {
    let digest: String = Sha256::digest(rows())[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("killed-{digest}")
}

fn import(folder: &Path, url: &str, flags: &[&str]) -> Child {
    let file = folder.join("rows.csv");
    fs::write(&file, rows()).expect("written");
    command(url, &["import-mappings", "acme-erp", "--import-id", "killed", "-f"])
        .arg(file)
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs")
}
