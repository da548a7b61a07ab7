//! Profiles: which control plane, who calls it and how answers are printed, by name in a file.
//!
//! ```yaml
//! current: staging
//! profiles:
//!   staging:
//!     server: https://pointsman.staging.example.com:7070
//!     tokenFile: staging.token
//! ```
//!
//! - [`read`]: the file's text into [`Profiles`], all faults with their lines.
//! - [`file`]: where the file is, reading it, and writing it so that nobody ever sees half of it.

use std::{collections::BTreeMap, fmt, path::PathBuf, str::FromStr, time::Duration};

pub(crate) use self::file::{ProfilesError, ProfilesFile, is_open_to_others};
use crate::{
    manifest::{Node, Value},
    nearest::nearest,
    settings::{OutputFormat, Secret, units},
};

mod file;
mod read;

/// All profiles of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profiles {
    /// The one that counts where none is named.
    pub(crate) current: Option<ProfileName>,
    /// By their names.
    pub(crate) all: BTreeMap<ProfileName, Profile>,
}

/// What a profile says. Paths are as they are written: [`ProfilesFile::path`] tells where they lead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) server: Option<String>,
    pub(crate) token: Option<Secret>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) server_ca: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) output: Option<OutputFormat>,
}

/// A profile's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ProfileName(String);

/// Not a profile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a profile's name has letters, digits, `.`, `_` and `-`, begins with a letter or digit, and has at most 63"
)]
pub(crate) struct ProfileNameError;

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, ProfileNameError> {
        const CHARS_MAX: usize = 63;
        let fits = text.len() <= CHARS_MAX
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        if fits { Ok(Self(text.to_owned())) } else { Err(ProfileNameError) }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Profiles {
    /// The profile of this name, or what there is instead.
    pub(crate) fn find(&self, name: &ProfileName) -> Result<&Profile, NoProfile> {
        self.all.get(name).ok_or_else(|| {
            let near = nearest(&name.0, self.all.keys().map(|known| known.0.as_str())).map(str::to_owned);
            NoProfile { name: name.clone(), known: self.all.keys().cloned().collect(), near }
        })
    }

    fn to_node(&self) -> Node {
        let current = self.current.as_ref().map(|name| ("current".to_owned(), text(&name.0)));
        let all = self.all.iter().map(|(name, profile)| (name.0.clone(), profile.to_node()));
        let all = Node::new(Value::Map(all.collect()));
        Node::new(Value::Map(current.into_iter().chain([("profiles".to_owned(), all)]).collect()))
    }
}

impl Profile {
    /// The same, to be shown.
    pub(crate) fn without_token(&self) -> Self {
        Self { token: None, ..self.clone() }
    }

    /// As it stands in the file.
    pub(crate) fn to_node(&self) -> Node {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.to_string_lossy().into_owned());
        let fields = [
            ("server", self.server.clone()),
            ("token", self.token.as_ref().map(|token| token.expose().to_owned())),
            ("tokenFile", path(&self.token_file)),
            ("serverCa", path(&self.server_ca)),
            ("clientCert", path(&self.client_cert)),
            ("clientKey", path(&self.client_key)),
            ("timeout", self.timeout.map(units::duration_text)),
            ("output", self.output.map(|output| output.name().to_owned())),
        ];
        let set = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(&value?))));
        Node::new(Value::Map(set.collect()))
    }
}

fn text(text: &str) -> Node {
    Node::new(Value::String(text.to_owned()))
}

/// There is no profile of this name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoProfile {
    name: ProfileName,
    known: Vec<ProfileName>,
    near: Option<String>,
}

impl fmt::Display for NoProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, known, near } = self;
        write!(f, "there is no profile `{name}`; ")?;
        match (near, known.as_slice()) {
            (Some(near), _) => write!(f, "did you mean `{near}`?"),
            (None, []) => f.write_str("there is none at all"),
            (None, known) => {
                let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
                write!(f, "there are {}", known.join(", "))
            }
        }
    }
}
