//! A connection together with what opens the secrets in what it reads.

use std::ops::Deref;

use rusqlite::Connection;

use super::secrets::Vault;

/// A connection, and the vault of its database.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Db<'c> {
    connection: &'c Connection,
    vault: &'c Vault,
}

impl<'c> Db<'c> {
    pub(super) fn new(connection: &'c Connection, vault: &'c Vault) -> Self {
        Self { connection, vault }
    }

    /// The connection, for statements that outlive this.
    pub(super) fn connection(&self) -> &'c Connection {
        self.connection
    }

    /// What seals and opens secrets.
    pub(super) fn vault(&self) -> &'c Vault {
        self.vault
    }
}

impl Deref for Db<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}
