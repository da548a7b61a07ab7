//! What an edge says of itself: [`Metrics`], and the [`StatusServer`] with health, readiness and metrics.

mod metrics;
mod status;

pub use self::{
    metrics::{DroppedLines, Metrics, Occupied, Stage},
    status::{Readiness, StatusServer},
};
