//! Writes everything that a generation holds into a new one, with what was changed since in place of what it was.
//!
//! It decides as whoever takes commits in does: the latest revision of a resource counts, and a removal counts for all
//! that came before it.

use std::{
    collections::HashMap,
    fs::File,
    io::BufReader,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use pointsman_proto::edge::{hash::ConfigHash, v1::Resource};

use super::{
    disk::{Disk, generation_file, part_file},
    fault::Fault,
    forms::{Forms, Usable},
    frame::{Frame, Mark},
    key::CopyKey,
    reader::{ReadError, Reader},
    writer::Writer,
};

const READ_BYTES: usize = 1024 * 1024;

/// A file of a generation that is read.
pub(super) type GenerationReader = Reader<BufReader<File>>;

/// What to do.
pub(super) struct Job {
    pub(super) disk: Disk,
    pub(super) key: CopyKey,
    /// The generation that is read, where its first commit ends, and up to where it is read.
    pub(super) source: u64,
    pub(super) base: u64,
    pub(super) len: u64,
    /// The generation that is made.
    pub(super) target: u64,
    /// How long it may become.
    pub(super) limit: u64,
    /// The names of those whose last good form is served in place of an update that cannot be used.
    pub(super) previous: Vec<String>,
    pub(super) usable: Usable,
    pub(super) stop: Arc<AtomicBool>,
}

/// The new generation, still to be given what came since, and its name.
pub(super) struct Compacted {
    pub(super) writer: Writer,
    /// Stands where the new generation does.
    pub(super) source: GenerationReader,
}

/// Opens a generation.
pub(super) fn open(disk: &Disk, key: &CopyKey, number: u64, len: u64) -> Result<GenerationReader, ReadError> {
    let file = disk.open(&generation_file(number))?;
    Reader::open(BufReader::with_capacity(READ_BYTES, file), len, key)
}

impl Job {
    pub(super) fn run(mut self) -> Result<Compacted, Fault> {
        let mut changes = Changes::default();
        let mut reader = self.open()?;
        reader.skip_to(self.base)?;
        while let Some(frame) = self.next(&mut reader)? {
            changes.note(frame);
        }

        let mut reader = self.open()?;
        let writer = Writer::create(&self.disk, &part_file(self.target), &self.key)?;
        let forms = Forms::of(std::mem::take(&mut self.previous), self.usable);
        let mut output = Output { writer, forms, hash: ConfigHash::default(), resources: 0 };
        let mut held: Option<Mark> = None;
        let mut ordinal = 0;
        while let Some(frame) = self.next(&mut reader)? {
            let mark = frame.mark();
            output.forms.note(&frame);
            for resource in frame.upserts {
                let counts = match held {
                    None => changes.leave(&resource),
                    Some(_) => changes.count(&resource.name, ordinal),
                };
                ordinal += u64::from(held.is_some());
                if counts && !output.forms.follow(&resource.name) {
                    output.put(resource)?;
                }
            }
            held = mark.or(held);
            if output.writer.len() > self.limit {
                return Err(Fault::TooLarge(self.limit));
            }
        }
        let mark = held.filter(|_| reader.at() == self.len).ok_or(Fault::Different)?;
        let writer = output.finish(&mark)?;
        Ok(Compacted { writer, source: reader })
    }

    fn open(&self) -> Result<GenerationReader, Fault> {
        Ok(open(&self.disk, &self.key, self.source, self.len)?)
    }

    fn next(&self, reader: &mut GenerationReader) -> Result<Option<Frame>, Fault> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Fault::Stopped);
        }
        Ok(reader.next()?)
    }
}

/// What became of each resource behind the first commit.
#[derive(Default)]
struct Changes {
    last: HashMap<String, Last>,
    upserts: u64,
}

#[derive(Default)]
struct Last {
    /// It was removed before all that counts.
    removed: bool,
    /// The upsert that counts, and its revision.
    upsert: Option<(u64, i64)>,
}

impl Changes {
    fn note(&mut self, frame: Frame) {
        for Resource { name, revision, .. } in frame.upserts {
            let last = self.last.entry(name).or_default();
            if last.upsert.is_none_or(|(_, before)| before <= revision) {
                last.upsert = Some((self.upserts, revision));
            }
            self.upserts += 1;
        }
        for name in frame.removals {
            self.last.insert(name, Last { removed: true, upsert: None });
        }
    }

    /// Whether a resource of the first commit is there still.
    fn leave(&mut self, resource: &Resource) -> bool {
        let Some(last) = self.last.get_mut(&resource.name) else { return true };
        let newer = last.upsert.is_some_and(|(_, revision)| resource.revision > revision);
        if last.removed || !newer {
            return false;
        }
        last.upsert = None;
        true
    }

    /// Whether it is this one of all upserts behind the first commit that counts.
    fn count(&self, name: &str, ordinal: u64) -> bool {
        let upsert = self.last.get(name).and_then(|last| last.upsert);
        upsert.is_some_and(|(counts, _)| counts == ordinal)
    }
}

/// The new generation.
struct Output {
    writer: Writer,
    /// What has a last good form in service.
    forms: Forms,
    hash: ConfigHash,
    resources: u64,
}

impl Output {
    fn put(&mut self, resource: Resource) -> Result<(), Fault> {
        self.hash += ConfigHash::from(&resource);
        self.resources += 1;
        Ok(self.writer.upsert(resource)?)
    }

    fn finish(mut self, mark: &Mark) -> Result<Writer, Fault> {
        let forms = std::mem::replace(&mut self.forms, Forms::of(Vec::new(), |_| false));
        let mut latest = Vec::new();
        for form in forms.into_forms() {
            form.good.map_or(Ok(()), |good| self.writer.previous(good))?;
            latest.push(form.latest.ok_or(Fault::Different)?);
        }
        latest.into_iter().try_for_each(|resource| self.put(resource))?;
        if (self.hash, self.resources) != (mark.hash, mark.resources) {
            return Err(Fault::Different);
        }
        self.writer.commit(mark)?;
        self.writer.sync()?;
        Ok(self.writer)
    }
}
