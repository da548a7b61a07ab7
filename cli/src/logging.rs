//! Logs, on standard error.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal as _},
    panic::{self, PanicHookInfo},
    thread,
};

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
    panic::set_hook(Box::new(report));
}

/// Logs a panic like everything else: one line, which is JSON where lines are.
fn report(panic: &PanicHookInfo<'_>) {
    let backtrace = Backtrace::capture();
    let backtrace = (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        thread = thread::current().name(),
        at = panic.location().map(tracing::field::display),
        reason = panic.payload_as_str(),
        backtrace,
        "a fault of ours: a panic"
    );
}

#[cfg(test)]
mod tests;
