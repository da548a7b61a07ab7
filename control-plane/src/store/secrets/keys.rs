//! The keys that secrets are sealed under, and the file that holds them.
//!
//! A key is 32 random bytes, written in base64. A file of keys has one in a line, `#` begins a comment, and the first
//! key is the one that seals.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use sha2::{Digest as _, Sha256};

use super::super::files;
use crate::domain::RandomError;

/// The file of the keys in the data folder, where none is named.
const KEY_FILE: &str = "pointsman.key";
const KEY_BYTES: usize = 32;
/// No file of keys is longer.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A key.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretKey([u8; KEY_BYTES]);

/// Names a key, and tells nothing about it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(u64);

/// The keys at hand: the first one seals, all of them open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    current: SecretKey,
    older: Vec<SecretKey>,
}

/// Where the keys are from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file, which is made where nothing was sealed yet.
    File(PathBuf),
    /// Whoever starts the control plane has them.
    Given(KeyRing),
}

/// Why there are no keys to use. Never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others can read or change the file.
    #[error(
        "the key file {path} has mode {mode:04o}, and so is no secret: others may neither read nor write it (chmod 600)"
    )]
    Open {
        /// Which one.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line of the file is no key.
    #[error("line {line} of the key file {path} is no key: {source}")]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Why not.
        source: MalformedKey,
    },
    /// There is nothing in the file.
    #[error("the key file {path} holds no key")]
    Empty {
        /// Which one.
        path: PathBuf,
    },
    /// Secrets are sealed under a key that is not among those at hand.
    #[error(
        "the secrets in {database} are encrypted with the key {needed}, and {source_of_keys} {}: put that key there \
         (behind another one, to change over to that)",
        what_is_held(.held)
    )]
    Missing {
        /// The database.
        database: PathBuf,
        /// The key.
        needed: KeyId,
        /// Where we looked.
        source_of_keys: String,
        /// The keys that are there.
        held: Vec<KeyId>,
    },
    /// The system has no randomness for a new key.
    #[error(transparent)]
    Random(#[from] RandomError),
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is {KEY_BYTES} random bytes in base64, as `pointsman secret-key new` prints")]
pub struct MalformedKey;

impl SecretKey {
    /// A new one, from the system's randomness.
    pub fn random() -> Result<Self, RandomError> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Reads a key in base64, of either alphabet and with or without padding.
    pub fn parse(text: &str) -> Result<Self, MalformedKey> {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = text.trim();
        let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok();
        let bytes = decode(&STANDARD).or_else(|| decode(&URL_SAFE)).ok_or(MalformedKey)?;
        bytes.try_into().map(Self).map_err(|_| MalformedKey)
    }

    /// What [`Self::parse`] reads.
    #[must_use]
    pub fn to_text(&self) -> String {
        general_purpose::STANDARD.encode(self.0)
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let hash = Sha256::new().chain_update("pointsman secret key\0").chain_update(self.0).finalize();
        let (first, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
        KeyId(u64::from_be_bytes(*first))
    }

    pub(super) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.id())
    }
}

impl KeyId {
    /// Reads what `Display` writes, and nothing else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let id = Self(u64::from_str_radix(text, 16).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl KeyRing {
    /// Seals under `current`, and opens what was sealed under the older ones too.
    #[must_use]
    pub fn new(current: SecretKey, mut older: Vec<SecretKey>) -> Self {
        older.retain(|key| *key != current);
        Self { current, older }
    }

    /// The key that seals.
    #[must_use]
    pub fn current(&self) -> &SecretKey {
        &self.current
    }

    /// All of them, the one that seals first.
    pub fn keys(&self) -> impl Iterator<Item = &SecretKey> {
        [&self.current].into_iter().chain(&self.older)
    }

    /// The same keys behind another one, which seals from now on.
    pub(super) fn behind(&self, current: SecretKey) -> Self {
        Self::new(current, self.keys().cloned().collect())
    }

    /// Only the key that seals.
    pub(super) fn without_older(&self) -> Self {
        Self::new(self.current.clone(), Vec::new())
    }
}

impl KeySource {
    /// The file in the data folder.
    #[must_use]
    pub fn in_folder(data: &Path) -> Self {
        Self::File(data.join(KEY_FILE))
    }

    /// The keys; none where there is no file.
    pub(super) fn read(&self) -> Result<Option<KeyRing>, SecretKeyError> {
        match self {
            Self::File(path) => read(path),
            Self::Given(ring) => Ok(Some(ring.clone())),
        }
    }

    /// The keys, where nothing is sealed yet: a file is made where there is none.
    pub(super) fn read_or_make(&self) -> Result<KeyRing, SecretKeyError> {
        if let Some(ring) = self.read()? {
            return Ok(ring);
        }
        let ring = KeyRing::new(SecretKey::random()?, Vec::new());
        if let Self::File(path) = self {
            write(path, &ring, IfThere::Fail)?;
            let key = ring.current.id();
            tracing::info!(path = %path.display(), %key, "made a key that secrets are encrypted with; backups leave it out");
        }
        Ok(ring)
    }

    /// What an error calls it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::File(path) => format!("the key file {}", path.display()),
            Self::Given(_) => "what the environment gives".to_owned(),
        }
    }
}

/// What writing does with a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfThere {
    Fail,
    Replace,
}

/// The keys in a file; none where there is none.
fn read(path: &Path) -> Result<Option<KeyRing>, SecretKeyError> {
    let failed = |source| SecretKeyError::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    check_mode(path, &file)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let mut keys = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let key = line.split('#').next().unwrap_or_default().trim();
        if key.is_empty() {
            continue;
        }
        let malformed = |source| SecretKeyError::Line { path: path.to_owned(), line: index + 1, source };
        keys.push(SecretKey::parse(key).map_err(malformed)?);
    }
    let mut keys = keys.into_iter();
    let current = keys.next().ok_or_else(|| SecretKeyError::Empty { path: path.to_owned() })?;
    Ok(Some(KeyRing::new(current, keys.collect())))
}

/// As ssh does it: a key that others can read is refused. A group may: Kubernetes gives mounted secrets to one.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), SecretKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |source| SecretKeyError::File { path: path.to_owned(), source };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o027 != 0 {
        return Err(SecretKeyError::Open { path: path.to_owned(), mode });
    }
    if mode & 0o040 != 0 {
        let mode = format!("{mode:04o}");
        tracing::warn!(path = %path.display(), mode, "the group of the key file can read it");
    }
    Ok(())
}

/// Modes are a matter of Unix.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), SecretKeyError> {
    Ok(())
}

/// Writes the file: durable once this answers, there as a whole or as it was before, and its owner's only.
pub(super) fn write(path: &Path, ring: &KeyRing, if_there: IfThere) -> Result<(), SecretKeyError> {
    let failed = |source| SecretKeyError::File { path: path.to_owned(), source };
    // A link stays one, and leads to the new keys.
    let target = match if_there {
        IfThere::Replace => fs::canonicalize(path).map_err(failed)?,
        IfThere::Fail => path.to_owned(),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut part = tempfile::Builder::new().prefix(".pointsman-key").tempfile_in(folder).map_err(failed)?;
    part.write_all(text(ring).as_bytes()).map_err(failed)?;
    part.as_file().sync_all().map_err(failed)?;
    match if_there {
        IfThere::Replace => part.persist(&target),
        IfThere::Fail => part.persist_noclobber(&target),
    }
    .map_err(|error| failed(error.error))?;
    files::sync_folder(folder).map_err(failed)
}

fn text(ring: &KeyRing) -> String {
    let mut text =
        "# The keys that Pointsman encrypts secrets with. The first one encrypts, all of them decrypt.\n\
                    # Keep a copy apart from the backups, and as safe.\n"
            .to_owned();
    for key in ring.keys() {
        text.push_str(&format!("{} # {}\n", key.to_text(), key.id()));
    }
    text
}

fn what_is_held(keys: &[KeyId]) -> String {
    match keys {
        [] => "is not there".to_owned(),
        keys => format!("holds {}", keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests;
