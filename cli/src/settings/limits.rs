//! Times and sizes of an edge.

use std::time::Duration;

use clap::Args;
use pointsman_edge::config::Limits;

use super::units;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitSettings {
    /// For connecting to a flow endpoint.
    #[arg(long, env = "POINTSMAN_UPSTREAM_CONNECT_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "2s")]
    upstream_connect_timeout: Duration,
    /// For the head of a flow endpoint's response, where the flow sets no timeout of its own.
    #[arg(long, env = "POINTSMAN_UPSTREAM_HEAD_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "30s")]
    upstream_head_timeout: Duration,
    /// Between two bytes of a flow endpoint's response.
    #[arg(long, env = "POINTSMAN_UPSTREAM_IDLE_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "30s")]
    upstream_idle_timeout: Duration,
    /// How long an unused connection to a flow endpoint is kept.
    #[arg(long, env = "POINTSMAN_UPSTREAM_KEEPALIVE", value_name = "DURATION", value_parser = units::duration, default_value = "15s")]
    upstream_keepalive: Duration,
    /// For the head of a request.
    #[arg(long, env = "POINTSMAN_CLIENT_HEAD_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "10s")]
    client_head_timeout: Duration,
    /// For a whole request, head and body.
    #[arg(long, env = "POINTSMAN_CLIENT_REQUEST_TIMEOUT", value_name = "DURATION", value_parser = units::duration, default_value = "60s")]
    client_request_timeout: Duration,
    /// How long an unused connection of a client is kept.
    #[arg(long, env = "POINTSMAN_CLIENT_KEEPALIVE", value_name = "DURATION", value_parser = units::duration, default_value = "60s")]
    client_keepalive: Duration,
    /// The header block of a request.
    #[arg(long, env = "POINTSMAN_HEADER_LIMIT", value_name = "SIZE", value_parser = units::size, default_value = "64KiB")]
    header_limit: usize,
    /// Connections of clients at a time.
    #[arg(long, env = "POINTSMAN_CONNECTIONS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..), default_value = "10000")]
    connections: u32,
    /// Requests in flight per deployment.
    #[arg(long, env = "POINTSMAN_DEPLOYMENT_REQUESTS", value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..), default_value = "512")]
    deployment_requests: u32,
    /// Buffered bodies altogether, by bytes received. One endpoint takes at most a quarter of it.
    #[arg(long, env = "POINTSMAN_BODY_MEMORY", value_name = "SIZE", value_parser = units::size, default_value = "256MiB")]
    body_memory: usize,
    /// How long requests under way may take to finish when the edge stops.
    #[arg(long, env = "POINTSMAN_DRAIN", value_name = "DURATION", value_parser = units::duration_or_zero, default_value = "30s")]
    drain: Duration,
}

impl LimitSettings {
    pub(crate) fn write(&self, limits: &mut Limits) {
        limits.upstream_connect = self.upstream_connect_timeout;
        limits.upstream_head = self.upstream_head_timeout;
        limits.upstream_idle = self.upstream_idle_timeout;
        limits.upstream_keepalive = self.upstream_keepalive;
        limits.client_head = self.client_head_timeout;
        limits.client_request = self.client_request_timeout;
        limits.client_keepalive = self.client_keepalive;
        limits.header_bytes = self.header_limit;
        limits.connections = count(self.connections);
        limits.deployment_requests = count(self.deployment_requests);
        limits.body_memory_bytes = self.body_memory;
        limits.drain = self.drain;
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
