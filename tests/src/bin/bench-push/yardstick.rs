//! What the machine can do: the disk's fsyncs, and a round trip over loopback.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Of each.
const ROUNDS: usize = 1_000;

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Yardsticks {
    /// One write of 4 KiB that is durable.
    pub(crate) fsync: Duration,
    /// 64 bytes there and back.
    pub(crate) round_trip: Duration,
}

pub(crate) async fn measure(folder: &Path) -> Yardsticks {
    let file = folder.join("fsync");
    let fsync = tokio::task::spawn_blocking(move || fsync(&file)).await.expect("fsyncs");
    Yardsticks { fsync, round_trip: round_trip().await }
}

fn fsync(path: &Path) -> Duration {
    let mut file = File::create(path).expect("a file");
    let started = Instant::now();
    for _ in 0..ROUNDS {
        file.write_all(&[1; 4096]).and_then(|()| file.sync_data()).expect("a durable write");
    }
    each(started)
}

async fn round_trip() -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("a bound port");
    let echo = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let _ = stream.set_nodelay(true);
        let mut bytes = [0; 64];
        while stream.read_exact(&mut bytes).await.is_ok() && stream.write_all(&bytes).await.is_ok() {}
    });
    let mut stream = TcpStream::connect(addr).await.expect("a connection");
    stream.set_nodelay(true).expect("a setting");
    let mut bytes = [0; 64];
    let started = Instant::now();
    for _ in 0..ROUNDS {
        stream.write_all(&bytes).await.expect("bytes go out");
        stream.read_exact(&mut bytes).await.expect("bytes come back");
    }
    let took = each(started);
    echo.abort();
    took
}

fn each(started: Instant) -> Duration {
    started.elapsed() / u32::try_from(ROUNDS).expect("a small number")
}
