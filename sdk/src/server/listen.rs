//! Where a server listens.

use std::{
    fmt, fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    str::FromStr,
};

use tokio::net::{TcpListener, UnixListener, UnixStream};

/// An address to listen on: `127.0.0.1:50061` (port 0 works) or `unix:/path/to/socket`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Listen {
    /// The address as an integration's `preprocess.address` wants it: `http://127.0.0.1:50061` or `unix:/path`.
    #[must_use]
    pub fn url(&self) -> String {
        match self {
            Self::Tcp(address) => format!("http://{address}"),
            Self::Unix(_) => self.to_string(),
        }
    }
}

impl FromStr for Listen {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let malformed = || ListenError::Malformed { address: text.to_owned() };
        match text.strip_prefix("unix:") {
            Some(path) if Path::new(path).is_absolute() => Ok(Self::Unix(PathBuf::from(path))),
            Some(_) => Err(malformed()),
            None => text.parse().map(Self::Tcp).map_err(|_| malformed()),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// It is not one.
    #[error("{address:?} is not an address to listen on: 127.0.0.1:50061 or unix:/path/to/socket")]
    Malformed {
        /// What was given.
        address: String,
    },
    /// Something is at the path that is no socket; it is left alone.
    #[error("cannot listen on unix:{}: there is a file that is not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Another server answers at the path.
    #[error("cannot listen on unix:{}: another server listens there", path.display())]
    Taken {
        /// The path.
        path: PathBuf,
    },
    /// The operating system refuses.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: Listen,
        /// Why not.
        source: io::Error,
    },
}

/// A bound address.
#[derive(Debug)]
pub(super) struct Listener {
    address: Listen,
    pub(super) socket: Socket,
    /// Removes the file of a Unix socket when the listener is dropped.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    pub(super) async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind { address: listen.clone(), source };
        match listen {
            Listen::Tcp(address) => {
                let listener = TcpListener::bind(address).await.map_err(failed)?;
                let address = Listen::Tcp(listener.local_addr().map_err(failed)?);
                Ok(Self { address, socket: Socket::Tcp(listener), _file: None })
            }
            Listen::Unix(path) => {
                remove_stale(path).await?;
                let listener = UnixListener::bind(path).map_err(failed)?;
                let file = SocketFile::new(path.clone()).map_err(failed)?;
                Ok(Self { address: listen.clone(), socket: Socket::Unix(listener), _file: Some(file) })
            }
        }
    }

    pub(super) fn address(&self) -> &Listen {
        &self.address
    }
}

/// A server that was killed leaves its socket's file behind, on which nobody can listen again.
async fn remove_stale(path: &Path) -> Result<(), ListenError> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(found) if !found.file_type().is_socket() => Err(ListenError::NotASocket { path: path.to_owned() }),
        Ok(_) => match UnixStream::connect(path).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // Where this fails, binding says why.
                let _ = fs::remove_file(path);
                Ok(())
            }
            _ => Err(ListenError::Taken { path: path.to_owned() }),
        },
    }
}

/// A Unix socket's file, removed at the end if it is still the one that was made.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn new(path: PathBuf) -> io::Result<Self> {
        let inode = inode(&path)?;
        Ok(Self { path, inode })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
