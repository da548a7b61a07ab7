use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::*;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the lines").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_panic_is_one_line_of_the_log() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).json().flatten_event(true);
    let before = panic::take_hook();
    panic::set_hook(Box::new(report));
    let panicked = thread::Builder::new()
        .name("unlucky".to_owned())
        .spawn(|| tracing::subscriber::with_default(subscriber.finish(), || panic!("no\nluck")))
        .expect("a thread")
        .join();
    panic::set_hook(before);
    assert!(panicked.is_err());

    let written = String::from_utf8(lines.0.lock().expect("the lines").clone()).expect("text");
    assert_eq!(written.lines().count(), 1, "{written}");
    let line: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(
        (&line["level"], &line["thread"], &line["reason"]),
        (&"ERROR".into(), &"unlucky".into(), &"no\nluck".into())
    );
    assert!(line["at"].as_str().is_some_and(|at| at.contains("tests.rs")), "{line}");
}
