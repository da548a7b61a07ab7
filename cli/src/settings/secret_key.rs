//! The keys that secrets are encrypted with: from a file, or from the environment.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use pointsman_control_plane::store::{KeyRing, KeySource, MalformedKey, SecretKey};

/// The key itself. No flag: everybody on the machine sees the flags of a process.
const KEY: &str = "POINTSMAN_SECRET_KEY";
/// Older keys, separated by commas or white space.
const OLD_KEYS: &str = "POINTSMAN_SECRET_KEY_OLD";

#[derive(Args, Clone, Debug)]
pub(crate) struct SecretKeySettings {
    /// The file of the key that secrets are encrypted with; by default `pointsman.key` in the folder of the database.
    /// Made, readable by its owner only, where nothing is encrypted yet. The key itself can be given instead, in
    /// base64, as POINTSMAN_SECRET_KEY, and older ones as POINTSMAN_SECRET_KEY_OLD.
    #[arg(long, env = "POINTSMAN_SECRET_KEY_FILE", value_name = "FILE")]
    secret_key_file: Option<PathBuf>,
}

/// Keys that make no sense. Never holds a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SecretKeySettingsError {
    /// A file and a key.
    #[error("{KEY} and --secret-key-file are both set: which one counts would be a guess")]
    Both,
    /// Older keys, and none to encrypt with.
    #[error("{OLD_KEYS} is set, and {KEY} is not")]
    OnlyOld,
    /// Not a key.
    #[error("{variable} is no key: {source}")]
    Malformed {
        /// Where it is from.
        variable: &'static str,
        /// Why not.
        source: MalformedKey,
    },
}

impl SecretKeySettings {
    /// Where the keys of the database in the folder `data` are.
    pub(crate) fn source(&self, data: &Path) -> Result<KeySource, SecretKeySettingsError> {
        self.source_in(data, |variable| {
            env::var_os(variable).map(|value| value.to_string_lossy().into_owned())
        })
    }

    fn source_in(
        &self,
        data: &Path,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<KeySource, SecretKeySettingsError> {
        // Empty is as good as not set.
        let value = |name| variable(name).filter(|value| !value.trim().is_empty());
        let parse = |variable, text: &str| {
            SecretKey::parse(text).map_err(|source| SecretKeySettingsError::Malformed { variable, source })
        };
        let Some(key) = value(KEY) else {
            if value(OLD_KEYS).is_some() {
                return Err(SecretKeySettingsError::OnlyOld);
            }
            return Ok(match &self.secret_key_file {
                Some(file) => KeySource::File(file.clone()),
                None => KeySource::in_folder(data),
            });
        };
        if self.secret_key_file.is_some() {
            return Err(SecretKeySettingsError::Both);
        }
        let old = value(OLD_KEYS).unwrap_or_default();
        let old = old.split([',', ' ', '\n', '\t', '\r']).filter(|text| !text.is_empty());
        let old = old.map(|text| parse(OLD_KEYS, text)).collect::<Result<_, _>>()?;
        Ok(KeySource::Given(KeyRing::new(parse(KEY, &key)?, old)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    const OTHER: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    fn source(file: Option<&str>, set: &[(&str, &str)]) -> Result<KeySource, SecretKeySettingsError> {
        let settings = SecretKeySettings { secret_key_file: file.map(PathBuf::from) };
        settings.source_in(Path::new("data"), |name| {
            set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_file_counts_where_no_key_is_given() {
        assert_eq!(source(None, &[]).unwrap(), KeySource::File("data/pointsman.key".into()));
        assert_eq!(source(Some("/k"), &[(KEY, ""), (OLD_KEYS, " ")]).unwrap(), KeySource::File("/k".into()));
    }

    #[test]
    fn keys_that_are_given_are_read_in_their_order() {
        let old = format!("{OTHER}, {FIRST}\n");
        let KeySource::Given(ring) = source(None, &[(KEY, FIRST), (OLD_KEYS, &old)]).unwrap() else {
            panic!("a file");
        };
        let keys: Vec<_> = ring.keys().map(SecretKey::to_text).collect();
        assert_eq!(keys, [FIRST, OTHER]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_without_a_quote() {
        assert_eq!(source(Some("/k"), &[(KEY, FIRST)]), Err(SecretKeySettingsError::Both));
        assert_eq!(source(None, &[(OLD_KEYS, FIRST)]), Err(SecretKeySettingsError::OnlyOld));
        for set in [&[(KEY, "canary")][..], &[(KEY, FIRST), (OLD_KEYS, "canary")]] {
            let error = source(None, set).unwrap_err().to_string();
            assert!(error.contains("is no key") && !error.contains("canary"), "{error}");
        }
    }
}
