//! For fuzz targets: what reads the bodies of requests.

use crate::results;

/// A byte that chooses references, and a JSON document.
///
/// # Panics
///
/// Where what we read is not what the rules say.
pub fn json(data: &[u8]) {
    results::check_json(data);
}
