use std::{
    io,
    sync::{Arc, Mutex},
};

use tracing_subscriber::fmt::{MakeWriter, time};

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("what was written").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Written {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut self.0.lock().expect("what was written"))).expect("text")
    }
}

const TEXTS: [&str; 12] = [
    "",
    "plain",
    "two words",
    "a \"quote\"",
    "back\\slash",
    "line\nfeed",
    "a=1 outcome=\"forged\"",
    "\r\u{1b}[31mred\u{7}\u{8}\u{c}\u{7f}",
    "Zoë",
    "\u{85}\u{9b}\u{2028}\u{200e}",
    "'single'\ttab\0nul",
    "🦀",
];

fn say(text: &str) {
    tracing::info!(
        target: TARGET,
        id = %"0195-shown",
        text,
        debugged = ?text,
        none = None::<u64>,
        number = 18_446_744_073_709_551_615_u64,
        zero = 0_u16,
        negative = -7_i64,
        truth = true,
    );
}

fn lines(shape: Shape, text: &str) -> [String; 2] {
    let (ours, theirs) = (Written::default(), Written::default());
    let builder = |to: &Written| tracing_subscriber::fmt().with_writer(to.clone()).with_ansi(false);
    match shape {
        Shape::Human => {
            let subscriber =
                builder(&ours).map_event_format(|other| AccessFormat::new(shape, other)).finish();
            tracing::subscriber::with_default(subscriber, || say(text));
            tracing::subscriber::with_default(builder(&theirs).finish(), || say(text));
        }
        Shape::Json => {
            let json = |to| builder(to).json().flatten_event(true);
            let subscriber = json(&ours).map_event_format(|other| AccessFormat::new(shape, other)).finish();
            tracing::subscriber::with_default(subscriber, || say(text));
            tracing::subscriber::with_default(json(&theirs).finish(), || say(text));
        }
    }
    [ours.take(), theirs.take()].map(|line| {
        // The moments differ.
        let (start, length) = if shape == Shape::Human { (0, 27) } else { (14, 27) };
        let moment = &line[start..start + length];
        assert!(moment.ends_with('Z') && moment.as_bytes()[19] == b'.', "{line}");
        line.replacen(moment, "…", 1)
    })
}

#[test]
fn lines_are_what_the_library_would_write() {
    for shape in [Shape::Human, Shape::Json] {
        for text in TEXTS {
            let [ours, theirs] = lines(shape, text);
            assert_eq!(ours, theirs, "{shape:?} of {text:?}");
            assert_eq!(ours.lines().count(), 1, "{ours:?}");
        }
    }
}

#[test]
fn what_is_shown_begins_no_line_of_its_own() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .with_ansi(false)
        .map_event_format(|other| AccessFormat::new(Shape::Human, other))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: TARGET, shown = %"one\ntwo");
    });
    assert!(written.take().ends_with("shown=\"one\\ntwo\"\n"));
}

#[test]
fn a_moment_is_written_as_the_library_writes_it() {
    let written = Written::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(written.clone())
        .with_ansi(false)
        .map_event_format(|other| AccessFormat::new(Shape::Human, other))
        .finish();
    let moment = || {
        let mut text = String::new();
        time::SystemTime.format_time(&mut Writer::new(&mut text)).expect("a moment");
        text
    };
    let before = moment();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            tracing::info!(target: TARGET, n = 1);
        }
    });
    let after = moment();
    for line in written.take().lines() {
        let said = &line[..before.len()];
        assert!(*before <= *said && *said <= *after, "{before} {said} {after}");
    }
}
