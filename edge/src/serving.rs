//! What the edge serves right now: one table, swapped whole, pinned by each request for its whole life.

use std::sync::Arc;

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
