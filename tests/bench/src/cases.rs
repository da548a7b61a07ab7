//! The cases: which bodies, over how many connections.

use std::fmt;

use crate::{
    args::Args,
    webhooks::{Format, Placement},
};

/// Connections where answers are only checked.
const CHECKED: usize = 4;

/// All contestants that take part get the same webhooks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Case {
    pub(crate) format: Format,
    pub(crate) tls: bool,
    /// The length of a body.
    pub(crate) bytes: usize,
    pub(crate) placement: Placement,
    pub(crate) connections: usize,
}

impl Case {
    /// Those that the flags ask for. By default the whole of what the goals are about, and of the rest one thing at a time:
    /// the sizes and placements over 32 connections, 256 connections with fields that are early; XML and TLS at 0.5 and
    /// 64 KB. With `--all` every combination; a check takes them too, and knows nothing of connections.
    pub(crate) fn chosen(args: &Args) -> Vec<Self> {
        let all = args.all || args.check;
        let connections = if args.check { vec![CHECKED] } else { args.connections.clone() };
        let mut cases = Vec::new();
        for (format, tls) in [(Format::Json, false), (Format::Xml, false), (Format::Json, true)] {
            for bytes in args.bytes() {
                for placement in args.placements.clone() {
                    for connections in connections.clone() {
                        let case = Self { format, tls, bytes, placement, connections };
                        if case.is_meaningful() && (all || case.is_usual()) && args.takes(&case) {
                            cases.push(case);
                        }
                    }
                }
            }
        }
        cases
    }

    pub(crate) fn is_plain_json(&self) -> bool {
        self.format == Format::Json && !self.tls
    }

    /// Whether latencies at a fixed rate are measured too.
    pub(crate) fn is_main(&self) -> bool {
        (self.bytes == 512 || self.bytes == 64 * 1024)
            && self.connections <= 32
            && self.placement == Placement::Early
    }

    fn is_meaningful(&self) -> bool {
        match (self.format, self.tls) {
            // XML has no escapes in names.
            (Format::Xml, _) => self.placement != Placement::Escaped,
            (Format::Json, true) => self.placement == Placement::Early,
            (Format::Json, false) => true,
        }
    }

    fn is_usual(&self) -> bool {
        let main = self.bytes == 512 || self.bytes == 64 * 1024;
        let early = self.placement == Placement::Early;
        if self.is_plain_json() {
            (main || early) && (self.connections <= 32 || main && early)
        } else {
            main && self.connections <= 32 && early
        }
    }
}

/// A length as people write it.
pub(crate) fn size(bytes: usize) -> String {
    match bytes {
        512 => "0.5 KB".to_owned(),
        _ if bytes >= 1024 * 1024 => format!("{} MB", bytes / 1024 / 1024),
        _ => format!("{} KB", bytes / 1024),
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tls = if self.tls { " over TLS" } else { "" };
        let Self { format, placement, connections, .. } = self;
        write!(f, "{} {format}{tls}, fields {placement}, {connections} connections", size(self.bytes))
    }
}
