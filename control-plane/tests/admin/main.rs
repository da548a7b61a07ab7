//! The admin API from outside: a control plane in this process, called by a gRPC client over a real socket.

mod faults;
mod harness;
mod lists;
mod manifests;
mod resources;
mod rules;
mod running;
mod updates;
