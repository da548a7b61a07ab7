//! What the programs of the benchmark agree on.
//!
//! - [`customers`]: whose webhooks there are, and where each belongs.
//! - [`digest`]: whether a body arrived byte for byte.

pub mod customers;
pub mod digest;
