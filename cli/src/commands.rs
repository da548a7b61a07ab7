//! The commands, one module for each.

use std::{io, net::SocketAddr, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    addresses::AddressesFileError, demo::DemoError, manifest::ManifestError,
    settings::admin::AdminConnectError,
};

mod apply;
mod control_plane;
mod demo;
mod edge;
mod edges;
mod export;
mod get;
mod receive;
mod resource;
pub(crate) mod serve;
mod test;
mod up;

/// Pointsman: one webhook URL for all of your customers; each webhook goes to the right customer's right flow.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, max_term_width = 110)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// See the main job: two customers' webhooks, one URL, each to its own flow.
    Demo(demo::Demo),
    /// Run a control plane and an edge in one process.
    Up(up::Up),
    /// Run a control plane alone.
    ControlPlane(control_plane::ControlPlane),
    /// Run an edge alone.
    Edge(edge::Edge),
    /// Create and update resources from files.
    Apply(apply::Apply),
    /// Print the whole configuration, as `apply` takes it.
    Export(export::Export),
    /// Show a resource or a collection.
    Get(get::Get),
    /// Show what an endpoint would do with a request, without sending it on.
    Test(test::Test),
    /// Show the edges.
    Edges(edges::Edges),
    /// Play a flow endpoint: take webhooks, answer 200, print where they came for.
    Receive(receive::Receive),
}

impl Cli {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> Result<End, Failure> {
        match self.command {
            Command::Demo(demo) => demo.run(),
            Command::Up(up) => Ok(up.run()?),
            Command::ControlPlane(control_plane) => Ok(control_plane.run()?),
            Command::Edge(edge) => Ok(edge.run()?),
            Command::Apply(apply) => call(apply.run()),
            Command::Export(export) => call(export.run()),
            Command::Get(get) => call(get.run()),
            Command::Test(test) => call(test.run()),
            Command::Edges(edges) => call(edges.run()),
            Command::Receive(receive) => call(receive.run()),
        }
    }
}

/// Runs a command that calls the control plane.
fn call(command: impl Future<Output = Result<End, Failure>>) -> Result<End, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// How a command ends that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Fine,
    /// `test`: the request would be refused.
    NoRoute,
    /// `apply --wait`: the change was made, and not every edge serves it yet.
    NotServed,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Fine => 0,
            End::NoRoute => 4,
            End::NotServed => 5,
        })
    }
}

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
            Self::Connect(AdminConnectError::Connect(ConnectError::Unreachable { .. }))
            | Self::Call(AdminError::Unreachable { .. }) => Some(
                "is it running? start one with `pointsman up --data DIR`, or name another with --server URL",
            ),
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
