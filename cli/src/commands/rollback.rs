//! `rollback`: an integration as it was.

use std::{
    collections::BTreeMap,
    env,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    str::FromStr,
};

use clap::Args;
use pointsman_proto::admin::v1::{
    GetIntegrationRequest, RollbackIntegrationRequest, RollbackIntegrationResponse,
};

use super::{End, Failure, names::IntegrationName, revisions::revisions_from, write::WriteSettings};
use crate::{
    manifest,
    output::{self, history, style::Style},
    settings::{AdminSettings, OutputSettings},
};

/// Longer than any value of metadata, in bytes.
const SECRET_BYTES_MAX: u64 = 64 * 1024;

#[derive(Args, Debug)]
pub(super) struct Rollback {
    /// The integration, as `acme-erp` or `integrations/acme-erp`.
    integration: IntegrationName,
    /// One of its revisions, as `pointsman revisions` shows them.
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    revision: i64,
    /// Metadata for the Preprocess service, in place of the value that is kept: needed where the service was at another
    /// address. The value is read from a file or a variable, as `authorization=file:/run/secrets/token` or
    /// `authorization=env:TOKEN`. Can be given more than once.
    #[arg(long, value_name = "NAME=SOURCE")]
    metadata: Vec<Metadata>,
    /// Only if the integration is still what it was when it was read with this etag. By default, if it is still what it
    /// was when the command began.
    #[arg(long, value_name = "ETAG")]
    etag: Option<String>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Rollback {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let preprocess_metadata = self.metadata()?;
        let admin = self.write.connect(&self.admin).await?;
        let name = self.integration.whole().to_owned();
        let before = admin.get_integration(GetIntegrationRequest { name: name.clone() }).await?.integration;
        let before = before.ok_or_else(|| Failure::Answer("it holds no integration".to_owned()))?;
        let answer = admin
            .rollback_integration(RollbackIntegrationRequest {
                name,
                revision: self.revision,
                // So that what is shown to change is what changes.
                etag: self.etag.clone().unwrap_or_else(|| before.etag.clone()),
                preprocess_metadata,
                validate_only: self.write.is_dry_run(),
                ..Default::default()
            })
            .await?;
        output::print(&match format {
            Some(format) => manifest::write(&answer, format)?,
            None => {
                let changes = history::differences(&before, answer.integration.as_ref().unwrap_or(&before))?;
                let since = revisions_from(self.integration.whole(), &admin, self.revision).await?;
                let changes = history::marked(changes, &since, self.revision);
                let text = history::changed(&changes, Style::of_stdout());
                format!("{text}{}\n", self.summary(&answer, &before.etag))
            }
        })?;
        self.write.end(&admin, answer.revision, format).await
    }

    fn metadata(&self) -> Result<BTreeMap<String, String>, Failure> {
        self.metadata.iter().map(|Metadata { name, source }| Ok((name.clone(), source.read()?))).collect()
    }

    fn summary(&self, answer: &RollbackIntegrationResponse, etag_before: &str) -> String {
        let Self { integration, revision, .. } = self;
        let (name, to) = (integration.whole(), answer.revision);
        let unchanged = answer.integration.as_ref().is_some_and(|after| after.etag == etag_before);
        match (self.write.is_dry_run(), unchanged) {
            (true, _) => {
                format!("{name} would go back to revision {revision}; dry run: nothing was changed")
            }
            (false, true) => format!("{name} is as it was at revision {revision}: nothing was changed"),
            (false, false) => format!("{name} is what it was at revision {revision}; revision {to}"),
        }
    }
}

/// A secret of metadata, which is not to stand in a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Metadata {
    name: String,
    source: SecretSource,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SecretSource {
    File(PathBuf),
    Variable(String),
}

/// Not metadata. What stands there is not said: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write NAME=file:PATH or NAME=env:VARIABLE: other users of this machine see a command line, so the value is not given in it"
)]
struct MetadataError;

impl FromStr for Metadata {
    type Err = MetadataError;

    fn from_str(text: &str) -> Result<Self, MetadataError> {
        let (name, source) = text.split_once('=').ok_or(MetadataError)?;
        let source = match source.split_once(':').ok_or(MetadataError)? {
            ("file", path) if !path.is_empty() => SecretSource::File(path.into()),
            ("env", variable) if !variable.is_empty() => SecretSource::Variable(variable.to_owned()),
            _ => return Err(MetadataError),
        };
        if name.is_empty() { Err(MetadataError) } else { Ok(Self { name: name.to_owned(), source }) }
    }
}

impl SecretSource {
    fn read(&self) -> Result<String, Failure> {
        match self {
            Self::File(path) => {
                read_file(path).map_err(|source| Failure::Read { file: path.display().to_string(), source })
            }
            Self::Variable(name) => env::var(name)
                .map_err(|_| Failure::Usage(format!("the variable {name} is not set, or is no text"))),
        }
    }
}

/// The text of a file, without the end of its last line.
fn read_file(path: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is longer than any value"));
    }
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_comes_from_a_file_or_a_variable_and_never_from_the_command_line() {
        let metadata = |text: &str| text.parse::<Metadata>().map(|read| (read.name, read.source));
        let file = SecretSource::File("/run/a=b:c".into());
        assert_eq!(metadata("authorization=file:/run/a=b:c"), Ok(("authorization".to_owned(), file)));
        let variable = SecretSource::Variable("TOKEN".to_owned());
        assert_eq!(metadata("x=env:TOKEN"), Ok(("x".to_owned(), variable)));
        for text in ["", "x", "x=secret", "x=Bearer: secret", "=env:TOKEN", "x=env:", "x=file:"] {
            let error = metadata(text).expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
