//! Fuzz targets: each takes any bytes, as a sender, an admin, a file or a control plane could hand them in, and panics
//! where what must hold of them does not.
//!
//! `corpus/` keeps inputs for each: `cargo test` runs them all. `.ci/fuzz <target> <seconds>` looks for new ones.

use std::fmt;

mod targets;

/// A fuzz target.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub name: &'static str,
    /// Runs it on one input.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "names", run: targets::names },
    Target { name: "references", run: targets::references },
    Target { name: "json", run: targets::json },
    Target { name: "page_tokens", run: targets::page_tokens },
    Target { name: "filters", run: targets::filters },
    Target { name: "manifests", run: targets::manifests },
    Target { name: "admin_resources", run: targets::admin_resources },
    Target { name: "update_masks", run: targets::update_masks },
    Target { name: "admin_requests", run: targets::admin_requests },
    Target { name: "edge_resources", run: targets::edge_resources },
    Target { name: "preprocess_replies", run: targets::preprocess_replies },
    Target { name: "edge_copies", run: targets::edge_copies },
    Target { name: "config_streams", run: targets::config_streams },
    Target { name: "request_heads", run: targets::request_heads },
];

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        TARGETS.iter().find(|target| target.name == name).copied()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
