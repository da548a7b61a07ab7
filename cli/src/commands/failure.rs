//! Why a command failed, its exit code, and what to do about it.

use std::{io, net::SocketAddr, process::ExitCode};

use super::{secret_key::SecretKeyFailure, serve};
use crate::{
    addresses::AddressesFileError, demo::DemoError, manifest::ManifestError, profiles::ProfilesError,
    settings::admin::AdminConnectError,
};

mod hint;

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
    /// The profiles.
    #[error(transparent)]
    Profiles(#[from] ProfilesError),
    /// The control plane refused, or did not answer.
    #[error(transparent)]
    Call(#[from] pointsman_sdk::admin::AdminError),
    /// The control plane refused, after it had done a part of what was asked for.
    #[error("only a part was done: {error}")]
    Partly {
        /// Why the rest was not.
        error: pointsman_sdk::admin::AdminError,
    },
    /// The control plane refused, and the command knows better than others what to do about it.
    #[error("{error}")]
    Advised {
        /// What it said.
        error: pointsman_sdk::admin::AdminError,
        /// What to do.
        hint: String,
    },
    /// A file does not hold what it should.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file of rows begins with something else. Nothing was sent.
    #[error("{0}")]
    Rows(String),
    /// A file cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {file}: {source}")]
    Write {
        /// The file.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] pointsman_control_plane::BackupError),
    /// Nothing was restored.
    #[error(transparent)]
    Restore(#[from] pointsman_control_plane::RestoreError),
    /// The key that secrets are encrypted with is what it was.
    #[error(transparent)]
    SecretKey(#[from] SecretKeyFailure),
    /// No access token was made in the database.
    #[error(transparent)]
    Offline(#[from] pointsman_control_plane::grpc::access_token::OfflineError),
    /// The URL of something that has none.
    #[error("{name} has no webhook URL of its own")]
    NoUrl {
        /// The resource.
        name: String,
    },
    /// A person said no.
    #[error("not confirmed: nothing was changed")]
    Declined,
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

/// The exit code of a failure. docs/cli.md and `pointsman --help` tell them too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Whoever read our output has read enough.
    Fine = 0,
    /// It did not work.
    Failed = 1,
    /// It was asked for in the wrong way.
    Usage = 2,
    /// What was asked for is not accepted, and nothing was changed.
    Refused = 3,
    /// Whoever asks may not.
    NotAllowed = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Failure {
    /// Whether an import that ended so can go on later.
    pub(crate) fn may_be_resumed(&self) -> bool {
        match self {
            Self::Call(error) => {
                use pointsman_sdk::admin::AdminError;
                use tonic::Code;
                matches!(error, AdminError::Unreachable { .. } | AdminError::Timeout { .. })
                    || matches!(
                        error.code(),
                        Some(
                            Code::Unavailable
                                | Code::Cancelled
                                | Code::ResourceExhausted
                                | Code::Unauthenticated
                                | Code::DeadlineExceeded
                        )
                    )
            }
            _ => false,
        }
    }

    /// Its exit code.
    pub(crate) fn exit(&self) -> Exit {
        use pointsman_control_plane::{grpc::access_token::OfflineError, registry::Error};
        use pointsman_sdk::admin::ConnectError;
        use tonic::Code;
        match self {
            Self::Usage(_)
            | Self::Profiles(_)
            | Self::SecretKey(SecretKeyFailure::Settings(_))
            | Self::Serve(serve::ServeError::SecretKey(_))
            | Self::Connect(
                AdminConnectError::Profile(_)
                | AdminConnectError::Token(_)
                | AdminConnectError::Connect(
                    ConnectError::Address { .. }
                    | ConnectError::Token { .. }
                    | ConnectError::TokenInPlaintext { .. },
                ),
            ) => Exit::Usage,
            Self::Offline(OfflineError::Faulty(_) | OfflineError::Failed(Error::AccessToken(_)))
            | Self::Manifest(_)
            | Self::Rows(_) => Exit::Refused,
            Self::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Self::Call(error) | Self::Advised { error, .. } => match error.code() {
                Some(
                    Code::InvalidArgument
                    | Code::FailedPrecondition
                    | Code::AlreadyExists
                    | Code::Aborted
                    | Code::OutOfRange,
                ) => Exit::Refused,
                Some(Code::Unauthenticated | Code::PermissionDenied) => Exit::NotAllowed,
                _ => Exit::Failed,
            },
            _ => Exit::Failed,
        }
    }
}
