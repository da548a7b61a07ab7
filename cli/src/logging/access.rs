//! The line of a webhook, as `tracing_subscriber` would write it, without its detours: they cost more than the rest of
//! what an edge does for a small webhook.

use std::{
    cell::Cell,
    fmt,
    time::{Duration, UNIX_EPOCH},
};

use pointsman_edge::access::TARGET;
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Human,
    Json,
}

/// Formats the lines of webhooks itself, and has everything else formatted by another.
#[derive(Debug)]
pub(super) struct AccessFormat<F> {
    shape: Shape,
    other: F,
}

impl<F> AccessFormat<F> {
    pub(super) fn new(shape: Shape, other: F) -> Self {
        Self { shape, other }
    }
}

impl<S, N, F> FormatEvent<S, N> for AccessFormat<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        // People who look at a terminal have colours, and not so many webhooks.
        if event.metadata().target() != TARGET || writer.has_ansi_escapes() {
            return self.other.format_event(context, writer, event);
        }
        let level = event.metadata().level();
        let mut line = Line { shape: self.shape, writer, started: false, result: Ok(()) };
        match self.shape {
            Shape::Human => {
                line.time()?;
                write!(line.writer, " {level:>5} {TARGET}: ")?;
            }
            Shape::Json => {
                line.writer.write_str("{\"timestamp\":\"")?;
                line.time()?;
                write!(line.writer, "\",\"level\":\"{level}\"")?;
            }
        }
        event.record(&mut line);
        line.result?;
        match self.shape {
            Shape::Human => line.writer.write_char('\n'),
            Shape::Json => writeln!(line.writer, ",\"target\":\"{TARGET}\"}}"),
        }
    }
}

/// A line on its way.
struct Line<'a> {
    shape: Shape,
    writer: Writer<'a>,
    started: bool,
    result: fmt::Result,
}

impl Line<'_> {
    /// Most of it is the same for a whole second.
    fn time(&mut self) -> fmt::Result {
        /// `2026-01-31T23:59:59`
        const SECOND: usize = 19;
        thread_local! {
            static LAST: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [0; SECOND])) };
        }
        let now = UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
        let (second, mut text) = LAST.get();
        if second != now.as_secs() {
            let mut whole = String::new();
            SystemTime.format_time(&mut Writer::new(&mut whole))?;
            // It may be another second by now. It is the line's all the same, and not kept for the next ones.
            let Some(prefix) = whole.as_bytes().first_chunk::<SECOND>() else {
                return self.writer.write_str(&whole);
            };
            text = *prefix;
            if UNIX_EPOCH.elapsed().is_ok_and(|later| later.as_secs() == now.as_secs()) {
                LAST.set((now.as_secs(), text));
            } else {
                return self.writer.write_str(&whole);
            }
        }
        let mut end = *b".000000Z";
        digits(&mut end[1..7], now.subsec_micros());
        self.writer.write_str(std::str::from_utf8(&text).unwrap_or_default())?;
        self.writer.write_str(std::str::from_utf8(&end).unwrap_or_default())
    }

    /// The field's name, and what stands around it.
    fn name(&mut self, field: &Field) -> fmt::Result {
        let name = field.name();
        match self.shape {
            Shape::Human => {
                if std::mem::replace(&mut self.started, true) {
                    self.writer.write_char(' ')?;
                }
                self.writer.write_str(name)?;
                self.writer.write_char('=')
            }
            Shape::Json => {
                self.writer.write_str(",\"")?;
                self.writer.write_str(name)?;
                self.writer.write_str("\":")
            }
        }
    }

    fn text(&mut self, field: &Field, text: &str) -> fmt::Result {
        self.name(field)?;
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if text.as_bytes().iter().all(plain) {
            self.writer.write_char('"')?;
            self.writer.write_str(text)?;
            return self.writer.write_char('"');
        }
        match self.shape {
            Shape::Human => write!(self.writer, "{text:?}"),
            Shape::Json => {
                let quoted = serde_json::to_string(text).map_err(|_| fmt::Error)?;
                self.writer.write_str(&quoted)
            }
        }
    }

    fn number(&mut self, field: &Field, number: u64) -> fmt::Result {
        self.name(field)?;
        let mut text = *b"00000000000000000000";
        let length = number.checked_ilog10().map_or(1, |log| log as usize + 1);
        digits(&mut text[..length], number);
        self.writer.write_str(std::str::from_utf8(&text[..length]).unwrap_or_default())
    }

    fn debug(&mut self, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
        let shown = format!("{value:?}");
        match self.shape {
            Shape::Json => self.text(field, &shown),
            Shape::Human => {
                self.name(field)?;
                // Nothing of ours has such a character, and nothing else may begin a line of its own.
                if shown.chars().any(char::is_control) {
                    write!(self.writer, "{shown:?}")
                } else {
                    self.writer.write_str(&shown)
                }
            }
        }
    }

    fn put(&mut self, put: impl FnOnce(&mut Self) -> fmt::Result) {
        if self.result.is_ok() {
            self.result = put(self);
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(|line| line.text(field, value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(|line| line.number(field, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(|line| {
            line.name(field)?;
            write!(line.writer, "{value}")
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(|line| {
            line.name(field)?;
            write!(line.writer, "{value}")
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(|line| line.debug(field, value));
    }
}

/// The last digits of a number, as many as there is room for.
fn digits(text: &mut [u8], number: impl Into<u64>) {
    let mut number = number.into();
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests;
