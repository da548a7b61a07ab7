//! Who takes part, in which cases, and where its webhooks go.

use std::fmt;

use clap::ValueEnum;
use pointsman_bench::customers::{Customer, Flow};

use crate::{
    cases::Case,
    load::Route,
    webhooks::{Format, Placement},
};

/// Bodies up to here fit into the buffers of the smaller HAProxy.
const SMALL: usize = 64 * 1024;

/// One way to get a webhook to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Contestant {
    /// nginx, which looks into nothing: the yardstick.
    Nginx,
    /// nginx that routes in Lua, with cjson.
    NginxLua,
    /// nginx that routes in JavaScript.
    NginxNjs,
    /// HAProxy that routes with `json_query`.
    Haproxy,
    /// Node.js with fastify and undici.
    Fastify,
    /// Rust with axum and `serde_json`.
    Axum,
    /// An edge, flow-specific endpoint: it looks into nothing.
    PassThrough,
    /// An edge, shared endpoint: references, the mapping table and a value table.
    References,
    /// An edge that asks a Preprocess service over TCP.
    PreprocessTcp,
    /// An edge that asks a Preprocess service over a Unix socket.
    PreprocessUnix,
}

/// A process that takes webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Server {
    Nginx,
    NginxLua,
    NginxNjs,
    /// With buffers for 64 KB.
    Haproxy,
    /// With buffers for 1 MB, which would cost the small bodies something.
    HaproxyLarge,
    Fastify,
    Axum,
    Edge,
    EdgeTls,
}

impl Contestant {
    /// The yardstick.
    pub(crate) const BASE: Self = Self::Nginx;

    /// Whether it takes part: the others route JSON over plain connections only.
    pub(crate) fn plays(self, case: &Case) -> bool {
        match self {
            Self::Nginx | Self::References => true,
            Self::PreprocessTcp | Self::PreprocessUnix => {
                case.is_plain_json() && case.placement == Placement::Early
            }
            _ => case.is_plain_json(),
        }
    }

    /// The process that stands for it in a case.
    pub(crate) fn server(self, case: &Case) -> Server {
        match self {
            Self::Nginx => Server::Nginx,
            Self::NginxLua => Server::NginxLua,
            Self::NginxNjs => Server::NginxNjs,
            Self::Haproxy if case.bytes <= SMALL => Server::Haproxy,
            Self::Haproxy => Server::HaproxyLarge,
            Self::Fastify => Server::Fastify,
            Self::Axum => Server::Axum,
            _ if case.tls => Server::EdgeTls,
            _ => Server::Edge,
        }
    }

    /// The integration whose endpoint is called. Contestants that have no integrations ignore the name.
    pub(crate) fn integration(self, case: &Case) -> &'static str {
        match self {
            Self::Nginx | Self::PassThrough => "pass-through",
            Self::PreprocessTcp => "preprocess-tcp",
            Self::PreprocessUnix => "preprocess-unix",
            _ if case.format == Format::Xml => "references-xml",
            _ => "references",
        }
    }

    /// Where its webhooks belong.
    pub(crate) fn route(self) -> Route {
        match self {
            Self::Nginx | Self::PassThrough => Route::Fixed(pass_to()),
            _ => Route::Routed,
        }
    }

    /// Whether it looks into a body.
    pub(crate) fn routes(self) -> bool {
        !matches!(self, Self::Nginx | Self::PassThrough)
    }

    /// Whether it is an edge.
    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::PassThrough | Self::References | Self::PreprocessTcp | Self::PreprocessUnix)
    }
}

/// The path of an integration's endpoint; the token is as long as real ones at least have to be.
pub(crate) fn hook(integration: &str) -> String {
    format!("/hooks/{}", token(integration))
}

pub(crate) fn token(integration: &str) -> String {
    format!("{integration}-0123456789abcdef")
}

/// Where those who look into nothing pass everything.
pub(crate) fn pass_to() -> String {
    Customer(0).path(Flow::UpdateInventory)
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nginx => "nginx, pass-through",
            Self::NginxLua => "nginx + Lua",
            Self::NginxNjs => "nginx + njs",
            Self::Haproxy => "HAProxy json_query",
            Self::Fastify => "fastify + undici",
            Self::Axum => "axum + serde_json",
            Self::PassThrough => "Pointsman, pass-through",
            Self::References => "Pointsman, references",
            Self::PreprocessTcp => "Pointsman, Preprocess (TCP)",
            Self::PreprocessUnix => "Pointsman, Preprocess (Unix socket)",
        })
    }
}
