//! The services. `tonic::Status` is spoken here and nowhere else.

pub mod convert;
