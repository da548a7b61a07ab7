//! Writes lines. Those of webhooks are gathered for a moment and then written many at once, by a thread of their own:
//! nobody who answers webhooks waits for whoever reads them. All other lines are written at once, after those that were
//! said before them.

use std::{
    fmt,
    io::{self, Write},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use pointsman_edge::{access::TARGET, telemetry::DroppedLines};
use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

/// How long lines are gathered.
const GATHER: Duration = Duration::from_millis(50);
/// So many bytes are enough to be written before that.
const ENOUGH_BYTES: usize = 64 * 1024;
/// Where this much waits to be written, further lines of webhooks are dropped and counted.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// What is written at a time, in whole lines: a pipe that others write to as well keeps so much together.
const PIPE_BUF: usize = 4096;

/// Where lines are written. Clones share it.
#[derive(Clone)]
pub(super) struct Lines(Arc<Handle>);

/// The thread that writes ends with it.
struct Handle(Arc<Shared>);

struct Shared {
    gathered: Mutex<Gathered>,
    /// The writing thread waits for it.
    more: Condvar,
    /// Held while lines are taken and written, so that they keep their order.
    output: Mutex<Output>,
    dropped: DroppedLines,
}

#[derive(Default)]
struct Gathered {
    bytes: Vec<u8>,
    /// Whether the writing thread waits for a first line.
    idle: bool,
    /// Lines that were dropped since that was last said.
    dropped: u64,
    ended: bool,
}

struct Output {
    to: Box<dyn Write + Send>,
    /// What `Gathered::bytes` is exchanged for, to keep its memory.
    spare: Vec<u8>,
}

impl Lines {
    /// Writes to `output`.
    pub(super) fn start(output: impl Write + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            gathered: Mutex::default(),
            more: Condvar::new(),
            output: Mutex::new(Output { to: Box::new(output), spare: Vec::new() }),
            dropped: DroppedLines::default(),
        });
        let writing = Arc::clone(&shared);
        if let Err(error) = thread::Builder::new().name("log".to_owned()).spawn(move || writing.run()) {
            // What is gathered is then written with the next line that is not of a webhook.
            let _ = writeln!(io::stderr(), "no thread for the access log: {error}");
        }
        Self(Arc::new(Handle(shared)))
    }

    /// Counts what is dropped.
    pub(super) fn dropped(&self) -> DroppedLines {
        self.0.0.dropped.clone()
    }

    /// Takes the line of a webhook, which is written soon, or dropped where too many wait.
    pub(super) fn gather(&self, line: &[u8]) {
        self.0.0.gather(line);
    }

    /// Writes what is gathered.
    pub(super) fn flush(&self) {
        self.0.0.flush();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        locked(&self.0.gathered).ended = true;
        self.0.more.notify_one();
    }
}

impl Shared {
    fn run(&self) {
        while self.wait() {
            self.flush();
            let dropped = std::mem::take(&mut locked(&self.gathered).dropped);
            if dropped > 0 {
                tracing::warn!(lines = dropped, "lines of the access log were dropped: nobody took them");
            }
        }
        self.flush();
    }

    /// Waits until there are lines, and then a moment for more of them; until the end.
    fn wait(&self) -> bool {
        let mut gathered = locked(&self.gathered);
        gathered.idle = true;
        let nothing = |gathered: &mut Gathered| gathered.bytes.is_empty() && !gathered.ended;
        let mut gathered = self.more.wait_while(gathered, nothing).unwrap_or_else(PoisonError::into_inner);
        gathered.idle = false;
        let few = |gathered: &mut Gathered| gathered.bytes.len() < ENOUGH_BYTES && !gathered.ended;
        let waited = self.more.wait_timeout_while(gathered, GATHER, few);
        !waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn gather(&self, line: &[u8]) {
        let mut gathered = locked(&self.gathered);
        let before = gathered.bytes.len();
        let after = before + line.len();
        if after > MAX_BYTES {
            gathered.dropped += 1;
            drop(gathered);
            return self.dropped.add(1);
        }
        gathered.bytes.extend_from_slice(line);
        let wake = (gathered.idle && before == 0) || (before < ENOUGH_BYTES && after >= ENOUGH_BYTES);
        drop(gathered);
        if wake {
            self.more.notify_one();
        }
    }

    fn flush(&self) {
        locked(&self.output).catch_up(&self.gathered);
    }

    fn write_now(&self, line: &[u8]) -> io::Result<()> {
        let mut output = locked(&self.output);
        output.catch_up(&self.gathered);
        output.to.write_all(line)
    }
}

impl Output {
    /// Writes what is gathered so far.
    fn catch_up(&mut self, gathered: &Mutex<Gathered>) {
        std::mem::swap(&mut locked(gathered).bytes, &mut self.spare);
        let mut rest = &self.spare[..];
        while !rest.is_empty() {
            let (lines, further) = rest.split_at(whole_lines(rest));
            // Whoever reads it may be gone; there is nowhere to say so.
            let _ = self.to.write_all(lines);
            rest = further;
        }
        self.spare.clear();
        self.spare.shrink_to(2 * ENOUGH_BYTES);
    }
}

/// The length of as many whole lines as are written at a time: at least one.
fn whole_lines(lines: &[u8]) -> usize {
    let Some(head) = lines.get(..PIPE_BUF) else { return lines.len() };
    match memchr::memrchr(b'\n', head) {
        Some(end) => end + 1,
        None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
    }
}

/// A lock whose holder has panicked is taken all the same: what it guards is whole after each step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes one line.
pub(super) struct LineWriter<'a> {
    shared: &'a Shared,
    now: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter { shared: &self.0.0, now: true }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter<'a> {
        LineWriter { shared: &self.0.0, now: metadata.target() != TARGET }
    }
}

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.now {
            self.shared.write_now(line)?;
        } else {
            self.shared.gather(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
