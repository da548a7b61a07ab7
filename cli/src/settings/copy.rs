//! The copy of the configuration that an edge keeps on disk.

use std::{
    env,
    path::{Path, PathBuf},
};

use clap::Args;
use pointsman_edge::config::{CopyConfig, CopyKey, CopyKeySource, MalformedCopyKey};

use super::units;

/// The key itself. No flag: everybody on the machine sees the flags of a process.
const KEY: &str = "POINTSMAN_COPY_KEY";

#[derive(Args, Clone, Debug)]
pub(crate) struct CopySettings {
    /// The file of the key that the edge's copy of its configuration is encrypted with; by default `edge.key` beside the
    /// copy. Made, readable by its owner only, where it is missing. The key itself can be given instead, in base64, as
    /// POINTSMAN_COPY_KEY.
    #[arg(long, env = "POINTSMAN_COPY_KEY_FILE", value_name = "FILE")]
    copy_key_file: Option<PathBuf>,
    /// How large the edge's copy of its configuration may become, all of its files together: three times the
    /// configuration has to fit.
    #[arg(long, env = "POINTSMAN_COPY_LIMIT", value_name = "SIZE", value_parser = units::size, default_value = "4GiB")]
    copy_limit: usize,
}

/// A key that makes no sense. Never holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CopySettingsError {
    /// A file and a key.
    #[error("{KEY} and --copy-key-file are both set: which one counts would be a guess")]
    Both,
    /// Not a key.
    #[error("{KEY} is no key: {0}")]
    Malformed(MalformedCopyKey),
}

impl CopySettings {
    /// A copy in `folder`.
    pub(crate) fn config(&self, folder: &Path) -> Result<CopyConfig, CopySettingsError> {
        let key = env::var_os(KEY).map(|value| value.to_string_lossy().into_owned());
        self.config_with(folder, key)
    }

    fn config_with(&self, folder: &Path, key: Option<String>) -> Result<CopyConfig, CopySettingsError> {
        // Empty is as good as not set.
        let given = key.filter(|key| !key.trim().is_empty());
        let key = match (given, &self.copy_key_file) {
            (Some(_), Some(_)) => return Err(CopySettingsError::Both),
            (Some(key), None) => {
                CopyKeySource::Given(CopyKey::parse(&key).map_err(CopySettingsError::Malformed)?)
            }
            (None, Some(file)) => CopyKeySource::File(file.clone()),
            (None, None) => CopyKeySource::InFolder,
        };
        let limit_bytes = u64::try_from(self.copy_limit).unwrap_or(u64::MAX);
        Ok(CopyConfig { key, limit_bytes, ..CopyConfig::new(folder) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_from_one_place() {
        let settings =
            |file: Option<&str>| CopySettings { copy_key_file: file.map(Into::into), copy_limit: 7 };
        let key = |file, key: Option<&str>| {
            settings(file).config_with(Path::new("f"), key.map(Into::into)).map(|config| config.key)
        };
        let text = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        assert_eq!(key(None, None), Ok(CopyKeySource::InFolder));
        assert_eq!(key(Some("/k"), Some(" ")), Ok(CopyKeySource::File("/k".into())));
        assert_eq!(key(None, Some(text)), Ok(CopyKeySource::Given(CopyKey::parse(text).unwrap())));
        assert_eq!(key(Some("/k"), Some(text)), Err(CopySettingsError::Both));
        let error = key(None, Some("canary")).unwrap_err().to_string();
        assert!(error.contains("is no key") && !error.contains("canary"), "{error}");
    }
}
