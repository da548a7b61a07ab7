//! The control plane: the gRPC server that admins and edges talk to. Keeps everything in SQLite.
//!
//! A change's way: `grpc` converts and collects all violations → `registry` (one transaction: preconditions, rows,
//! change log, revision) → commit → a `watch` channel → `publisher`: each edge's stream reads the changes since its
//! last acknowledged revision → the edge acknowledges → `fleet`.
//!
//! `store` holds the only SQL.

pub mod app;
pub mod config;
pub mod domain;
pub mod fleet;
pub mod grpc;
pub mod publisher;
pub mod registry;
pub mod store;
pub mod test_endpoint;
#[cfg(test)]
mod testkit;

pub use app::{App, BuildError, Running};
pub use config::{Config, PreprocessCaller, PublicUrl};
