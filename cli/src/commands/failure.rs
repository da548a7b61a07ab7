//! Why a command failed, its exit code, and what to do about it.

use std::{io, net::SocketAddr, process::ExitCode};

use super::serve;
use crate::{
    addresses::AddressesFileError, demo::DemoError, manifest::ManifestError,
    settings::admin::AdminConnectError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A server could not start, or stopped by itself.
    #[error(transparent)]
    Serve(#[from] serve::ServeError),
    /// The demo did not go as it should.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// A port cannot be bound.
    #[error("cannot listen on {listen}: {source}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// No connection to the control plane.
    #[error(transparent)]
    Connect(#[from] AdminConnectError),
    /// The control plane refused, or did not answer.
    #[error(transparent)]
    Call(#[from] pointsman_sdk::admin::AdminError),
    /// A file does not hold what it should.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The URL of something that has none.
    #[error("{name} has no webhook URL of its own")]
    NoUrl {
        /// The resource.
        name: String,
    },
    /// What was asked for cannot be.
    #[error("{0}")]
    Usage(String),
    /// The control plane answered something that this version does not understand.
    #[error("the control plane's answer cannot be used: {0}")]
    Answer(String),
    /// Standard output, or the runtime.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<AddressesFileError> for Failure {
    fn from(error: AddressesFileError) -> Self {
        Self::Serve(error.into())
    }
}

/// The exit code of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read our output has read enough.
    Fine = 0,
    /// It did not work.
    Failed = 1,
    /// It was asked for in the wrong way.
    Usage = 2,
    /// The configuration is not accepted.
    Refused = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// Its exit code.
    pub(crate) fn exit(&self) -> Exit {
        use tonic::Code;
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Manifest(_) => Exit::Refused,
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Self::Call(error) => match error.code() {
                Some(
                    Code::InvalidArgument
                    | Code::FailedPrecondition
                    | Code::AlreadyExists
                    | Code::Aborted
                    | Code::OutOfRange,
                ) => Exit::Refused,
                _ => Exit::Failed,
            },
            _ => Exit::Failed,
        }
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        use pointsman_control_plane::BuildError;
        use pointsman_sdk::admin::{AdminError, ConnectError};
        use serve::ServeError;
        use tonic::Code;
        match self {
            Self::Connect(AdminConnectError::Connect(ConnectError::Unreachable { reason, .. }))
            | Self::Call(AdminError::Unreachable { reason, .. }) => Some(unreachable(reason)),
            Self::Call(AdminError::Timeout { .. }) => Some("give it more time with --timeout DURATION"),
            Self::Call(error) => match error.code() {
                Some(Code::NotFound) => {
                    Some("`pointsman get integrations`, `get customers`, `get edges` list what there is")
                }
                Some(Code::Aborted) => Some("it was changed meanwhile; read it again and repeat"),
                Some(Code::Unimplemented) => {
                    Some("the control plane is older than this command, or not a control plane")
                }
                _ => None,
            },
            Self::Serve(ServeError::ControlPlane(BuildError::Plaintext(_))) => {
                Some("TLS takes --tls-cert and --tls-key; --admin-plaintext says that plaintext is meant")
            }
            Self::NoUrl { .. } => Some(
                "shared endpoints are at the integration, instance- and flow-specific ones at its deployments",
            ),
            Self::Manifest(_) => Some("nothing was sent; docs/manifest.md has all fields"),
            _ => None,
        }
    }
}

/// What may be wrong where no connection comes about. The reasons are the words of TLS and HTTP/2,
/// which of them also a matter of luck.
fn unreachable(reason: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if says(&["invalid peer certificate"]) {
        "name the CA of its certificate with --server-ca FILE, and the server as its certificate does"
    } else if says(&["corrupt message", "http2 error", "broken pipe", "reset"]) {
        "something else answers there: TLS takes https:// in --server URL, plaintext http://"
    } else {
        "is it running? start one with `pointsman up --data DIR`, or name another with --server URL"
    }
}
