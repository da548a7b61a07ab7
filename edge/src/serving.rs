//! What the edge serves right now: one table, swapped whole, pinned by each request for its whole life.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use pointsman_routing::table::Table;

/// One state of the configuration, and what the control plane calls it.
#[derive(Clone, Debug, Default)]
pub struct Served {
    /// The configuration.
    pub table: Table,
    /// Its revision; 0 for none.
    pub revision: i64,
    /// The database that the revision counts in.
    pub epoch: String,
}

/// Where `sync` puts what is served now, and requests find it. Readers never wait.
pub type Serving = Arc<ArcSwap<Served>>;

/// Between two looks whether some request still sees what is served no more.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Lets what is served no more go, off the path of requests: the last one that sees it would have to free all of it.
pub(crate) async fn retire(served: Arc<Served>) {
    while Arc::strong_count(&served) > 1 {
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    // Lost where the edge stops, and then it goes anyway.
    let _ = tokio::task::spawn_blocking(move || drop(served)).await;
}
