//! The services. `tonic::Status` is spoken here and nowhere else.
//!
//! [`convert`] knows both the messages and the domain's types, `crud` is what the four services of resources have in
//! common, `status` is where every error of theirs becomes a status.

pub mod access;
pub mod access_token;
pub mod config;
pub mod convert;
pub mod edge;

mod accept;
mod audit;
mod call;
mod complete;
mod crud;
mod customer;
mod customer_mapping;
mod deployment;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod history;
mod import;
mod integration;
mod lookup;
mod manifest;
mod mapping_rows;
mod pause;
mod rotation;
mod status;
mod test_endpoint;

pub use access_token::AccessTokenService;
pub use audit::AuditService;
pub(crate) use complete::CompleteLayer;
pub use customer::CustomerService;
pub use customer_mapping::CustomerMappingService;
pub use deployment::DeploymentService;
pub use integration::IntegrationService;
pub use manifest::{MANIFEST_BYTES_MAX, ManifestService};
pub use status::error_reasons;
