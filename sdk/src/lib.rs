//! Write a Preprocess service, or talk to the admin API.
//!
//! - [`admin`]: a client of `pointsman.admin.v1`.

pub mod admin;
mod code;
