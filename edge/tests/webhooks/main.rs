//! The edge's webhook port from outside: raw sockets as senders, flow endpoints that do what a test says byte by byte,
//! and a table that is built here, without a control plane.

#![expect(clippy::unwrap_used, reason = "a test that meets what it did not expect has failed")]

mod answers;
mod bodies;
mod bounds;
mod connections;
mod forwarding;
mod harness;
mod heads;
mod http2;
mod retries;
mod tls;
