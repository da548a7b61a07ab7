//! Writes a file: everything first, then one commit after the other.

use std::io;

use pointsman_proto::edge::v1::Resource;
use prost::Message as _;

use super::{
    cipher::{Cipher, Kind, SALT_BYTES, Salt},
    disk::{Disk, Output, generation_file},
    frame::{FULL_BYTES, Frame, Mark},
    header::Header,
    key::CopyKey,
    reader::{MAX_FRAME_BYTES, Tail},
};

/// A file that is written.
pub(super) struct Writer {
    output: Output,
    cipher: Cipher,
    len: u64,
    /// Where the first commit ends; 0 until then.
    base: u64,
    /// Another process wrote what is there.
    salt_due: bool,
    pending: Frame,
    pending_bytes: usize,
}

impl Writer {
    /// Begins a file.
    pub(super) fn create(disk: &Disk, name: &str, key: &CopyKey) -> io::Result<Self> {
        let salt = salt()?;
        let header = Header::new(key.id(), salt);
        let mut output = disk.create(name)?;
        output.write(&header.bytes)?;
        let cipher = Cipher::new(key, &header.bytes, &salt);
        Ok(Self {
            output,
            cipher,
            len: header.bytes.len() as u64,
            base: 0,
            salt_due: false,
            pending: Frame::default(),
            pending_bytes: 0,
        })
    }

    /// Goes on with a generation behind its last whole commit.
    pub(super) fn go_on(disk: &Disk, number: u64, tail: &Tail) -> io::Result<Self> {
        let output = disk.append(&generation_file(number), tail.end)?;
        Ok(Self {
            output,
            cipher: tail.cipher.clone(),
            len: tail.end,
            base: tail.base,
            salt_due: true,
            pending: Frame::default(),
            pending_bytes: 0,
        })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How much of it is the first commit, and how much came behind it.
    pub(super) fn shares(&self) -> (u64, u64) {
        (self.base, self.len - self.base)
    }

    /// The last good form of a resource.
    pub(super) fn previous(&mut self, resource: Resource) -> io::Result<()> {
        let bytes = resource.encoded_len();
        self.pending.previous.push(resource);
        self.pend(bytes)
    }

    pub(super) fn upsert(&mut self, resource: Resource) -> io::Result<()> {
        let bytes = resource.encoded_len();
        self.pending.upserts.push(resource);
        self.pend(bytes)
    }

    pub(super) fn removal(&mut self, name: String) -> io::Result<()> {
        let bytes = name.len();
        self.pending.removals.push(name);
        self.pend(bytes)
    }

    /// A frame of another file.
    pub(super) fn frame(&mut self, frame: &Frame) -> io::Result<()> {
        self.flush(Kind::Part)?;
        let kind = if frame.mark().is_some() { Kind::Commit } else { Kind::Part };
        self.write(kind, &frame.encode_to_vec())?;
        self.committed(kind);
        Ok(())
    }

    /// Ends a commit. It is not on the disk yet.
    pub(super) fn commit(&mut self, mark: &Mark) -> io::Result<()> {
        self.pending.end_with(mark);
        self.flush(Kind::Commit)
    }

    /// Makes sure that it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.output.sync()
    }

    /// What is given together stays together: a frame is ended only where the next resource may begin.
    fn pend(&mut self, bytes: usize) -> io::Result<()> {
        self.pending_bytes += bytes;
        if self.pending_bytes >= FULL_BYTES { self.flush(Kind::Part) } else { Ok(()) }
    }

    fn flush(&mut self, kind: Kind) -> io::Result<()> {
        let frame = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        if kind == Kind::Commit || frame != Frame::default() {
            self.write(kind, &frame.encode_to_vec())?;
        }
        self.committed(kind);
        Ok(())
    }

    fn committed(&mut self, kind: Kind) {
        if kind == Kind::Commit && self.base == 0 {
            self.base = self.len;
        }
    }

    fn write(&mut self, kind: Kind, plain: &[u8]) -> io::Result<()> {
        if plain.len() > MAX_FRAME_BYTES - 1024 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a resource is too long for the copy"));
        }
        let mut bytes = Vec::new();
        if std::mem::take(&mut self.salt_due) {
            bytes = self.cipher.seal_salt(&salt()?);
        }
        let frame = self.cipher.seal(kind, plain);
        bytes.extend(frame.ok_or_else(|| io::Error::other("a frame cannot be encrypted"))?);
        self.output.write(&bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }
}

fn salt() -> io::Result<Salt> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(salt)
}
