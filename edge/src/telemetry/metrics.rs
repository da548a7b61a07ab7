//! The edge's metrics, all named `pointsman_edge_*`. Labels hold outcome codes, stages and other fixed words: never a
//! token, and no ids, so that the number of series does not grow with the configuration.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};

/// From half a millisecond to a minute, in seconds.
const BUCKETS_SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// All metrics of one edge. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    stages: Family<StageLabels, Histogram, fn() -> Histogram>,
    usual: Arc<Usual>,
    requests_in_flight: Gauge,
    connections: Gauge,
    connections_refused: Counter,
    body_memory: Gauge,
    upstream_errors: Family<ReasonLabels, Counter>,
    preprocess_calls: Family<CodeLabels, Counter>,
    preprocess_call: Histogram,
    config_revision: Gauge,
    config_resources: Gauge,
    config_rejections: Gauge,
    config_commits: Counter,
    config_connected: Gauge,
    config_held_back: Gauge,
    config_streams_ended: Family<ReasonLabels, Counter>,
    copy_generations: Gauge,
    copy_size: Gauge,
    copy_faults: Family<ReasonLabels, Counter>,
    dropped_lines: DroppedLines,
}

/// Lines of the access log that were dropped, since whoever reads them was too slow. Clones share the count.
#[derive(Clone, Debug, Default)]
pub struct DroppedLines(Counter);

impl DroppedLines {
    /// So many more.
    pub fn add(&self, lines: u64) {
        self.0.inc_by(lines);
    }
}

/// The series that nearly every request counts in, once they are there: found without a look among the others.
#[derive(Default)]
struct Usual {
    forwarded: OnceLock<Counter>,
    stages: [OnceLock<Histogram>; STAGES],
}

const STAGES: usize = Stage::total as usize + 1;

/// A stage of a request, in the order of its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "the label values are these names")]
pub enum Stage {
    /// From the request's head to the end of its body.
    receive,
    /// The call of the Preprocess service.
    preprocess,
    /// Reading the references and deciding.
    decide,
    /// From the decision to the head of the flow endpoint's response.
    upstream,
    /// The whole request, to the last byte of the response.
    total,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    outcome: &'static str,
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabels {
    stage: Stage,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

/// Counts as long as it lives: an open connection, a request in flight.
#[derive(Debug)]
#[must_use = "it counts as long as it lives"]
pub struct Occupied(Gauge);

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What happens to requests.
impl Metrics {
    /// A request has ended: with an outcome's code (`forwarded` where the flow's own answer went out), the status of the
    /// answer (0 where there was none), and the stages that it went through.
    pub fn request(
        &self,
        outcome: &'static str,
        status: u16,
        stages: impl IntoIterator<Item = (Stage, Duration)>,
    ) {
        let status = match status / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            5 => "5xx",
            _ => "none",
        };
        let requests = || self.requests.get_or_create(&RequestLabels { outcome, status });
        match (outcome, status) {
            ("forwarded", "2xx") => _ = self.usual.forwarded.get_or_init(|| requests().clone()).inc(),
            _ => _ = requests().inc(),
        }
        for (stage, time) in stages {
            let times = || self.stages.get_or_create(&StageLabels { stage }).clone();
            self.usual.stages[stage as usize].get_or_init(times).observe(time.as_secs_f64());
        }
    }

    /// A request is in flight as long as the answer lives.
    pub fn request_in_flight(&self) -> Occupied {
        occupy(&self.requests_in_flight)
    }

    /// A client's connection is open as long as the answer lives.
    pub fn connection(&self) -> Occupied {
        occupy(&self.connections)
    }

    /// A client's connection was closed at once, since there were too many.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// So many bytes of bodies are in memory now.
    pub fn set_body_memory(&self, bytes: usize) {
        self.body_memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// An exchange with a flow endpoint failed, or was tried again. `reason` is one of a few fixed words.
    pub fn upstream_error(&self, reason: &'static str) {
        self.upstream_errors.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// A Preprocess service was called; `code` is `ok` or an outcome's code.
    pub fn preprocess_call(&self, code: &'static str, time: Duration) {
        self.preprocess_calls.get_or_create(&CodeLabels { code }).inc();
        self.preprocess_call.observe(time.as_secs_f64());
    }
}

/// What happens to the configuration.
impl Metrics {
    /// A commit is served.
    pub fn config_committed(&self, revision: i64, resources: usize, rejections: usize) {
        self.config_commits.inc();
        self.config_restored(revision, resources, rejections);
    }

    /// What was on disk is served.
    pub fn config_restored(&self, revision: i64, resources: usize, rejections: usize) {
        self.config_revision.set(revision);
        self.config_resources.set(i64::try_from(resources).unwrap_or(i64::MAX));
        self.config_rejections.set(i64::try_from(rejections).unwrap_or(i64::MAX));
    }

    /// So many generations of the configuration are on disk, and take so many bytes.
    pub fn copy_kept(&self, generations: usize, bytes: u64) {
        self.copy_generations.set(i64::try_from(generations).unwrap_or(i64::MAX));
        self.copy_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// The disk could not be written or read as it should. `reason` is one of a few fixed words.
    pub fn copy_fault(&self, reason: &'static str) {
        self.copy_faults.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// The stream from the control plane is up, or not.
    pub fn set_config_connected(&self, connected: bool) {
        self.config_connected.set(connected.into());
    }

    /// A configuration was offered and is held back, or not.
    pub fn set_config_held_back(&self, held_back: bool) {
        self.config_held_back.set(held_back.into());
    }

    /// A stream from the control plane has ended. `reason` is one of a few fixed words.
    pub fn config_stream_ended(&self, reason: &'static str) {
        self.config_streams_ended.get_or_create(&ReasonLabels { reason }).inc();
    }
}

impl Metrics {
    /// All of them at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::with_dropped_lines(DroppedLines::default())
    }

    /// All of them at zero, but for the lines that were dropped already.
    #[must_use]
    pub fn with_dropped_lines(dropped_lines: DroppedLines) -> Self {
        let mut metrics = Self {
            registry: Arc::default(),
            requests: Family::default(),
            stages: Family::new_with_constructor(histogram),
            usual: Arc::default(),
            requests_in_flight: Gauge::default(),
            connections: Gauge::default(),
            connections_refused: Counter::default(),
            body_memory: Gauge::default(),
            upstream_errors: Family::default(),
            preprocess_calls: Family::default(),
            preprocess_call: histogram(),
            config_revision: Gauge::default(),
            config_resources: Gauge::default(),
            config_rejections: Gauge::default(),
            config_commits: Counter::default(),
            config_connected: Gauge::default(),
            config_held_back: Gauge::default(),
            config_streams_ended: Family::default(),
            copy_generations: Gauge::default(),
            copy_size: Gauge::default(),
            copy_faults: Family::default(),
            dropped_lines,
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    fn register(&self) -> Registry {
        let mut r = Registry::with_prefix("pointsman_edge");
        r.register("requests", "Webhooks by outcome and class of the answer's status", self.requests.clone());
        r.register_with_unit(
            "request_stage",
            "Time of each stage of a webhook",
            Unit::Seconds,
            self.stages.clone(),
        );
        r.register("requests_in_flight", "Webhooks that are being answered", self.requests_in_flight.clone());
        r.register("connections", "Open connections of clients", self.connections.clone());
        r.register(
            "connections_refused",
            "Connections closed at once because there were too many",
            self.connections_refused.clone(),
        );
        r.register_with_unit("body_memory", "Bodies held in memory", Unit::Bytes, self.body_memory.clone());
        r.register(
            "upstream_errors",
            "Failed or repeated exchanges with flow endpoints",
            self.upstream_errors.clone(),
        );
        r.register(
            "preprocess_calls",
            "Calls of Preprocess services by how they ended",
            self.preprocess_calls.clone(),
        );
        r.register_with_unit(
            "preprocess_call",
            "Time of a call of a Preprocess service",
            Unit::Seconds,
            self.preprocess_call.clone(),
        );
        r.register("config_revision", "The revision that is served", self.config_revision.clone());
        r.register("config_resources", "Resources that the edge holds", self.config_resources.clone());
        r.register(
            "config_rejections",
            "Resources that the edge holds and cannot use",
            self.config_rejections.clone(),
        );
        r.register("config_commits", "Commits taken in", self.config_commits.clone());
        r.register(
            "config_connected",
            "Whether the stream from the control plane is up",
            self.config_connected.clone(),
        );
        r.register(
            "config_held_back",
            "Whether a configuration is held back until an admin accepts it",
            self.config_held_back.clone(),
        );
        r.register(
            "config_streams_ended",
            "Streams from the control plane that ended",
            self.config_streams_ended.clone(),
        );
        r.register(
            "copy_generations",
            "Generations of the configuration on disk that hold all that is acknowledged",
            self.copy_generations.clone(),
        );
        r.register_with_unit("copy_size", "Their size on disk", Unit::Bytes, self.copy_size.clone());
        r.register("copy_faults", "Faults of the copy on disk", self.copy_faults.clone());
        r.register(
            "access_lines_dropped",
            "Lines of the access log that nobody took in time",
            self.dropped_lines.0.clone(),
        );
        r
    }

    /// All of them in the text format that Prometheus reads.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn histogram() -> Histogram {
    Histogram::new(BUCKETS_SECONDS)
}

fn occupy(gauge: &Gauge) -> Occupied {
    gauge.inc();
    Occupied(gauge.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_outcome_and_class() {
        let metrics = Metrics::new();
        metrics.request("forwarded", 204, [(Stage::decide, Duration::from_micros(7))]);
        metrics.request("forwarded", 200, []);
        metrics.request("customer_unknown", 422, []);
        metrics.request("client_closed", 0, []);
        let text = metrics.encode();
        for line in [
            r#"pointsman_edge_requests_total{outcome="forwarded",status="2xx"} 2"#,
            r#"pointsman_edge_requests_total{outcome="customer_unknown",status="4xx"} 1"#,
            r#"pointsman_edge_requests_total{outcome="client_closed",status="none"} 1"#,
            r#"pointsman_edge_request_stage_seconds_bucket{le="0.0005",stage="decide"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in:\n{text}");
        }
    }

    #[test]
    fn what_is_occupied_counts_as_long_as_it_lives() {
        let metrics = Metrics::new();
        let first = metrics.connection();
        let second = metrics.connection();
        assert!(metrics.encode().contains("pointsman_edge_connections 2\n"));
        drop(first);
        assert!(metrics.encode().contains("pointsman_edge_connections 1\n"));
        drop(second);
        assert!(metrics.encode().contains("pointsman_edge_connections 0\n"));
    }

    #[test]
    fn the_state_of_the_configuration_shows() {
        let metrics = Metrics::new();
        metrics.config_committed(7, 3, 1);
        metrics.set_config_connected(true);
        metrics.config_stream_ended("drift");
        let text = metrics.encode();
        for line in [
            "pointsman_edge_config_revision 7",
            "pointsman_edge_config_resources 3",
            "pointsman_edge_config_rejections 1",
            "pointsman_edge_config_commits_total 1",
            "pointsman_edge_config_connected 1",
            r#"pointsman_edge_config_streams_ended_total{reason="drift"} 1"#,
        ] {
            assert!(text.contains(line), "{line} in:\n{text}");
        }
    }

    #[test]
    fn all_of_them_are_documented() {
        let documented = include_str!("../../../docs/metrics.md");
        let text = Metrics::new().encode();
        let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        for (name, kind) in names {
            let name = if kind == "counter" { format!("{name}_total") } else { name.to_owned() };
            assert!(documented.contains(&format!("`{name}`")), "{name}");
        }
    }
}
