//! The key that the copy is encrypted with, and the file that holds it.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use ring::digest::{SHA256, digest};

use super::disk;

const KEY_BYTES: usize = 32;
/// No key file is longer.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// A key: 32 random bytes, written in base64.
#[derive(Clone, PartialEq, Eq)]
pub struct CopyKey([u8; KEY_BYTES]);

/// Names a key, and tells nothing about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyId(pub(super) [u8; 8]);

/// Where the key is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyKeySource {
    /// `edge.key` in the folder of the copy; made where it is missing.
    InFolder,
    /// Another file; made where it is missing.
    File(PathBuf),
    /// Whoever starts the edge has it.
    Given(CopyKey),
}

/// Why there is no key to use. Never holds a key.
#[derive(Debug, thiserror::Error)]
pub enum CopyKeyError {
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
    /// What is in the file is no key.
    #[error("the key file {path} holds no key: {MalformedCopyKey}")]
    Malformed {
        /// Which one.
        path: PathBuf,
    },
    /// The system has no randomness for a new key.
    #[error("the system has no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key is {KEY_BYTES} random bytes in base64, as `openssl rand -base64 32` prints")]
pub struct MalformedCopyKey;

impl CopyKey {
    /// Reads a key in base64, of either alphabet and with or without padding.
    pub fn parse(text: &str) -> Result<Self, MalformedCopyKey> {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = text.trim();
        let decode = |alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok();
        let bytes = decode(&STANDARD).or_else(|| decode(&URL_SAFE)).ok_or(MalformedCopyKey)?;
        bytes.try_into().map(Self).map_err(|_| MalformedCopyKey)
    }

    fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn id(&self) -> KeyId {
        let digest = digest(&SHA256, &[b"pointsman copy key\0".as_slice(), &self.0].concat());
        let mut id = [0; 8];
        id.copy_from_slice(&digest.as_ref()[..8]);
        KeyId(id)
    }

    pub(super) fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(super) fn of_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for CopyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CopyKey({})", self.id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl CopyKeySource {
    /// The key. A file is made where there is none.
    pub(super) fn read_or_make(&self, folder: &Path) -> Result<CopyKey, CopyKeyError> {
        let path = match self {
            Self::Given(key) => return Ok(key.clone()),
            Self::InFolder => folder.join(disk::KEY_FILE),
            Self::File(path) => path.clone(),
        };
        if let Some(key) = read(&path)? {
            return Ok(key);
        }
        let key = CopyKey::random()?;
        let text = format!(
            "# The key that this edge's copy of its configuration is encrypted with.\n{} # {}\n",
            general_purpose::STANDARD.encode(key.0),
            key.id()
        );
        disk::write_private(&path, text.as_bytes())
            .map_err(|source| CopyKeyError::File { path: path.clone(), source })?;
        tracing::info!(path = %path.display(), key = %key.id(), "made a key that the edge's copy is encrypted with");
        Ok(key)
    }
}

/// The key in a file; none where there is none.
fn read(path: &Path) -> Result<Option<CopyKey>, CopyKeyError> {
    let failed = |source| CopyKeyError::File { path: path.to_owned(), source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    check_mode(path, &file)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
    let mut lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let key = lines.find(|line| !line.is_empty()).and_then(|line| CopyKey::parse(line).ok());
    key.map(Some).ok_or_else(|| CopyKeyError::Malformed { path: path.to_owned() })
}

/// As ssh does it: a key that others can read is refused. A group may: Kubernetes gives mounted secrets to one.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), CopyKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let failed = |source| CopyKeyError::File { path: path.to_owned(), source };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o027 != 0 {
        return Err(CopyKeyError::Open { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Modes are a matter of Unix.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), CopyKeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let made = CopyKeySource::InFolder.read_or_make(folder.path()).unwrap();
        assert_eq!(CopyKeySource::InFolder.read_or_make(folder.path()).unwrap(), made);
        let path = folder.path().join(disk::KEY_FILE);
        assert_eq!(CopyKeySource::File(path.clone()).read_or_make(Path::new("/nowhere")).unwrap(), made);
        assert!(!format!("{made:?}").contains(&general_purpose::STANDARD.encode(made.0)));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            let error = CopyKeySource::InFolder.read_or_make(folder.path()).unwrap_err();
            assert!(matches!(error, CopyKeyError::Open { mode: 0o644, .. }), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_quoted() {
        let folder = tempfile::tempdir().unwrap();
        disk::write_private(&folder.path().join(disk::KEY_FILE), b"canary\n").unwrap();
        let error = CopyKeySource::InFolder.read_or_make(folder.path()).unwrap_err().to_string();
        assert!(error.contains("holds no key") && !error.contains("canary"), "{error}");
    }
}
