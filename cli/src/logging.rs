//! Logs, on standard error.
//!
//! An edge writes a line for each webhook, so those have a way of their own: [`access`] formats them without detours,
//! and [`lines`] gathers them and writes many at once. Everything else is written when it is said.

mod access;
mod lines;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, IsTerminal as _},
    panic::{self, PanicHookInfo},
    thread,
};

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt as _};

use self::{
    access::{AccessFormat, Shape},
    lines::Lines,
};
use crate::{
    output::style::colours,
    settings::{LogSettings, logging::LogFormat},
};

/// The log of this process. What is still to be written is written when it is dropped.
#[derive(Debug)]
pub(crate) struct Log(Lines);

/// Starts logging. Does nothing where it has been started.
#[must_use = "what is still to be written is written when it is dropped"]
pub(crate) fn start(settings: &LogSettings) -> Log {
    // The settings were parsed with the same function, so this cannot fall back.
    let filter = EnvFilter::try_new(&settings.log_level).unwrap_or_default();
    let lines = Lines::start(io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines.clone())
        .with_ansi(colours(io::stderr().is_terminal()));
    let _ = match settings.log {
        LogFormat::Human => {
            builder.map_event_format(|other| AccessFormat::new(Shape::Human, other)).finish().try_init()
        }
        LogFormat::Json => builder
            .json()
            .flatten_event(true)
            .map_event_format(|other| AccessFormat::new(Shape::Json, other))
            .finish()
            .try_init(),
    };
    panic::set_hook(Box::new(report));
    Log(lines)
}

impl Log {
    /// Counts the lines of webhooks that were dropped, since standard error took no more.
    pub(crate) fn dropped_lines(&self) -> pointsman_edge::telemetry::DroppedLines {
        self.0.dropped()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.flush();
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
