//! One request's way: table → endpoint → limits → body → preprocess → decision → forward → the answer streams back.

use std::fmt;

use crate::{
    config::Config, egress::Egress, preprocess::PreprocessClient, serving::Serving, telemetry::Metrics,
};

/// Answers webhooks.
pub struct Ingress {}

impl Ingress {
    /// One that serves what `serving` holds. Needs a runtime: it keeps connections to flow endpoints.
    pub fn new(
        config: &Config,
        serving: Serving,
        egress: Egress,
        preprocess: PreprocessClient,
        metrics: Metrics,
    ) -> Result<Self, crate::tls::TlsError> {
        todo!("{config:?} {egress:?} {preprocess:?} {metrics:?} {}", serving.load().revision)
    }
}

impl fmt::Debug for Ingress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingress").finish_non_exhaustive()
    }
}
