//! Logs, on standard error.
//!
//! An edge writes a line for each webhook, so those have a way of their own: [`access`] writes their text, and [`lines`]
//! gathers them and writes many at once. Everything else is an event of `tracing`, and written when it is said.

mod access;
mod lines;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal as _},
    panic::{self, PanicHookInfo},
    thread,
};

use pointsman_edge::access::AccessLog;
use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

use self::lines::Lines;
use crate::{
    output::style::colours,
    settings::{LogSettings, logging::LogFormat},
};

/// The log of this process. What is still to be written is written when it is dropped.
#[derive(Debug)]
pub(crate) struct Log {
    lines: Lines,
    access: AccessLog,
}

/// Starts logging. Does nothing where it has been started.
#[must_use = "what is still to be written is written when it is dropped"]
pub(crate) fn start(settings: &LogSettings) -> Log {
    // The settings were parsed with the same function, so this cannot fall back.
    let filter = EnvFilter::try_new(&settings.log_level).unwrap_or_default();
    let lines = Lines::start(io::stderr());
    let coloured = colours(io::stderr().is_terminal());
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone()).with_ansi(coloured);
    let started = match settings.log {
        LogFormat::Human => builder.finish().try_init(),
        LogFormat::Json => builder.json().flatten_event(true).finish().try_init(),
    };
    // People who look at a terminal have colours, and not so many webhooks.
    let plain = settings.log == LogFormat::Json || !coloured;
    let access = match started {
        Ok(()) if plain => access::log(settings.log, lines.clone()),
        _ => AccessLog::default(),
    };
    panic::set_hook(Box::new(report));
    Log { lines, access }
}

impl Log {
    /// Takes the access lines of an edge.
    pub(crate) fn attach(&self, edge: &mut pointsman_edge::Config) {
        edge.access_log = self.access.clone();
        edge.dropped_lines = self.lines.dropped();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush();
    }
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
