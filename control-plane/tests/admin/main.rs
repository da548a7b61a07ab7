//! The admin API from outside: a control plane in this process, called by a gRPC client over a real socket.
#![expect(clippy::unwrap_used, reason = "tests say so where something is not as it should be")]

mod access;
mod audit;
mod batches;
mod disk;
mod endpoint_tokens;
mod every_rpc;
mod faults;
mod filters;
mod harness;
mod imports;
mod large;
mod lists;
mod lookup;
mod manifests;
mod owners;
mod pause;
mod reach;
mod requests;
mod resources;
mod revisions;
mod rotation;
mod rules;
mod running;
mod secrets;
mod updates;
mod writes;
