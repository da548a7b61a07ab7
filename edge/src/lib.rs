//! The edge: takes webhooks, decides whose they are, forwards them.
//!
//! [`App::build`] binds the status port and returns; the webhook port is bound once a configuration is there.
//!
//! A webhook's way: `listener` judges the head → `ingress` pins the current table → endpoint by token → limits → body →
//! preprocess → results → `decide` → `forward` → the response streams back → one access line.
//! A change's way: `sync` receives chunks → converts → swaps the table once per commit → acknowledges.
//!
//! Around them: [`serving`] is what is served now, [`egress`] resolves and judges all that is dialled, [`preprocess`]
//! calls Preprocess services, [`telemetry`] is the status port with health, readiness and metrics, [`access`] writes
//! the access line, and [`app`] puts all of it together and ends it in order.

pub mod access;
pub mod address;
mod answer;
pub mod app;
pub mod config;
mod conn;
mod copy;
pub mod egress;
pub mod execution;
mod forward;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod ingress;
pub mod listener;
pub mod preprocess;
mod rejection;
mod request;
pub mod serving;
mod sync;
pub mod telemetry;
pub mod tls;
mod within;

pub use app::{App, BuildError, Running};
pub use config::Config;
