//! Takes in what is on disk, by the same code as what comes from the control plane, and checks that it is what was
//! acknowledged.

use std::{
    io::Read,
    mem,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, SystemTime},
};

use pointsman_proto::edge::v1::Resource;
use pointsman_routing::table::{Entry, Table};

use super::{
    commit::{Commit, Content},
    convert,
    held::{Change, Held},
    holder::{Applied, Holder},
};
use crate::{
    copy::{Candidate, Folder, Frame, Mark, ReadError, Reader, Restored, Tail},
    telemetry::Metrics,
};

/// Frames that are converted and wait to be taken in.
const CONVERTED_FRAMES: usize = 16;

/// Why a generation is not served.
#[derive(Debug, thiserror::Error)]
enum RestoreError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("it is damaged: its contents are not what was acknowledged")]
    Different,
    #[error("it ends before what was acknowledged")]
    Old,
    #[error("a thread panicked")]
    Panic,
}

impl RestoreError {
    fn label(&self) -> &'static str {
        match self {
            Self::Read(error) => error.label(),
            Self::Different | Self::Old => "damaged",
            Self::Panic => "internal",
        }
    }
}

/// A frame with its resources converted.
struct Step {
    /// Last good forms.
    previous: Vec<Entry>,
    changes: Vec<Change>,
    mark: Option<Mark>,
}

/// What the folder holds, and what its keeper goes on with. Every generation that is not served is logged.
pub(super) fn restore(folder: &Folder, metrics: &Metrics) -> (Holder, Restored) {
    let refuse = |file: String, label, reason: String| {
        metrics.copy_fault(label);
        tracing::warn!(file, reason, "a copy of the configuration on disk cannot be used");
    };
    let candidates = folder.candidates(|file, error| refuse(file, error.label(), error.to_string()));
    let acknowledged = candidates.first().map_or(0, Candidate::sequence);
    for candidate in &candidates {
        let read = folder.read(candidate).map_err(RestoreError::Read);
        match read.and_then(|reader| take_in(reader, acknowledged)) {
            Ok((holder, tail)) => {
                let written = tail.written();
                let age = SystemTime::now().duration_since(written).unwrap_or_default();
                let age = Duration::from_secs(age.as_secs());
                let (file, revision, resources) = (candidate.file(), holder.revision(), holder.len());
                tracing::info!(file, revision, resources, ?age, "the configuration on disk is served");
                let restored = folder.restored(&candidates, Some((candidate, tail)));
                return (holder, restored);
            }
            Err(error) => refuse(candidate.file(), error.label(), error.to_string()),
        }
    }
    (Holder::default(), folder.restored(&candidates, None))
}

/// Reads and converts on one thread, and takes in on another.
fn take_in<R: Read + Send>(mut reader: Reader<R>, acknowledged: u64) -> Result<(Holder, Tail), RestoreError> {
    let (converted, steps) = sync_channel(CONVERTED_FRAMES);
    let (holder, tail) = thread::scope(|scope| {
        let reading = scope.spawn(move || read(&mut reader, &converted));
        let holder = follow(&steps);
        // What does not fit ends the reading too.
        drop(steps);
        let tail = reading.join().map_err(|_| RestoreError::Panic)?;
        Ok::<_, RestoreError>((holder?, tail?))
    })?;
    let tail = tail.ok_or(RestoreError::Different)?;
    if tail.sequence() < acknowledged {
        return Err(RestoreError::Old);
    }
    Ok((holder, tail))
}

fn read<R: Read>(reader: &mut Reader<R>, converted: &SyncSender<Step>) -> Result<Option<Tail>, RestoreError> {
    while let Some(frame) = reader.next()? {
        if converted.send(convert(frame)).is_err() {
            break;
        }
    }
    Ok(reader.tail().cloned())
}

fn convert(frame: Frame) -> Step {
    let mark = frame.mark();
    let previous = frame.previous.into_iter().filter_map(|good| convert::resource(&good).form.ok()).collect();
    let upserts = frame.upserts.into_iter().map(|resource| Change::Upsert(convert::resource(&resource)));
    let removals = frame.removals.into_iter().map(|name| Change::Remove(name.into()));
    Step { previous, changes: upserts.chain(removals).collect(), mark }
}

/// Takes whole commits in, the first one of which holds everything.
fn follow(steps: &Receiver<Step>) -> Result<Holder, RestoreError> {
    let mut holder = Holder::default();
    let mut previous = Table::new();
    let mut gathered = Content::Snapshot(Box::<Held>::default());
    while let Ok(step) = steps.recv() {
        step.previous.into_iter().for_each(|good| previous.upsert(good));
        match &mut gathered {
            Content::Snapshot(held) => step.changes.into_iter().for_each(|change| held.fill(change)),
            Content::Changes(changes) => changes.extend(step.changes),
        }
        let Some(mark) = step.mark else { continue };
        let mut content = mem::replace(&mut gathered, Content::Changes(Vec::new()));
        if let Content::Snapshot(held) = &mut content {
            held.settle();
            held.keep_good_forms_of(&mem::take(&mut previous));
        }
        let commit = Commit { epoch: mark.epoch.clone(), revision: mark.revision, content };
        if holder.apply(commit) != Ok(Applied::Taken) {
            return Err(RestoreError::Different);
        }
        let held = (holder.epoch(), holder.revision(), holder.hash(), holder.len() as u64);
        if held != (&*mark.epoch, mark.revision, mark.hash, mark.resources) {
            return Err(RestoreError::Different);
        }
    }
    if holder.epoch().is_empty() { Err(RestoreError::Different) } else { Ok(holder) }
}

/// Takes any bytes in as a file.
#[cfg(feature = "fuzzing")]
pub(super) fn take_in_bytes(file: &[u8], key: &crate::copy::CopyKey) {
    let open = || Reader::open(std::io::Cursor::new(file), file.len() as u64, key);
    // A look at the end may find one, or not.
    let _ = open().and_then(Reader::find_tail);
    if let Ok((holder, _)) = open().map_err(RestoreError::Read).and_then(|reader| take_in(reader, 0)) {
        assert!(!holder.epoch().is_empty() && holder.ack().hash == holder.hash().to_wire());
    }
}

/// Whether a resource can be used.
pub(super) fn usable(resource: &Resource) -> bool {
    convert::resource(resource).form.is_ok()
}

#[cfg(test)]
mod tests;
