//! Logs, on standard error.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::{
    output::style::colours,
    settings::{LogSettings, logging::LogFormat},
};

/// Starts logging. Does nothing where it has been started.
pub(crate) fn start(settings: &LogSettings) {
    // The settings were parsed with the same function, so this cannot fall back.
    let filter = EnvFilter::try_new(&settings.log_level).unwrap_or_default();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours(io::stderr().is_terminal()));
    let _ = match settings.log {
        LogFormat::Human => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
