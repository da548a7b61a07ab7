//! How a command prints what it found.

use clap::{Args, ValueEnum};

use super::{AdminSettings, admin::AdminConnectError};
use crate::output::Format;

#[derive(Args, Clone, Debug)]
pub(crate) struct OutputSettings {
    /// How the answer is printed: for people, or for programs. A table where nothing says otherwise.
    #[arg(short, long, env = "POINTSMAN_OUTPUT", value_enum, value_name = "FORMAT")]
    output: Option<OutputFormat>,
}

/// For people, or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Tables and sentences, for people.
    Table,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl OutputFormat {
    /// Its name in a profile.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Yaml => "yaml",
        }
    }
}

impl From<OutputFormat> for Option<Format> {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Table => None,
            OutputFormat::Json => Some(Format::Json),
            OutputFormat::Yaml => Some(Format::Yaml),
        }
    }
}

impl OutputSettings {
    /// The format for programs that the flag, the variable or the profile of `admin` asks for; none for people.
    pub(crate) fn format(&self, admin: &AdminSettings) -> Result<Option<Format>, AdminConnectError> {
        let asked = match self.output {
            Some(output) => Some(output),
            None => admin.profile()?.and_then(|profile| profile.output),
        };
        Ok(asked.and_then(Into::into))
    }

    /// The same for a command that calls no control plane, and so has no profile.
    pub(crate) fn alone(&self) -> Option<Format> {
        self.output.and_then(Into::into)
    }
}
