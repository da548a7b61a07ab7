//! The upstream of all contestants: reads a request whole, and answers with the path that it came to and the length of its
//! body. Where the request asks for it (`x-bench-digest`), also with a digest of the body.
//!
//! One thread and no allocation per request, so that little of a measurement is the upstream's.

use std::{
    error::Error,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsFd as _,
    path::PathBuf,
};

use clap::Parser;
use pointsman_bench::digest::Digest;
use rustix::{
    buffer::spare_capacity,
    event::epoll::{self, CreateFlags, EventData, EventFlags},
    io::Errno,
};

/// What is read at once.
const CHUNK: usize = 256 * 1024;
/// The longest head that is understood.
const HEAD: usize = 16 * 1024;
/// The epoll word of the listener; connections have their index.
const LISTENER: u64 = u64::MAX;

/// The upstream of all contestants.
#[derive(Parser)]
struct Flags {
    /// The port; 0 takes any.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The file that the bound port is written to.
    #[arg(long)]
    port_file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let listener = TcpListener::bind(("127.0.0.1", flags.port))?;
    listener.set_nonblocking(true)?;
    std::fs::write(&flags.port_file, listener.local_addr()?.port().to_string())?;
    serve(&listener)?;
    Ok(())
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut connections: Vec<Option<Connection>> = Vec::new();
    let mut events = Vec::with_capacity(1024);
    let mut chunk = vec![0; CHUNK];
    loop {
        match epoll::wait(&poll, spare_capacity(&mut events), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in events.drain(..) {
            if event.data.u64() == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    stream.set_nodelay(true)?;
                    let index = connections.iter().position(Option::is_none).unwrap_or(connections.len());
                    let data = EventData::new_u64(index as u64);
                    epoll::add(&poll, stream.as_fd(), data, EventFlags::IN | EventFlags::RDHUP)?;
                    let connection = Some(Connection::new(stream));
                    match connections.get_mut(index) {
                        Some(free) => *free = connection,
                        None => connections.push(connection),
                    }
                }
                continue;
            }
            let Some(slot) = connections.get_mut(event.data.u64() as usize) else { continue };
            // Dropped, it closes, and epoll forgets it.
            if slot.as_mut().is_some_and(|connection| connection.readable(&mut chunk).is_err()) {
                *slot = None;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// The part of a head that has come so far.
    head: Vec<u8>,
    body: Option<Body>,
    answer: Vec<u8>,
}

/// A request whose body is on its way.
struct Body {
    path: String,
    length: usize,
    left: usize,
    digest: Option<Digest>,
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        Self { stream, head: Vec::new(), body: None, answer: Vec::new() }
    }

    /// Reads once; epoll says so again where there is more. An error is the end of the connection.
    fn readable(&mut self, chunk: &mut [u8]) -> io::Result<()> {
        let read = match self.stream.read(chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut bytes = &chunk[..read];
        let joined;
        if !self.head.is_empty() {
            self.head.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.head);
            bytes = &joined;
        }
        while !bytes.is_empty() {
            let body = match &mut self.body {
                Some(body) => body,
                None => match Body::parse(bytes)? {
                    Some((body, head)) => {
                        bytes = &bytes[head..];
                        self.body.insert(body)
                    }
                    None if bytes.len() > HEAD => return Err(io::ErrorKind::InvalidData.into()),
                    None => {
                        self.head = bytes.to_vec();
                        return Ok(());
                    }
                },
            };
            let taken = body.left.min(bytes.len());
            body.take(&bytes[..taken]);
            bytes = &bytes[taken..];
            if body.left == 0 {
                body.answer(&mut self.answer)?;
                self.body = None;
                // It is short: a peer that reads its answers leaves room for it.
                self.stream.write_all(&self.answer)?;
            }
        }
        Ok(())
    }
}

impl Body {
    /// The request that starts here and the length of its head, once that is whole.
    fn parse(bytes: &[u8]) -> io::Result<Option<(Self, usize)>> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let status =
            request.parse(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let httparse::Status::Complete(head) = status else { return Ok(None) };
        let header = |name| request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        let length = match header("content-length") {
            Some(header) => {
                let text = std::str::from_utf8(header.value).ok();
                text.and_then(|text| text.parse().ok()).ok_or(io::ErrorKind::InvalidData)?
            }
            // A contestant that changes the framing is told so: nothing here expects it.
            None if header("transfer-encoding").is_some() => return Err(io::ErrorKind::InvalidData.into()),
            None => 0,
        };
        let digest = header("x-bench-digest").map(|_| Digest::default());
        let path = request.path.unwrap_or_default().to_owned();
        Ok(Some((Self { path, length, left: length, digest }, head)))
    }

    fn take(&mut self, bytes: &[u8]) {
        self.left -= bytes.len();
        if let Some(digest) = &mut self.digest {
            digest.add(bytes);
        }
    }

    fn answer(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let digest = self.digest.as_ref().map_or_else(String::new, |digest| format!(" {digest}"));
        let body = format!("{} {}{digest}", self.path, self.length);
        out.clear();
        write!(
            out,
            "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}
