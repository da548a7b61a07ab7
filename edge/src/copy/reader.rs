//! Reads a file, frame by frame.

use std::{
    io::{self, Read, Seek, SeekFrom},
    time::SystemTime,
};

use bytes::Bytes;
use prost::Message as _;

use super::{
    cipher::{Cipher, Kind, PREFIX_BYTES, Prefix, SALT_BYTES, TAG_BYTES, parse_prefix},
    frame::{Frame, Mark},
    header::{FORMAT, Header, HeaderError},
    key::CopyKey,
};

/// The longest frame: one resource, which a message of 16 MiB from the control plane held, and a bit.
pub(super) const MAX_FRAME_BYTES: usize = 17 * 1024 * 1024;

/// A file that is read. `len` is how much of it counts.
pub(crate) struct Reader<R> {
    input: R,
    len: u64,
    at: u64,
    cipher: Cipher,
    /// A whole commit stands before.
    committed: bool,
    /// The end of the last one that was read.
    tail: Option<Tail>,
}

/// Where a file can be gone on with: behind its last whole commit.
#[derive(Clone)]
pub(crate) struct Tail {
    pub(super) cipher: Cipher,
    /// Where the first commit, which holds everything, ends.
    pub(super) base: u64,
    pub(super) end: u64,
    pub(super) mark: Mark,
}

impl Tail {
    /// What counts its last commit.
    pub(crate) fn sequence(&self) -> u64 {
        self.mark.sequence
    }

    /// When its last commit was taken in.
    pub(crate) fn written(&self) -> SystemTime {
        self.mark.time
    }
}

/// Why a file cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is damaged: its header is not what was written")]
    Header,
    #[error(
        "Pointsman {software} wrote it in format {format}, and this is {}, which reads format {FORMAT}",
        env!("CARGO_PKG_VERSION")
    )]
    Format { format: u16, software: String },
    #[error("it is encrypted with the key {theirs}, and the key here is {ours}")]
    OtherKey { ours: String, theirs: String },
    #[error("it is damaged at byte {0}")]
    Damaged(u64),
    #[error("it is larger than the copy may be")]
    TooLarge,
}

impl ReadError {
    /// The label of metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Io(_) => "io",
            Self::Header | Self::Damaged(_) => "damaged",
            Self::Format { .. } => "format",
            Self::OtherKey { .. } => "key",
            Self::TooLarge => "too_large",
        }
    }
}

impl From<HeaderError> for ReadError {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::Io(error) => Self::Io(error),
            HeaderError::Damaged => Self::Header,
            HeaderError::Format { format, software } => Self::Format { format, software },
        }
    }
}

/// A frame that stands in the file as a whole.
struct Raw {
    kind: Kind,
    prefix: Prefix,
    body: Vec<u8>,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub(crate) fn open(mut input: R, len: u64, key: &CopyKey) -> Result<Self, ReadError> {
        let header = Header::read(&mut input)?;
        if header.key != key.id() {
            return Err(ReadError::OtherKey { ours: key.id().to_string(), theirs: header.key.to_string() });
        }
        let cipher = Cipher::new(key, &header.bytes, &header.salt);
        Ok(Self { input, len, at: header.bytes.len() as u64, cipher, committed: false, tail: None })
    }

    /// The next frame; none at the end, which is where the last whole commit ends: what stands behind that was being
    /// written when somebody ended. It is damage where there is no whole commit, and where what follows shows that
    /// it was all there once.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, ReadError> {
        let begin = self.at;
        loop {
            let Some(raw) = self.raw()? else { return self.torn(begin, None) };
            if raw.kind == Kind::Salt {
                self.salt(&raw);
                continue;
            }
            let kind = raw.kind;
            let Some(plain) = self.cipher.open(&raw.prefix, raw.body) else {
                return self.torn(begin, Some(kind));
            };
            // What opens was written by us.
            let frame = Frame::decode(Bytes::from(plain)).map_err(|_| ReadError::Damaged(begin))?;
            let mark = frame.mark();
            if mark.is_some() != (kind == Kind::Commit) {
                return Err(ReadError::Damaged(begin));
            }
            if let Some(mark) = mark {
                self.committed = true;
                let base = self.tail.as_ref().map_or(self.at, |tail| tail.base);
                self.tail = Some(Tail { cipher: self.cipher.clone(), base, end: self.at, mark });
            }
            return Ok(Some(frame));
        }
    }

    /// Reads on where a writer has appended since.
    pub(super) fn grow(&mut self, len: u64) {
        self.len = len;
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(crate) fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// The end, or damage: a commit is on the disk before the next one is begun, so a frame behind a later commit tells
    /// that this one was whole.
    fn torn(&mut self, begin: u64, broken: Option<Kind>) -> Result<Option<Frame>, ReadError> {
        if !self.committed {
            return Err(ReadError::Damaged(begin));
        }
        let Some(kind) = broken else { return Ok(None) };
        let mut committed = kind == Kind::Commit;
        while let Some(raw) = self.raw()? {
            if raw.kind == Kind::Salt {
                self.salt(&raw);
                continue;
            }
            let kind = raw.kind;
            if self.cipher.open(&raw.prefix, raw.body).is_some() {
                if committed {
                    return Err(ReadError::Damaged(begin));
                }
                committed = kind == Kind::Commit;
            }
        }
        Ok(None)
    }

    /// The next frame as it stands there; none where there is no whole one.
    fn raw(&mut self) -> Result<Option<Raw>, ReadError> {
        let Some((prefix, kind, body)) = self.prefix()? else { return Ok(None) };
        let mut bytes = vec![0; body];
        self.fill(&mut bytes)?;
        Ok(Some(Raw { kind, prefix, body: bytes }))
    }

    /// Says nothing where the frame cannot be whole, so that what is allocated for it is in the file.
    fn prefix(&mut self) -> Result<Option<(Prefix, Kind, usize)>, ReadError> {
        let left = self.len.saturating_sub(self.at);
        if left < PREFIX_BYTES as u64 {
            return Ok(None);
        }
        let mut prefix = [0; PREFIX_BYTES];
        self.fill(&mut prefix)?;
        let (kind, len) = parse_prefix(prefix);
        let len = len as usize;
        let sound = match kind {
            Some(Kind::Salt) => len == SALT_BYTES,
            Some(_) => (TAG_BYTES..=MAX_FRAME_BYTES).contains(&len),
            None => false,
        };
        let whole = len as u64 <= left - PREFIX_BYTES as u64;
        Ok(kind.filter(|_| sound && whole).map(|kind| (prefix, kind, len)))
    }

    fn salt(&mut self, raw: &Raw) {
        if let Ok(salt) = raw.body.as_slice().try_into() {
            self.cipher.salt(salt);
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        match self.input.read_exact(bytes) {
            Ok(()) => self.at += bytes.len() as u64,
            // Shorter than it was when it was opened.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ReadError::Damaged(self.at));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Goes on at `end`, where a frame begins that a commit stands before, without a look at what is in between.
    pub(super) fn skip_to(&mut self, end: u64) -> Result<(), ReadError> {
        while self.at < end {
            let at = self.at;
            let (_, kind, body) = self.prefix()?.ok_or(ReadError::Damaged(at))?;
            self.skip(kind, body)?;
        }
        self.committed = true;
        Ok(())
    }

    /// Passes by what stands behind a prefix.
    fn skip(&mut self, kind: Kind, body: usize) -> Result<(), ReadError> {
        if kind == Kind::Salt {
            let mut salt = [0; SALT_BYTES];
            self.fill(&mut salt)?;
            self.cipher.salt(&salt);
            return Ok(());
        }
        self.input.seek_relative(i64::try_from(body).unwrap_or_default())?;
        self.at += body as u64;
        self.cipher.go_on(self.cipher.count() + 1);
        Ok(())
    }

    /// Where the file ends, found by opening only its last commit. It says nothing of what stands before.
    pub(crate) fn find_tail(mut self) -> Result<Option<Tail>, ReadError> {
        let mut base = None;
        let mut last = None;
        while let Some((prefix, kind, body)) = self.prefix()? {
            let (cipher, begin) = (self.cipher.clone(), self.at);
            self.skip(kind, body)?;
            if kind == Kind::Commit {
                base.get_or_insert(self.at);
                last = Some((prefix, begin, body, cipher));
            }
        }
        let (Some(base), Some((prefix, begin, body, mut cipher))) = (base, last) else { return Ok(None) };
        self.input.seek(SeekFrom::Start(begin))?;
        self.at = begin;
        let mut sealed = vec![0; body];
        self.fill(&mut sealed)?;
        let frame = cipher.open(&prefix, sealed).and_then(|plain| Frame::decode(Bytes::from(plain)).ok());
        let mark = frame.and_then(|frame| frame.mark());
        Ok(mark.map(|mark| Tail { cipher, base, end: self.at, mark }))
    }
}
