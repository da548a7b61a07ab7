//! The key that seals page tokens, so that a token is only good for the list that it came from.

use std::fmt;

use rusqlite::Connection;

/// The database's secret for page tokens.
#[derive(Clone)]
pub struct PageKey([u8; PageKey::BYTES]);

impl PageKey {
    pub(super) const BYTES: usize = 32;

    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        connection.query_row("SELECT page_key FROM meta", [], |row| row.get(0).map(Self))
    }

    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn for_tests(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageKey(…)")
    }
}
