//! Settings of logs.

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub(crate) struct LogSettings {
    /// How logs, which go to standard error, are written.
    #[arg(long, env = "POINTSMAN_LOG", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Human)]
    pub(crate) log: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, or a list as `info,pointsman_edge=debug`.
    #[arg(long, env = "POINTSMAN_LOG_LEVEL", value_name = "LEVEL", value_parser = level, default_value = "info")]
    pub(crate) log_level: String,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object per line.
    Json,
}

fn level(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(|_| text.to_owned())
}
