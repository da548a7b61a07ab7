//! The thread that writes the copy.
//!
//! It keeps up to two generations and appends each commit to both, so that either is enough. Whatever it cannot write
//! it removes: a file that lacks something which was acknowledged could send a webhook to the wrong tenant after a
//! restart.

mod another;
mod changes;
mod everything;
mod faults;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use pointsman_proto::edge::v1::Resource;
use tokio::sync::{mpsc, oneshot, watch};

use self::faults::Retry;
use super::{
    Commit, Folder, Opened, Status, compact::Compacted, fault::Fault, forms::Usable, restored::Restored,
    writer::Writer,
};
use crate::telemetry::Metrics;

/// What the keeper is asked to do.
pub(super) enum Request {
    /// A part of everything. The first one begins it, in place of what was begun before.
    Stage { first: bool, upserts: Vec<Resource> },
    /// What was begun is not taken in.
    Discard,
    /// The answer tells whether another generation is due.
    Commit(Commit, oneshot::Sender<bool>),
    /// Makes another generation, if one is due. The names are of those whose last good form is served.
    Compact(Vec<String>),
    /// It is made.
    Compacted { target: u64, result: Result<Box<Compacted>, Fault> },
    /// Time has passed.
    Tick,
}

/// The thread's state.
pub(super) struct Keeper {
    folder: Folder,
    usable: Usable,
    metrics: Metrics,
    status: watch::Sender<Status>,
    /// A commit got lost on the way here.
    lost: Arc<AtomicBool>,
    requests: mpsc::WeakSender<Request>,
    /// The oldest first.
    generations: Vec<Generation>,
    staging: Staging,
    compaction: Option<Compaction>,
    /// The last commit's.
    sequence: u64,
    next_number: u64,
    /// Why there is no copy.
    fault: Option<&'static str>,
    retry: Retry,
}

struct Generation {
    number: u64,
    writer: Writer,
}

/// Everything, as it arrives.
#[derive(Default)]
enum Staging {
    #[default]
    None,
    Open {
        number: u64,
        writer: Box<Writer>,
        resources: u64,
    },
    Failed(Fault),
}

struct Compaction {
    source: u64,
    target: u64,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn new(
        folder: Folder,
        usable: Usable,
        restored: Restored,
        metrics: Metrics,
        status: watch::Sender<Status>,
        lost: Arc<AtomicBool>,
        requests: mpsc::WeakSender<Request>,
    ) -> Self {
        let retry = Retry::new(&folder);
        let mut keeper = Self {
            folder,
            usable,
            metrics,
            status,
            lost,
            requests,
            generations: Vec::new(),
            staging: Staging::None,
            compaction: None,
            sequence: restored.sequence,
            next_number: restored.next_number,
            fault: None,
            retry,
        };
        let opened = keeper.folder.take_fault().map_or(Ok(()), Err).and_then(|()| keeper.go_on(&restored));
        keeper.settle(opened);
        keeper
    }

    /// Works until nobody is there to ask for anything.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(request) = requests.blocking_recv() {
            if self.lost.swap(false, Ordering::SeqCst) {
                self.give_up(Fault::Stalled);
            }
            match request {
                Request::Stage { first, upserts } => self.stage(first, upserts),
                Request::Discard => self.discard(),
                Request::Commit(commit, done) => {
                    let committed = if commit.full { self.install(commit) } else { self.append(commit) };
                    self.settle(committed);
                    // Whoever asked may have lost patience.
                    let _ = done.send(self.is_due());
                }
                Request::Compact(previous) => self.compact(previous),
                Request::Compacted { target, result } => self.compacted(target, result),
                Request::Tick => self.try_again(),
            }
        }
        drop(requests);
        self.discard();
        if let Some(thread) = self.stop_compaction() {
            // A panic of it was told where it happened.
            let _ = thread.join();
        }
    }

    /// Opens what was read at the start to append to it.
    fn go_on(&mut self, restored: &Restored) -> Result<(), Fault> {
        let Opened { disk, .. } = self.folder.opened()?;
        disk.remove_parts()?;
        for (number, tail) in &restored.generations {
            let writer = Writer::go_on(disk, *number, tail)?;
            self.generations.push(Generation { number: *number, writer });
        }
        Ok(())
    }
}
