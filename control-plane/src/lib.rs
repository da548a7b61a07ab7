//! The control plane: the gRPC server that admins and edges talk to. Keeps everything in SQLite.
//!
//! A change's way: `grpc` converts and collects all violations → `registry` (one transaction: preconditions, rows,
//! change log, revision) → commit → a `watch` channel → `publisher`: each edge's stream reads the changes since its
//! last acknowledged revision → the edge acknowledges → `fleet`.
//!
//! The modules along it:
//!
//! 1. [`app`]: build, spawn, drain. [`config`]: what it can be told.
//! 2. [`grpc`]: the services, the conversions, and the one place where errors become statuses.
//! 3. [`registry`]: the rules for writing, resource by resource and across them.
//! 4. [`store`]: the database, and the only SQL.
//! 5. [`publisher`]: sends each commit to the edges. [`fleet`]: how they are doing.
//! 6. [`access`]: access tokens, and whom they let in.
//! 7. [`test_endpoint`]: what an endpoint would do with a request.
//!
//! [`domain`] holds the types that they speak of.

pub mod access;
pub mod app;
pub mod config;
pub mod domain;
pub mod fleet;
pub mod grpc;
mod labelled;
pub mod publisher;
pub mod registry;
pub mod store;
pub mod test_endpoint;
#[cfg(test)]
mod testkit;

pub use app::{App, BuildError, Running};
pub use config::{Config, PreprocessCaller, PublicUrl};
pub use store::{Backup, BackupError, CopyError, Existing, RestoreError, Restored, backup, restore};
