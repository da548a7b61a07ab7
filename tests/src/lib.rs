//! What the tests of the whole stand on.
//!
//! - [`sandbox`]: a control plane and an edge in this process, joined by real sockets on free ports.
//! - [`receiver`]: a flow endpoint that records what reaches it.
//! - [`scripted`]: a flow endpoint that misbehaves, byte by byte.
//! - [`preprocess`]: a Preprocess service that does what a test says.
//! - [`frames`]: HTTP/2 frame by frame.
//! - [`stand`]: a sandbox with an endpoint whose bodies stay in memory and one whose bodies stream.
//! - [`wire`]: both sides of the edge, written and read by hand.
//! - [`sender`]: a third party: webhooks over HTTP/1.1 and HTTP/2, well-formed or written by hand.
//! - [`acme`]: the tutorial's scenario: its payloads and its configuration.
//!
//! Nothing here waits for a time to pass: tests wait for an acknowledged revision, a received request, an end of a
//! connection. [`PATIENCE`] only bounds how long a broken test can hang.

use std::time::Duration;

pub mod acme;
pub mod frames;
pub mod preprocess;
pub mod receiver;
pub mod sandbox;
pub mod scripted;
pub mod sender;
pub mod stand;
pub mod wire;

/// How long a test waits for something that must happen before it fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for something that must happen, and panics, saying what, where it does not.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}
