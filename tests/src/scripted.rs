//! A flow endpoint that misbehaves, byte by byte.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_util::task::AbortOnDropHandle;

use crate::soon;

/// What a scripted endpoint does with a connection once it has read the head of a request.
#[derive(Clone, Debug)]
pub enum Script {
    /// Writes these bytes and closes.
    WriteAndClose(Vec<u8>),
    /// Writes these bytes and keeps the connection open, saying nothing more.
    WriteAndHang(Vec<u8>),
    /// Closes at once, before it reads anything.
    CloseAtOnce,
}

/// A running scripted endpoint. It stops when it is dropped.
#[derive(Debug)]
pub struct Scripted {
    addr: SocketAddr,
    heads: mpsc::UnboundedReceiver<()>,
    _server: AbortOnDropHandle<()>,
}

impl Scripted {
    /// Starts one that plays `script` on each connection.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let addr = listener.local_addr().expect("a bound port");
        let (sender, heads) = mpsc::unbounded_channel();
        let server = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(play(stream, script.clone(), sender.clone()));
            }
        });
        Self { addr, heads, _server: AbortOnDropHandle::new(server) }
    }

    /// Its URL for this path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// Waits until it has read the head of one more request.
    pub async fn reached(&mut self) {
        soon("a request at the scripted endpoint", self.heads.recv()).await.expect("a running endpoint");
    }
}

async fn play(
    mut stream: TcpStream,
    script: Script,
    heads: mpsc::UnboundedSender<()>,
) -> std::io::Result<()> {
    if !matches!(script, Script::CloseAtOnce) {
        read_head(&mut stream).await?;
        // The test may be over.
        let _ = heads.send(());
    }
    match script {
        Script::CloseAtOnce => Ok(()),
        Script::WriteAndClose(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
            // What is still unread would turn the close into a reset, which could overtake what was written.
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            Ok(())
        }
        Script::WriteAndHang(bytes) => {
            stream.write_all(&bytes).await?;
            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
            std::future::pending().await
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    Ok(())
}
