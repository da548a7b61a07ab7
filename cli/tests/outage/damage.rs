//! The files of an edge's copy, damaged: it serves something that it acknowledged once, or nothing.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    chance::Chance,
    number,
    restarts::connected,
    world::{CUSTOMERS, Hook, World, reaching, served},
};

const DAMAGES: u64 = 16;
/// States that the edge acknowledges one after the other, in each of two databases.
const STATES: usize = 4;

/// What an edge made of a damaged copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// The latest of what was acknowledged.
    Latest,
    /// Something older.
    Older,
    /// Nothing: it waits for its control plane, or has not started.
    Nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_copy_falls_back_or_serves_nothing() {
    let mut chance = super::chance();
    let (world, path, acknowledged) = acknowledge(&mut chance).await;
    let damages = number("OUTAGE_DAMAGES").unwrap_or(DAMAGES);
    let mut outcomes = Vec::new();
    for case in 0..damages {
        let id = format!("case-{case}");
        let folder = world.edge_data(&id);
        copy(&world.edge_data("a"), &folder);
        let damage = damage(&folder, &mut chance);
        let outcome = start(&world, &id, &path, &acknowledged).await;
        println!("{damage}: {outcome:?}");
        outcomes.push(outcome);
        fs::remove_dir_all(&folder).expect("removed");
    }
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    println!(
        "{damages} damages: {} served the latest, {} something older, {} nothing; none anything else",
        count(Outcome::Latest),
        count(Outcome::Older),
        count(Outcome::Nothing)
    );
}

/// An edge's copy of two generations, the path of its endpoint, and what it has acknowledged, the latest last.
async fn acknowledge(chance: &mut Chance) -> (World, String, Vec<Vec<String>>) {
    let mut world = World::start().await;
    let url = format!("http://{}", world.admin());
    let mut edge = world.start_edge("a", &url, "127.0.0.1:0");
    let hook = world.hook(edge.address("edge").await).await;
    connected(&world).await;
    let mut customers: Vec<usize> = (0..CUSTOMERS).collect();
    let mut acknowledged = vec![reaching(&customers)];
    for database in 0..2 {
        if database > 0 {
            // Another database with the same in it: the edge takes a snapshot of that.
            world.restore().await;
            connected(&world).await;
        }
        for _ in 0..STATES {
            customers[chance.below(CUSTOMERS)] = chance.below(CUSTOMERS);
            world.apply(&customers).await;
            acknowledged.push(reaching(&customers));
        }
    }
    assert_eq!(served(&hook, CUSTOMERS).await, reaching(&customers));
    edge.kill();
    world.kill_control_plane();
    (world, hook.path, acknowledged)
}

/// Starts an edge on a damaged copy, without a control plane.
async fn start(world: &World, id: &str, path: &str, acknowledged: &[Vec<String>]) -> Outcome {
    let mut edge = world.start_edge(id, &format!("http://{}", world.admin()), "127.0.0.1:0");
    let Some(address) = edge.address_or_nothing("edge").await else { return Outcome::Nothing };
    let served = served(&Hook { edge: address, path: path.to_owned() }, CUSTOMERS).await;
    let found = acknowledged.iter().rposition(|state| *state == served);
    let found = found.unwrap_or_else(|| panic!("{served:?} was never acknowledged: {:#?}", edge.log()));
    if found + 1 == acknowledged.len() { Outcome::Latest } else { Outcome::Older }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

/// Damages one file, or two, and says how.
fn damage(folder: &Path, chance: &mut Chance) -> String {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.metadata().expect("its length").len() > 0)
        .collect();
    files.sort();
    let times = 1 + chance.below(2);
    let damages: Vec<_> = (0..times).map(|_| damage_one(&files[chance.below(files.len())], chance)).collect();
    damages.join(", ")
}

fn damage_one(file: &Path, chance: &mut Chance) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let Ok(mut bytes) = fs::read(file) else { return format!("{name} is gone") };
    let at = chance.below(bytes.len() + 1);
    let told = match chance.below(6) {
        0 => {
            fs::remove_file(file).expect("removed");
            return format!("{name} removed");
        }
        1 => {
            bytes.truncate(at);
            format!("{name} cut at {at}")
        }
        2 => {
            bytes.extend((0..=chance.below(64)).map(|_| chance.next().to_le_bytes()[0]));
            format!("{name} longer")
        }
        3 => {
            let end = bytes.len().min(at + 64);
            bytes[at..end].fill(0);
            format!("{name} zeroed at {at}")
        }
        4 if at < bytes.len() => {
            let piece = bytes[at..].to_vec();
            bytes.extend(piece);
            format!("{name} with its end from {at} on again")
        }
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << chance.below(8);
            }
            format!("{name} with a bit changed at {at}")
        }
    };
    fs::write(file, bytes).expect("written");
    told
}
