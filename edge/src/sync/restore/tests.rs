//! Whatever becomes of the files and of the process: what is served after a restart is what was acknowledged.

mod history;

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use self::history::{Database, Delivery, State, delivery, write};
use super::*;
use crate::{
    config::CopyConfig,
    copy::{Disk, Operation, Tuning},
    sync::{
        commit::{Gathering, Part},
        keeping::Keeping,
    },
};

/// An edge without the network: what it holds, and its copy.
struct Edge {
    holder: Holder,
    keeping: Keeping,
    metrics: Metrics,
}

impl Edge {
    async fn start(folder: &Path) -> Self {
        Self::start_on(Disk::new(folder), folder).await
    }

    async fn start_on(disk: Disk, folder: &Path) -> Self {
        let tuning = Tuning { changes_bytes: 300, ..Tuning::default() };
        let folder = Folder::open_on(disk, &CopyConfig::new(folder)).unwrap().tune(tuning);
        let metrics = Metrics::new();
        let (holder, restored) = restore(&folder, &metrics);
        let mut keeping = Keeping::new(Some(folder.keep(restored, usable, metrics.clone()).unwrap()));
        keeping.begin(&holder).await;
        Self { holder, keeping, metrics }
    }

    /// As a session does it; once it returns, the commit is acknowledged.
    async fn hear(&mut self, chunks: Vec<pointsman_proto::edge::v1::Chunk>) {
        let mut gathering = Gathering::default();
        for chunk in chunks {
            let part = Part::parse(chunk).unwrap();
            let is_first = !gathering.is_open();
            let whole = gathering.add(&part).unwrap();
            self.keeping.hear(is_first, part.into_raw()).await;
            let Some(commit) = whole else { continue };
            let full = commit.is_full();
            match self.holder.apply(commit).unwrap() {
                Applied::Taken => self.keeping.commit(full, &self.holder).await,
                Applied::Old => self.keeping.discard().await,
            }
        }
    }

    async fn stop(self) -> State {
        self.keeping.close().await;
        State::of(&self.holder)
    }

    /// Waits until there are two generations.
    async fn two_generations(&self) {
        while !self.metrics.encode().contains("pointsman_edge_copy_generations 2") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a start would serve.
async fn restored(folder: &Path) -> State {
    let folder = Folder::open(&CopyConfig::new(folder)).unwrap();
    State::of(&restore(&folder, &Metrics::new()).0)
}

fn copies(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "copy"));
    files.sort();
    files
}

/// A folder with two generations, and every state that was acknowledged.
fn two_generations(folder: &Path) -> Vec<State> {
    runtime().block_on(async {
        let mut edge = Edge::start(folder).await;
        let mut database = Database::new();
        let mut states = Vec::new();
        for (n, write) in history::fixed().into_iter().enumerate() {
            database.write(&write);
            let chunks =
                if n == 5 { database.snapshot() } else { database.changes_after(edge.holder.revision()) };
            edge.hear(if n == 0 { database.snapshot() } else { chunks }).await;
            states.push(State::of(&edge.holder));
            if n == 7 {
                edge.two_generations().await;
            }
        }
        edge.stop().await;
        states
    })
}

#[test]
fn one_damaged_file_loses_nothing_and_two_serve_no_garbage() {
    let folder = tempfile::tempdir().unwrap();
    let states = two_generations(folder.path());
    let last = states.last().unwrap();
    let files = copies(folder.path());
    assert_eq!(files.len(), 2);
    let runtime = runtime();
    assert_eq!(&runtime.block_on(restored(folder.path())), last);
    let good: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let mut random = history::Random(7);
    let mut damage = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            _ => {
                let end = (at + 1 + random.below(64)).min(bytes.len());
                bytes[at..end].fill(0);
            }
        }
        bytes
    };
    for case in 0..200 {
        let both = case % 4 == 3;
        for (n, (file, bytes)) in files.iter().zip(&good).enumerate() {
            let damaged = both || n == case % 2;
            fs::write(file, if damaged { damage(bytes) } else { bytes.clone() }).unwrap();
        }
        let served = runtime.block_on(restored(folder.path()));
        match both {
            false => assert_eq!(&served, last, "case {case}"),
            true => {
                assert!(served == State::default() || states.contains(&served), "case {case}: {served:?}")
            }
        }
    }
}

/// The disk fails at one operation, for good or once; then the edge starts again.
#[test]
fn a_crash_or_a_fault_between_any_two_operations_leaves_what_was_acknowledged() {
    for crash in [true, false] {
        for fails_at in 0.. {
            let folder = tempfile::tempdir().unwrap();
            // The key is made first, by other means.
            drop(Folder::open(&CopyConfig::new(folder.path())).unwrap());
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let gate = Arc::new(move |operation: Operation| {
                let n = counted.fetch_add(1, Ordering::SeqCst);
                let fails =
                    if crash { n >= fails_at } else { n == fails_at && operation != Operation::Remove };
                if fails { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
            });
            let runtime = runtime();
            let (acknowledged, in_flight) = runtime.block_on(async {
                let disk = Disk::with_gate(folder.path(), gate);
                let mut edge = Edge::start_on(disk, folder.path()).await;
                let mut database = Database::new();
                let (mut acknowledged, mut in_flight) = (State::default(), State::default());
                for (n, write) in history::fixed().into_iter().enumerate() {
                    database.write(&write);
                    let snapshot = n == 0 || n == 5;
                    let chunks = match snapshot {
                        true => database.snapshot(),
                        false => database.changes_after(edge.holder.revision()),
                    };
                    edge.hear(chunks).await;
                    in_flight = State::of(&edge.holder);
                    if crash && count.load(Ordering::SeqCst) > fails_at {
                        break;
                    }
                    acknowledged = in_flight.clone();
                }
                edge.stop().await;
                (acknowledged, in_flight)
            });
            let served = runtime.block_on(restored(folder.path()));
            let right = match crash {
                true => served == acknowledged || served == in_flight,
                // Without a copy, never with an old one.
                false => served == acknowledged || served == State::default(),
            };
            assert!(right, "crash {crash}, operation {fails_at}: {served:?}\nand not {acknowledged:?}");
            if count.load(Ordering::SeqCst) <= fails_at {
                assert_eq!(served, acknowledged);
                break;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Restarts anywhere, generations made anywhere: the edge serves what it served, last good forms included.
    #[test]
    fn a_restart_changes_nothing(steps in prop::collection::vec((write(), delivery()), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        runtime().block_on(async {
            let mut database = Database::new();
            let mut edge = Edge::start(folder.path()).await;
            edge.hear(database.snapshot()).await;
            for (write, delivery) in steps {
                database.write(&write);
                match delivery {
                    Delivery::Held => continue,
                    Delivery::Change => edge.hear(database.changes_after(edge.holder.revision())).await,
                    Delivery::Snapshot => edge.hear(database.snapshot()).await,
                    Delivery::Settled => edge.two_generations().await,
                    Delivery::Torn => {
                        let mut chunks = database.snapshot();
                        chunks.pop();
                        edge.hear(chunks).await;
                    }
                    Delivery::Restart => {
                        let before = edge.stop().await;
                        edge = Edge::start(folder.path()).await;
                        prop_assert_eq!(State::of(&edge.holder), before);
                    }
                }
            }
            let before = edge.stop().await;
            prop_assert_eq!(restored(folder.path()).await, before);
            prop_assert!(copies(folder.path()).len() <= 2);
            Ok(())
        })?;
    }
}
