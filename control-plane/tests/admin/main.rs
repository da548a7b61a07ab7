//! The admin API from outside: a control plane in this process, called by a gRPC client over a real socket.
#![expect(clippy::unwrap_used, reason = "tests say so where something is not as it should be")]

mod access;
mod batches;
mod disk;
mod endpoint_tokens;
mod faults;
mod filters;
mod harness;
mod imports;
mod lists;
mod manifests;
mod owners;
mod requests;
mod resources;
mod rules;
mod running;
mod secrets;
mod updates;
