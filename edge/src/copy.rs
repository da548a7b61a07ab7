//! The copy of the configuration that an edge keeps on disk, so that it starts and serves without the control plane.
//!
//! What is written is what the control plane sent: resources as bytes. Whoever reads it converts and takes it in as if
//! it came from there.
//!
//! A **generation** is one file, `edge-<number>.copy`: a header, then [frames](cipher) that are encrypted and
//! authenticated, counted, and end in whole commits. The first commit holds everything, each later one a change, with
//! the hash of all that the edge held then. There are two generations, and each commit is appended to both, so that
//! either is enough. It is on the disk before the edge acknowledges it, and served before that.
//!
//! A snapshot is [staged](keeper) as it arrives and becomes the only generation when it is taken in. When there is only
//! one, or the changes in the newest one grow long, another one is [made from it](compact) meanwhile, and takes the
//! place of the oldest.
//!
//! **Never the wrong tenant:** a file that lacks something which the edge has acknowledged is removed before that, also
//! where the disk is at fault. The edge then serves on without a copy, says so, and asks for a snapshot once the disk
//! takes something again.

mod cipher;
mod compact;
mod disk;
mod fault;
mod forms;
mod frame;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod header;
mod keeper;
mod key;
mod reader;
mod restored;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use pointsman_proto::edge::{hash::ConfigHash, v1::Resource};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

#[cfg(test)]
pub(crate) use self::disk::Operation;
pub use self::key::{CopyKey, CopyKeyError, CopyKeySource, MalformedCopyKey};
pub(crate) use self::{
    disk::Disk,
    forms::Usable,
    frame::{Frame, Mark},
    reader::{ReadError, Reader, Tail},
    restored::{Candidate, Restored},
};
use self::{
    fault::Fault,
    keeper::{Keeper, Request},
};
use crate::{config::CopyConfig, telemetry::Metrics};

/// Requests that wait for the disk.
const WAITING: usize = 8;
/// How long the disk may take for one.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same, once it took longer.
const IMPATIENCE: Duration = Duration::from_millis(50);

/// Why there can be no copy. What a disk does is not among it: an edge serves without a copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Two edges would write the same files.
    #[error("another edge works on the folder {path}")]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// The key that the copy is encrypted with.
    #[error(transparent)]
    Key(CopyKeyError),
}

/// The folder of the copy.
pub(crate) struct Folder {
    path: PathBuf,
    key: CopyKeySource,
    limit: u64,
    tuning: Tuning,
    opened: Result<Opened, Fault>,
}

/// What tests set otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Tuning {
    /// What came behind the first commit of a generation may become as long as this, or as half of that commit, if it is
    /// more. Then another generation is made.
    pub(crate) changes_bytes: u64,
    /// The pause before something that failed is tried again. It doubles.
    pub(crate) first_retry: Duration,
    /// Between two looks whether something that failed is to be tried again.
    pub(crate) tick: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            changes_bytes: 16 * 1024 * 1024,
            first_retry: Duration::from_secs(30),
            tick: Duration::from_secs(5),
        }
    }
}

struct Opened {
    disk: Disk,
    key: CopyKey,
    /// Held as long as this lives.
    _lock: File,
}

impl Folder {
    /// Takes the lock and reads the key, or makes both.
    pub(crate) fn open(config: &CopyConfig) -> Result<Self, CopyError> {
        Self::open_on(Disk::new(&config.folder), config)
    }

    pub(crate) fn open_on(disk: Disk, config: &CopyConfig) -> Result<Self, CopyError> {
        let path = config.folder.clone();
        let opened = match Opened::new(disk, &config.key) {
            Err(Fault::InUse) => return Err(CopyError::InUse { path }),
            // A disk that fails; anything else is to be set right.
            Err(Fault::Key(CopyKeyError::File { source, .. })) => Err(Fault::Disk(source)),
            Err(Fault::Key(error)) => return Err(CopyError::Key(error)),
            opened => opened,
        };
        Ok(Self {
            path,
            key: config.key.clone(),
            limit: config.limit_bytes,
            tuning: Tuning::default(),
            opened,
        })
    }

    #[cfg(test)]
    pub(crate) fn tune(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn opened(&self) -> Result<&Opened, Fault> {
        self.opened.as_ref().map_err(|_| Fault::Stopped)
    }

    /// What went wrong when it was opened.
    fn take_fault(&mut self) -> Option<Fault> {
        self.opened.as_mut().err().map(|fault| std::mem::replace(fault, Fault::Stopped))
    }

    /// Opens it where that failed before.
    fn reopen(&mut self) -> Result<&Opened, Fault> {
        if self.opened.is_err() {
            self.opened = Ok(Opened::new(Disk::new(&self.path), &self.key)?);
        }
        self.opened()
    }

    /// Goes on with what was read.
    pub(crate) fn keep(self, restored: Restored, usable: Usable, metrics: Metrics) -> io::Result<Copy> {
        let (requests, received) = mpsc::channel(WAITING);
        let (status, watched) = watch::channel(Status::default());
        let lost = Arc::new(AtomicBool::new(false));
        let tick = self.tuning.tick;
        let keeper =
            Keeper::new(self, usable, restored, metrics, status, Arc::clone(&lost), requests.downgrade());
        let thread = thread::Builder::new().name("edge-copy".to_owned()).spawn(|| keeper.run(received))?;
        let ticking = requests.downgrade();
        let ticker = tokio::spawn(async move {
            loop {
                tokio::time::sleep(tick).await;
                let Some(requests) = ticking.upgrade() else { return };
                // Where it has more to do, it comes to it later.
                let _ = requests.try_send(Request::Tick);
            }
        });
        let ticker = AbortOnDropHandle::new(ticker);
        Ok(Copy {
            requests,
            status: watched,
            lost,
            stalled: false,
            staging_lost: false,
            _ticker: ticker,
            thread,
        })
    }
}

impl Opened {
    fn new(disk: Disk, key: &CopyKeySource) -> Result<Self, Fault> {
        disk.make_folder()?;
        let lock = disk.lock()?.ok_or(Fault::InUse)?;
        let key = key.read_or_make(disk.folder())?;
        Ok(Self { disk, key, _lock: lock })
    }
}

/// What a commit adds. Of one that holds everything, most was staged already.
pub(crate) struct Commit {
    /// It holds everything.
    pub(crate) full: bool,
    /// The names of those whose last good form is served in place of an update that cannot be used.
    pub(crate) previous: Vec<String>,
    pub(crate) upserts: Vec<Resource>,
    pub(crate) removals: Vec<String>,
    /// What the edge holds now.
    pub(crate) epoch: String,
    pub(crate) revision: i64,
    pub(crate) hash: ConfigHash,
    pub(crate) resources: u64,
}

/// How the copy is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Status {
    /// Why it is not what is served, in words for an admin.
    fault: Option<String>,
    /// There is none, and there could be.
    wants_snapshot: bool,
}

/// A copy that is kept. When it is dropped, what was asked for is still done.
pub(crate) struct Copy {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<Status>,
    lost: Arc<AtomicBool>,
    /// The disk took too long for the last request.
    stalled: bool,
    /// A part of what is staged was not taken.
    staging_lost: bool,
    _ticker: AbortOnDropHandle<()>,
    thread: JoinHandle<()>,
}

impl Copy {
    /// Writes a part of everything. The `first` one begins it.
    pub(crate) async fn stage(&mut self, first: bool, upserts: Vec<Resource>) {
        self.staging_lost &= !first;
        if !self.staging_lost {
            self.staging_lost = !self.request(Request::Stage { first, upserts }).await;
        }
    }

    /// What was staged is not taken in.
    pub(crate) async fn discard(&mut self) {
        self.staging_lost = false;
        self.request(Request::Discard).await;
    }

    /// Waits until the commit is on disk, or nothing is there that lacks it, or the disk has taken too long. Tells
    /// whether another generation is due.
    pub(crate) async fn commit(&mut self, commit: Commit) -> bool {
        let (done, outcome) = oneshot::channel();
        let taken = !(commit.full && self.staging_lost) && self.request(Request::Commit(commit, done)).await;
        if !taken {
            // It is removed before anything else is done with it.
            self.lost.store(true, Ordering::SeqCst);
            return false;
        }
        let outcome = timeout(self.patience(), outcome).await;
        self.stalled = outcome.is_err();
        matches!(outcome, Ok(Ok(true)))
    }

    /// Makes another generation, if one is due. The names are of those whose last good form is served.
    pub(crate) async fn compact(&mut self, previous: Vec<String>) {
        self.request(Request::Compact(previous)).await;
    }

    /// Why the copy is not what is served, in words for an admin.
    pub(crate) fn fault(&self) -> Option<String> {
        match self.stalled || self.lost.load(Ordering::SeqCst) {
            true => Some(format!("{} ({})", Fault::Stalled, Fault::Stalled.label())),
            false => self.status.borrow().fault.clone(),
        }
    }

    /// Whether only a snapshot brings a copy about. Remembers having said so.
    pub(crate) fn wants_snapshot(&mut self) -> bool {
        self.status.borrow_and_update().wants_snapshot
    }

    /// Waits until a snapshot is wanted and was not before.
    pub(crate) async fn snapshot_wanted(&mut self) {
        loop {
            if self.status.changed().await.is_err() {
                // The thread has ended: it wants nothing more.
                std::future::pending::<()>().await;
            }
            if self.status.borrow_and_update().wants_snapshot {
                return;
            }
        }
    }

    /// Ends it, and waits until nothing of it runs and the folder is free.
    pub(crate) async fn close(self) {
        let Self { requests, thread, _ticker, .. } = self;
        drop(requests);
        drop(_ticker);
        // A panic of it was told where it happened.
        let _ = spawn_blocking(|| thread.join()).await;
    }

    /// Whether the keeper takes it in time.
    async fn request(&mut self, request: Request) -> bool {
        let taken = timeout(self.patience(), self.requests.send(request)).await;
        self.stalled |= taken.is_err();
        matches!(taken, Ok(Ok(())))
    }

    fn patience(&self) -> Duration {
        if self.stalled { IMPATIENCE } else { PATIENCE }
    }
}
