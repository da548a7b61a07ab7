//! Write a Preprocess service, or talk to the admin API.
//!
//! - [`Preprocessor`], [`Server`]: a Preprocess service.
//! - [`testkit`]: tests of a preprocessor from a JSON file.
//! - [`admin`]: a client of `pointsman.admin.v1`.

pub use async_trait::async_trait;

pub use self::{
    preprocessor::{FromFn, Preprocessor, from_fn},
    refusal::Refusal,
    request::{EndpointType, Request},
    results::{Results, ResultsError, Value},
    server::{BoundServer, Listen, ListenError, ServeError, Server},
};

pub mod admin;
mod cause;
mod code;
mod preprocessor;
mod refusal;
mod request;
mod results;
mod server;
pub mod testkit;
