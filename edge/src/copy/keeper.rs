//! The thread that writes the copy.
//!
//! It keeps up to two generations and appends each commit to both, so that either is enough. Whatever it cannot write
//! it removes: a file that lacks something which was acknowledged could send a webhook to the wrong tenant after a
//! restart.

use std::{
    io, mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};

use pointsman_proto::edge::v1::Resource;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    Commit, Folder, Opened, Status,
    compact::{self, Compacted, Job},
    disk::{generation_file, part_file},
    fault::Fault,
    forms::{Forms, Usable},
    frame::Mark,
    restored::Restored,
    writer::Writer,
};
use crate::telemetry::Metrics;

/// As long as this part of its first commit may become what came behind it.
const CHANGES_SHARE: u64 = 2;
/// The longest pause before something that failed is tried again.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

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

/// When to try again.
struct Retry {
    at: Option<Instant>,
    pause: Duration,
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

/// Everything.
impl Keeper {
    fn stage(&mut self, first: bool, upserts: Vec<Resource>) {
        if first {
            self.discard();
            self.staging = self.begin().unwrap_or_else(Staging::Failed);
        }
        let Staging::Open { writer, resources, .. } = &mut self.staging else { return };
        *resources += upserts.len() as u64;
        let written = upserts.into_iter().try_for_each(|resource| writer.upsert(resource));
        if let Err(error) = written.map_err(Fault::Disk).and_then(|()| self.make_room()) {
            self.discard();
            self.staging = Staging::Failed(error);
        }
    }

    /// Keeps within the bound, with one generation at least.
    fn make_room(&mut self) -> Result<(), Fault> {
        while self.bytes() > self.folder.limit {
            if self.generations.len() < 2 {
                return Err(Fault::TooLarge(self.folder.limit));
            }
            self.drop_oldest();
        }
        Ok(())
    }

    fn begin(&mut self) -> Result<Staging, Fault> {
        let Opened { disk, key, .. } = self.folder.opened()?;
        let number = self.next_number;
        let writer = Writer::create(disk, &part_file(number), key)?;
        self.next_number += 1;
        Ok(Staging::Open { number, writer: Box::new(writer), resources: 0 })
    }

    fn discard(&mut self) {
        if let Staging::Open { number, writer, .. } = mem::take(&mut self.staging) {
            drop(writer);
            self.remove(&part_file(number));
        }
    }

    /// What was staged becomes the only generation. What there was before is older than what is about to be
    /// acknowledged.
    fn install(&mut self, commit: Commit) -> Result<(), Fault> {
        self.stop_compaction();
        let (number, mut writer, resources) = match mem::take(&mut self.staging) {
            Staging::Open { number, writer, resources } => (number, writer, resources),
            Staging::Failed(fault) => return Err(fault),
            Staging::None => return Err(Fault::Different),
        };
        let mark = self.mark(&commit);
        let resources = resources + commit.upserts.len() as u64;
        for good in self.last_good_forms(commit.previous) {
            writer.previous(good)?;
        }
        commit.upserts.into_iter().try_for_each(|resource| writer.upsert(resource))?;
        writer.commit(&mark)?;
        if resources != mark.resources {
            return Err(Fault::Different);
        }
        writer.sync()?;
        let Opened { disk, .. } = self.folder.opened()?;
        disk.rename(&part_file(number), &generation_file(number))?;
        disk.sync_folder()?;
        self.generations = vec![Generation { number, writer: *writer }];
        self.remove_others();
        Ok(())
    }
}

/// Last good forms.
impl Keeper {
    /// Those that are served under a snapshot whose updates cannot be used: they are in what was there before it. One that
    /// is not found is out of service after a restart, which is never the wrong tenant.
    fn last_good_forms(&self, names: Vec<String>) -> Vec<Resource> {
        let Some(newest) = self.generations.last().filter(|_| !names.is_empty()) else { return Vec::new() };
        let mut forms = Forms::of(names, self.usable);
        let mut read = || -> Result<(), Fault> {
            let Opened { disk, key, .. } = self.folder.opened()?;
            let mut reader = compact::open(disk, key, newest.number, newest.writer.len())?;
            while let Some(frame) = reader.next()? {
                forms.note(&frame);
            }
            Ok(())
        };
        if let Err(fault) = read() {
            tracing::warn!(%fault, "the last good forms of some resources are not on disk");
            return Vec::new();
        }
        forms.into_forms().filter_map(|form| form.good).collect()
    }
}

/// Changes.
impl Keeper {
    /// Appends to both generations. One that fails is removed; that is a fault only where no other one is left.
    fn append(&mut self, commit: Commit) -> Result<(), Fault> {
        if self.generations.is_empty() {
            return Ok(());
        }
        let mark = self.mark(&commit);
        let append = |generation: &mut Generation| {
            let writer = &mut generation.writer;
            commit.upserts.iter().try_for_each(|resource| writer.upsert(resource.clone()))?;
            commit.removals.iter().try_for_each(|name| writer.removal(name.clone()))?;
            writer.commit(&mark)
        };
        let appended: Vec<_> = self.generations.iter_mut().map(append).collect();
        let generations = &self.generations;
        let synced = thread::scope(|scope| {
            let sync = |n: usize| if appended[n].is_ok() { generations[n].writer.sync() } else { Ok(()) };
            let others: Vec<_> = (1..generations.len()).map(|n| scope.spawn(move || sync(n))).collect();
            let mut synced = vec![sync(0)];
            let ended = |other: thread::ScopedJoinHandle<'_, _>| {
                other.join().unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))
            };
            synced.extend(others.into_iter().map(ended));
            synced
        });
        let results = appended.into_iter().zip(synced).map(|(appended, synced)| appended.and(synced));
        let mut failed = None;
        let mut removed = Vec::new();
        let mut results = results.collect::<Vec<_>>().into_iter();
        self.generations.retain(|generation| match results.next() {
            Some(Err(error)) => {
                removed.push(generation.number);
                failed = Some(Fault::Disk(error));
                false
            }
            _ => true,
        });
        for number in removed {
            self.remove(&generation_file(number));
        }
        match failed {
            Some(fault) if self.generations.is_empty() => return Err(fault),
            Some(fault) => {
                tracing::warn!(%fault, "one of the two files of the edge's copy failed; the other one has it all");
                self.metrics.copy_fault(fault.label());
                self.sync_folder();
            }
            None => {}
        }
        self.make_room()
    }

    fn mark(&mut self, commit: &Commit) -> Mark {
        self.sequence += 1;
        Mark {
            epoch: commit.epoch.clone(),
            revision: commit.revision,
            hash: commit.hash,
            resources: commit.resources,
            sequence: self.sequence,
            time: SystemTime::now(),
        }
    }
}

/// Another generation.
impl Keeper {
    fn is_due(&self) -> bool {
        let Some(newest) = self.generations.last() else { return false };
        let (base, changes) = newest.writer.shares();
        let long = changes > self.folder.tuning.changes_bytes.max(base / CHANGES_SHARE);
        self.compaction.is_none() && self.retry.is_due() && (long || self.generations.len() < 2)
    }

    fn compact(&mut self, previous: Vec<String>) {
        if !self.is_due() {
            return;
        }
        if let Err(fault) = self.start_compaction(previous) {
            self.compaction_failed(fault);
        }
    }

    fn start_compaction(&mut self, previous: Vec<String>) -> Result<(), Fault> {
        let Some(newest) = self.generations.last() else { return Ok(()) };
        let (base, changes) = newest.writer.shares();
        if self.bytes() + base > self.folder.limit && self.generations.len() > 1 {
            self.drop_oldest();
        }
        let Some(newest) = self.generations.last() else { return Ok(()) };
        let Opened { disk, key, .. } = self.folder.opened()?;
        let (source, target) = (newest.number, self.next_number);
        let stop = Arc::new(AtomicBool::new(false));
        let job = Job {
            disk: disk.clone(),
            key: key.clone(),
            source,
            base,
            len: base + changes,
            target,
            limit: self.folder.limit.saturating_sub(self.bytes()),
            previous,
            usable: self.usable,
            stop: Arc::clone(&stop),
        };
        let requests = self.requests.clone();
        let work = move || {
            let result = job.run().map(Box::new);
            if let Some(requests) = requests.upgrade() {
                // A keeper that ends does not hear it.
                let _ = requests.blocking_send(Request::Compacted { target, result });
            }
        };
        self.next_number += 1;
        let thread = thread::Builder::new().name("edge-copy-2".to_owned()).spawn(work)?;
        self.compaction = Some(Compaction { source, target, stop, thread });
        Ok(())
    }

    fn compacted(&mut self, target: u64, result: Result<Box<Compacted>, Fault>) {
        let Some(compaction) = self.compaction.take_if(|compaction| compaction.target == target) else {
            drop(result);
            return self.remove(&part_file(target));
        };
        // It has said all.
        let _ = compaction.thread.join();
        let source = compaction.source;
        match result.and_then(|compacted| self.join(source, target, *compacted)) {
            Ok(()) => {
                self.retry = Retry::new(&self.folder);
                self.report();
            }
            Err(fault) => {
                self.remove(&part_file(target));
                if matches!(fault, Fault::Read(_) | Fault::Different) {
                    // The other one has it all.
                    self.generations.retain(|generation| generation.number != source);
                    self.remove(&generation_file(source));
                    self.sync_folder();
                }
                match self.generations.is_empty() {
                    true => self.give_up(fault),
                    false => self.compaction_failed(fault),
                }
            }
        }
    }

    /// Gives the new generation what came while it was made, and puts it in the place of the oldest one.
    fn join(&mut self, source: u64, target: u64, compacted: Compacted) -> Result<(), Fault> {
        let Compacted { mut writer, source: mut reader } = compacted;
        let position = self.generations.iter().position(|generation| generation.number == source);
        let Some(position) = position else { return Err(Fault::Stopped) };
        let len = self.generations[position].writer.len();
        reader.grow(len);
        while let Some(frame) = reader.next()? {
            writer.frame(&frame)?;
        }
        if reader.at() != len {
            return Err(Fault::Different);
        }
        writer.sync()?;
        let Opened { disk, .. } = self.folder.opened()?;
        disk.rename(&part_file(target), &generation_file(target))?;
        disk.sync_folder()?;
        let source = self.generations.swap_remove(position);
        self.generations = vec![source, Generation { number: target, writer }];
        self.remove_others();
        Ok(())
    }

    fn compaction_failed(&mut self, fault: Fault) {
        if !matches!(fault, Fault::Stopped) {
            let pause = self.retry.later();
            tracing::warn!(%fault, ?pause, "the edge's copy could not be written anew; the one there is goes on");
            self.metrics.copy_fault(fault.label());
        }
    }

    fn stop_compaction(&mut self) -> Option<JoinHandle<()>> {
        let Compaction { stop, thread, target, .. } = self.compaction.take()?;
        stop.store(true, Ordering::Relaxed);
        self.remove(&part_file(target));
        Some(thread)
    }
}

/// Faults.
impl Keeper {
    fn settle(&mut self, result: Result<(), Fault>) {
        match result {
            Ok(()) => {
                if !self.generations.is_empty() && self.fault.take().is_some() {
                    self.retry = Retry::new(&self.folder);
                    tracing::info!("the edge's copy is on disk again");
                }
                self.report();
            }
            Err(fault) => self.give_up(fault),
        }
    }

    /// There is no copy that holds all that is served: so there is none.
    fn give_up(&mut self, fault: Fault) {
        self.discard();
        self.stop_compaction();
        self.generations.clear();
        if let Ok(Opened { disk, .. }) = self.folder.opened()
            && let Err(error) = disk.remove_parts()
        {
            tracing::debug!(%error, "the folder of the edge's copy cannot be cleaned");
        }
        self.remove_others();
        let (label, pause) = (fault.label(), self.retry.later());
        self.metrics.copy_fault(label);
        if self.fault.replace(label) == Some(label) {
            tracing::debug!(%fault, ?pause, "the edge's copy still fails");
        } else {
            let folder = self.folder.path().display();
            tracing::warn!(%folder, %fault, ?pause, "the edge keeps no copy of its configuration on disk until it can");
        }
        let words = format!("{fault} ({label})");
        self.status.send_if_modified(|status| {
            let changed = status.wants_snapshot;
            *status = Status { fault: Some(words), wants_snapshot: false };
            changed
        });
        self.metrics.copy_kept(0, 0);
    }

    /// Asks for everything once the disk takes something again.
    fn try_again(&mut self) {
        if self.fault.is_none() || !self.generations.is_empty() || !self.retry.is_due() {
            return;
        }
        let ready = self.folder.reopen().and_then(|opened| Ok(opened.disk.probe()?));
        match ready {
            Ok(()) => {
                self.remove_others();
                self.retry.later();
                self.status.send_if_modified(|status| !mem::replace(&mut status.wants_snapshot, true));
            }
            Err(fault) => self.give_up(fault),
        }
    }

    fn report(&self) {
        let held = !self.generations.is_empty();
        if !held && self.fault.is_some() {
            return;
        }
        self.metrics.copy_kept(self.generations.len(), self.bytes());
        self.status.send_if_modified(|status| {
            if held {
                status.fault = None;
            }
            let changed = status.wants_snapshot == held;
            status.wants_snapshot = !held;
            changed
        });
    }

    fn bytes(&self) -> u64 {
        let staged = match &self.staging {
            Staging::Open { writer, .. } => writer.len(),
            Staging::None | Staging::Failed(_) => 0,
        };
        self.generations.iter().map(|generation| generation.writer.len()).sum::<u64>() + staged
    }

    fn drop_oldest(&mut self) {
        let oldest = self.generations.remove(0);
        self.remove(&generation_file(oldest.number));
        self.sync_folder();
    }

    /// Removes all generations but those that are kept.
    fn remove_others(&mut self) {
        let Ok(Opened { disk, .. }) = self.folder.opened() else { return };
        let numbers = match disk.generations() {
            Ok(numbers) => numbers,
            Err(error) => return tracing::debug!(%error, "the folder of the edge's copy cannot be read"),
        };
        for number in numbers {
            if self.generations.iter().all(|generation| generation.number != number) {
                self.remove(&generation_file(number));
            }
        }
        self.sync_folder();
    }

    /// Removes a file, or else what is in it.
    fn remove(&self, name: &str) {
        let Ok(Opened { disk, .. }) = self.folder.opened() else { return };
        if let Err(error) = disk.remove(name) {
            let Err(_) = disk.append(name, 0) else { return };
            if error.kind() != io::ErrorKind::NotFound {
                tracing::error!(name, %error, "a file of the edge's copy cannot be removed: do so before the edge starts again");
            }
        }
    }

    fn sync_folder(&self) {
        if let Ok(Opened { disk, .. }) = self.folder.opened()
            && let Err(error) = disk.sync_folder()
        {
            tracing::debug!(%error, "the folder of the edge's copy cannot be synced");
        }
    }
}

impl Retry {
    fn new(folder: &Folder) -> Self {
        Self { at: None, pause: folder.tuning.first_retry }
    }

    fn is_due(&self) -> bool {
        self.at.is_none_or(|at| at <= Instant::now())
    }

    fn later(&mut self) -> Duration {
        let pause = self.pause;
        self.at = Some(Instant::now() + pause);
        self.pause = (pause * 2).min(LONGEST_RETRY);
        pause
    }
}
