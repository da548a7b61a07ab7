//! What lies between an edge and its control plane: it forwards, or silently stops forwarding.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the control plane to the edge.
    ToEdge,
    /// From the edge to the control plane.
    ToControlPlane,
}

/// The connections through the gate so far that it has stopped forwarding, and which ways of them.
#[derive(Clone, Debug, Default)]
struct Stopped {
    connections: usize,
    ways: Vec<Way>,
}

/// A proxy on a port of its own. Stops when it is dropped.
pub(crate) struct Gate {
    addr: String,
    taken: watch::Receiver<usize>,
    stopped: watch::Sender<Stopped>,
    _server: AbortOnDropHandle<()>,
}

impl Gate {
    /// One to this address.
    pub(crate) async fn to(control_plane: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let addr = listener.local_addr().expect("its address").to_string();
        let (count, taken) = watch::channel(0);
        let stopped = watch::Sender::new(Stopped::default());
        let stops = stopped.clone();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((edge, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                let (number, control_plane, stops) = (*count.borrow(), control_plane.clone(), stops.clone());
                connections.spawn(async move { join(edge, &control_plane, number, &stops).await });
            }
        });
        Self { addr, taken, stopped, _server: AbortOnDropHandle::new(server) }
    }

    /// Where edges connect.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Stops forwarding on the connections that are there; later ones are fine. Nobody is told.
    pub(crate) fn stall(&self, ways: &[Way]) {
        let connections = *self.taken.borrow();
        self.stopped.send_replace(Stopped { connections, ways: ways.to_vec() });
    }
}

async fn join(edge: TcpStream, control_plane: &str, number: usize, stops: &watch::Sender<Stopped>) {
    let Ok(control_plane) = TcpStream::connect(control_plane).await else { return };
    let ((from_edge, to_edge), (from_control_plane, to_control_plane)) =
        (edge.into_split(), control_plane.into_split());
    let up = forward(from_edge, to_control_plane, stops.subscribe(), number, Way::ToControlPlane);
    let down = forward(from_control_plane, to_edge, stops.subscribe(), number, Way::ToEdge);
    let _ = tokio::join!(up, down);
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut stops: watch::Receiver<Stopped>,
    number: usize,
    way: Way,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 * 1024];
    let stalled = |stopped: &Stopped| number <= stopped.connections && stopped.ways.contains(&way);
    loop {
        let read = tokio::select! {
            biased;
            stopped = async { stops.wait_for(stalled).await.is_ok() } => if stopped { None } else { Some(0) },
            read = from.read(&mut bytes) => Some(read?),
        };
        match read {
            // Held, and neither read nor closed.
            None => std::future::pending().await,
            Some(0) => return to.shutdown().await,
            Some(read) => to.write_all(&bytes[..read]).await?,
        }
    }
}
