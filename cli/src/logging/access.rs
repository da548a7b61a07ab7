//! The line of a webhook, written from what there is to say and not from an event of `tracing`, which costs four times
//! as much. It is the line that `tracing_subscriber` would write.

use std::{
    cell::{Cell, RefCell},
    io::{self, Write as _},
    time::{Duration, UNIX_EPOCH},
};

use http::Method;
use pointsman_edge::access::{AccessLog, Record, Stages, TARGET, micros};
use pointsman_routing::{
    name::{FlowKey, IntegrationId},
    table::EndpointToken,
};
use tracing::Level;
use tracing_subscriber::fmt::{
    format::Writer,
    time::{FormatTime as _, SystemTime},
};

use super::lines::Lines;
use crate::settings::logging::LogFormat;

/// Nearly all lines are shorter.
const USUAL_BYTES: usize = 1024;
/// What is kept of the memory of a line that was longer.
const MOST_KEPT_BYTES: usize = 8 * 1024;

/// Gathers them among `lines`, as far as they are to be logged.
pub(super) fn log(format: LogFormat, lines: Lines) -> AccessLog {
    let write = match format {
        LogFormat::Human => write_line::<false>,
        LogFormat::Json => write_line::<true>,
    };
    AccessLog::new(move |record| {
        if tracing::event_enabled!(target: TARGET, Level::INFO) {
            LINE.with_borrow_mut(|line| {
                write(record, line);
                lines.gather(line);
            });
        }
    })
}

thread_local! {
    /// The memory of a thread's last line, for its next one.
    static LINE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(USUAL_BYTES));
}

/// Writes the whole line, as JSON or for people, in place of what `line` holds.
fn write_line<const JSON: bool>(record: &Record, line: &mut Vec<u8>) {
    line.clear();
    line.shrink_to(MOST_KEPT_BYTES);
    let mut line = Line::<JSON>(line);
    line.start();
    line.fields(record);
    line.end();
}

/// A line on its way.
struct Line<'a, const JSON: bool>(&'a mut Vec<u8>);

/// The name of a field, with what stands around it.
struct Name {
    human: &'static str,
    json: &'static str,
}

macro_rules! name {
    ($name:literal) => {
        Name { human: concat!(" ", $name, "="), json: concat!(",\"", $name, "\":") }
    };
}

impl<const JSON: bool> Line<'_, JSON> {
    fn start(&mut self) {
        if JSON {
            self.put("{\"timestamp\":\"");
            self.now();
            self.put("\",\"level\":\"INFO\"");
        } else {
            self.now();
            self.put("  INFO ");
            self.put(TARGET);
            self.put(":");
        }
    }

    /// In the order of [`Record::say`].
    fn fields(&mut self, record: &Record) {
        let Stages { receive, preprocess, decide, upstream, response, total } = record.stages;
        self.shown(name!("execution_id"), record.execution_id.as_str());
        self.word(name!("outcome"), Some(record.ending.label()));
        self.number(name!("status"), record.status.map(|status| status.as_u16()));
        self.number(name!("revision"), Some(record.revision));
        self.word(name!("endpoint"), record.endpoint.as_ref().map(EndpointToken::prefix));
        self.word(name!("integration"), record.integration.as_ref().map(IntegrationId::as_str));
        self.word(name!("deployment"), record.deployment.as_ref().map(|name| name.deployment.as_str()));
        self.word(name!("flow"), record.flow.as_ref().map(FlowKey::as_str));
        self.word(name!("method"), record.method.as_ref().map(Method::as_str));
        self.shown(name!("protocol"), record.protocol.label());
        self.shown(name!("peer"), record.peer.as_str());
        self.text(name!("trace_id"), record.trace_id.as_deref());
        self.text(name!("reason"), record.reason.as_deref());
        self.number(name!("bytes_in"), Some(record.bytes_in));
        self.number(name!("bytes_out"), Some(record.bytes_out));
        self.number(name!("receive_us"), receive.map(micros));
        self.number(name!("preprocess_us"), preprocess.map(micros));
        self.number(name!("decide_us"), decide.map(micros));
        self.number(name!("upstream_us"), upstream.map(micros));
        self.number(name!("response_us"), response.map(micros));
        self.number(name!("total_us"), Some(micros(total)));
    }

    fn end(&mut self) {
        if JSON {
            self.put(",\"target\":\"");
            self.put(TARGET);
            self.put("\"}");
        }
        self.put("\n");
    }

    /// Most of it is the same for a whole second.
    fn now(&mut self) {
        /// `2026-01-31T23:59:59`
        const SECOND: usize = 19;
        thread_local! {
            static LAST: Cell<(u64, [u8; SECOND])> = const { Cell::new((u64::MAX, [0; SECOND])) };
        }
        let now = UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO);
        let (second, mut text) = LAST.get();
        if second != now.as_secs() {
            let mut whole = String::new();
            // Writing to a string cannot fail.
            let _ = SystemTime.format_time(&mut Writer::new(&mut whole));
            // It may be another second by now. It is the line's all the same, and not kept for the next ones.
            let same = UNIX_EPOCH.elapsed().is_ok_and(|later| later.as_secs() == now.as_secs());
            let (true, Some(prefix)) = (same, whole.as_bytes().first_chunk::<SECOND>()) else {
                return self.put(&whole);
            };
            text = *prefix;
            LAST.set((now.as_secs(), text));
        }
        self.0.extend_from_slice(&text);
        self.put(".");
        // With a digit in front, all six of the fraction are there.
        self.put(&itoa::Buffer::new().format(1_000_000 + now.subsec_micros())[1..]);
        self.put("Z");
    }

    /// Quoted, with what would be misread escaped.
    fn text(&mut self, name: Name, text: Option<&str>) {
        let Some(text) = text else { return };
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        if text.as_bytes().iter().all(plain) {
            return self.word(name, Some(text));
        }
        self.name(name);
        // Writing to memory cannot fail.
        let _ = if JSON {
            serde_json::to_writer(&mut *self.0, text).map_err(io::Error::from)
        } else {
            write!(self.0, "{text:?}")
        };
    }

    /// Quoted: an id, a method or a word of ours, in which nothing has to be escaped.
    fn word(&mut self, name: Name, word: Option<&str>) {
        let Some(word) = word else { return };
        self.name(name);
        self.put("\"");
        self.put(word);
        self.put("\"");
    }

    /// Quoted only where everything is that is no number.
    fn shown(&mut self, name: Name, word: &str) {
        if JSON {
            self.word(name, Some(word));
        } else {
            self.name(name);
            self.put(word);
        }
    }

    fn number(&mut self, name: Name, number: Option<impl itoa::Integer>) {
        let Some(number) = number else { return };
        self.name(name);
        self.digits(number);
    }

    fn digits(&mut self, number: impl itoa::Integer) {
        self.put(itoa::Buffer::new().format(number));
    }

    #[inline(always)]
    fn name(&mut self, name: Name) {
        self.put(if JSON { name.json } else { name.human });
    }

    #[inline(always)]
    fn put(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }
}

#[cfg(test)]
mod tests;
