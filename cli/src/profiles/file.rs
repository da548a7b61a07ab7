//! The file of the profiles.

use std::{
    env, fmt,
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{NoProfile, Profiles, read};

/// The longest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Where profiles are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfilesFile {
    path: PathBuf,
    /// Somebody named it, so it should be there.
    is_named: bool,
}

/// Why the profiles cannot be used. Says nothing of the tokens in them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProfilesError {
    /// The file cannot be read or written.
    #[error("cannot {verb} {}: {source}", file.display())]
    Io {
        /// `read` or `write`.
        verb: &'static str,
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{}: {}", file.display(), Faults(faults))]
    Faulty {
        /// The file.
        file: PathBuf,
        /// All that is wrong.
        faults: Vec<read::Fault>,
    },
    /// There is no profile of the name that was asked for.
    #[error("{none} (in {})", file.display())]
    NoProfile {
        /// The file.
        file: PathBuf,
        /// Which, and what there is.
        none: NoProfile,
    },
    /// Nobody told where profiles are.
    #[error("there is no place for profiles: set --profiles-file, XDG_CONFIG_HOME or HOME")]
    NoPlace,
}

struct Faults<'a>(&'a [read::Fault]);

impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [fault] => fault.fmt(f),
            faults => {
                write!(f, "{} faults", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl ProfilesFile {
    /// The one that was named, or the user's own; none where there is no user's folder.
    pub(crate) fn new(named: Option<&Path>) -> Option<Self> {
        let folder = |name| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        if let Some(path) = named {
            return Some(Self { path: path.to_owned(), is_named: true });
        }
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
        Some(Self { path: config.join("pointsman/profiles.yaml"), is_named: false })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the file holds; nothing where it is not there, unless somebody named it.
    pub(crate) fn read(&self) -> Result<Profiles, ProfilesError> {
        match self.text() {
            Ok(text) => self.parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !self.is_named => {
                Ok(Profiles::default())
            }
            Err(source) => Err(self.io("read", source)),
        }
    }

    /// What the file holds; nothing where it is not there yet.
    pub(crate) fn read_or_new(&self) -> Result<Profiles, ProfilesError> {
        Self { is_named: false, ..self.clone() }.read()
    }

    /// Writes the file anew, for its owner's eyes only. Whoever reads it meanwhile sees the old or the new one.
    pub(crate) fn write(&self, profiles: &Profiles) -> Result<(), ProfilesError> {
        self.replace(profiles).map_err(|source| self.io("write", source))
    }

    /// Where a path in the file leads: from the file's folder, or with `~/` from the user's.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), env::var_os("HOME")) {
            (Ok(below), Some(home)) => Path::new(&home).join(below),
            _ => self.path.parent().unwrap_or(Path::new("")).join(path),
        }
    }

    /// There is no such profile in it.
    pub(crate) fn none(&self, none: NoProfile) -> ProfilesError {
        ProfilesError::NoProfile { file: self.path.clone(), none }
    }

    fn text(&self) -> io::Result<String> {
        let mut text = String::new();
        File::open(&self.path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
        match u64::try_from(text.len()) {
            Ok(0..=FILE_BYTES_MAX) => Ok(text),
            _ => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MiB")),
        }
    }

    fn parse(&self, text: &str) -> Result<Profiles, ProfilesError> {
        read::read(text).map_err(|faults| ProfilesError::Faulty { file: self.path.clone(), faults })
    }

    fn replace(&self, profiles: &Profiles) -> io::Result<()> {
        // A link stays one; its file is replaced.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let text = profiles.to_node().to_yaml().map_err(io::Error::other)?;
        // Made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    }

    fn io(&self, verb: &'static str, source: io::Error) -> ProfilesError {
        ProfilesError::Io { verb, file: self.path.clone(), source }
    }
}

/// Whether users other than a file's owner can read it.
pub(crate) fn is_open_to_others(file: &Path) -> bool {
    const OTHERS_READ: u32 = 0o044;
    fs::metadata(file).is_ok_and(|found| found.permissions().mode() & OTHERS_READ != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::{profiles::Profile, settings::Secret};

    fn one() -> Profiles {
        let profile = Profile { token: Some(Secret::new("t0ken")), ..Profile::default() };
        Profiles { current: None, all: [("a".parse().expect("a name"), profile)].into() }
    }

    #[test]
    fn what_is_written_is_read_and_is_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ProfilesFile::new(Some(&folder.path().join("x/profiles.yaml"))).expect("a file");
        assert!(matches!(file.read(), Err(ProfilesError::Io { .. })), "it was named, so it should be there");
        assert_eq!(file.read_or_new().expect("nothing yet"), Profiles::default());
        file.write(&one()).expect("written");
        assert_eq!(file.read().expect("read"), one());
        assert!(!is_open_to_others(file.path()));
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).expect("opened");
        assert!(is_open_to_others(file.path()));
        file.write(&one()).expect("written");
        assert!(!is_open_to_others(file.path()));
        assert_eq!(fs::read_dir(folder.path().join("x")).expect("the folder").count(), 1, "nothing is left");
    }

    #[test]
    fn a_link_stays_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let (target, link) = (folder.path().join("target.yaml"), folder.path().join("link.yaml"));
        fs::write(&target, "").expect("written");
        symlink(&target, &link).expect("a link");
        ProfilesFile::new(Some(&link)).expect("a file").write(&one()).expect("written");
        assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
        assert!(fs::read_to_string(&target).expect("read").contains("t0ken"));
    }

    #[test]
    fn a_large_file_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("large.yaml");
        fs::write(&file, "#".repeat(2 * 1024 * 1024)).expect("written");
        let error = ProfilesFile::new(Some(&file)).expect("a file").read().expect_err("too large");
        assert!(error.to_string().contains("larger than 1 MiB"), "{error}");
    }

    #[test]
    fn paths_are_from_the_files_folder() {
        let file = ProfilesFile::new(Some(Path::new("/etc/pointsman/profiles.yaml"))).expect("a file");
        assert_eq!(file.resolve(Path::new("a.token")), Path::new("/etc/pointsman/a.token"));
        assert_eq!(file.resolve(Path::new("/run/a.token")), Path::new("/run/a.token"));
    }
}
