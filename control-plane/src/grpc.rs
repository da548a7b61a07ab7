//! The services. `tonic::Status` is spoken here and nowhere else.

pub mod config;
pub mod convert;
pub mod edge;
