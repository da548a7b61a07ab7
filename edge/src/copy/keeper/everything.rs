//! A snapshot: staged as it arrives, and the only generation once it is taken in.

use std::mem;

use pointsman_proto::edge::v1::Resource;

use super::{Generation, Keeper, Staging};
use crate::copy::{
    Commit, Opened, compact,
    disk::{generation_file, part_file},
    fault::Fault,
    forms::Forms,
    writer::Writer,
};

impl Keeper {
    pub(super) fn stage(&mut self, first: bool, upserts: Vec<Resource>) {
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
    pub(super) fn make_room(&mut self) -> Result<(), Fault> {
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

    pub(super) fn discard(&mut self) {
        if let Staging::Open { number, writer, .. } = mem::take(&mut self.staging) {
            drop(writer);
            self.remove(&part_file(number));
        }
    }

    /// What was staged becomes the only generation. What there was before is older than what is about to be
    /// acknowledged.
    pub(super) fn install(&mut self, commit: Commit) -> Result<(), Fault> {
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
