//! Where the edge may dial. Names are resolved here, every address is judged after that, and callers dial the addresses
//! that they are given and no others.

mod names;
mod rules;

use std::{
    collections::BTreeSet,
    fmt,
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Arc, PoisonError, RwLock},
};

pub use rules::Forbidden;

use self::names::{Names, SystemNames};
use crate::config;

/// The egress rules and the resolver behind them. Clones share both.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    policy: config::Egress,
    own_listeners: RwLock<BTreeSet<SocketAddr>>,
    names: Names,
}

/// Why there is nothing to dial. For logs: it holds addresses that a sender must not see.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The name has no address.
    #[error("{host} has no address")]
    NoAddress {
        /// The name.
        host: Box<str>,
    },
    /// The name could not be resolved, and no earlier answer is left.
    #[error("{host} could not be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: Box<str>,
        /// What the resolver says.
        reason: Box<str>,
    },
    /// None of the addresses may be dialled.
    #[error("{address}, an address of {host}, may not be dialled: it is {reason}")]
    Forbidden {
        /// The name or address that was asked for.
        host: Box<str>,
        /// The first of its addresses.
        address: SocketAddr,
        /// What is wrong with it.
        reason: Forbidden,
    },
}

impl EgressError {
    /// The stable label in metrics and logs.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoAddress { .. } => "no_address",
            Self::Unresolved { .. } => "unresolved",
            Self::Forbidden { .. } => "forbidden",
        }
    }
}

impl Egress {
    /// Rules with the system's resolver: `/etc/hosts` and the name servers of `/etc/resolv.conf`.
    #[must_use]
    pub fn new(policy: config::Egress) -> Self {
        Self::with_names(policy, Names::new(SystemNames::new()))
    }

    fn with_names(policy: config::Egress, names: Names) -> Self {
        Self { inner: Arc::new(Inner { policy, own_listeners: RwLock::default(), names }) }
    }

    /// From now on `listener` is one of our own and may not be dialled. A wildcard address stands for all addresses of
    /// this machine.
    pub fn add_own_listener(&self, listener: SocketAddr) {
        // A poisoned lock is taken all the same: the set is whole after each step.
        self.inner.own_listeners.write().unwrap_or_else(PoisonError::into_inner).insert(listener);
    }

    /// The addresses of `host` (a name or an IP address, v6 without brackets) that may be dialled, at least one, in the
    /// order in which they should be tried.
    ///
    /// Answers are cached for their time to live, within bounds, and outlive it while the name servers fail.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, EgressError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return self.permit(host, &[address], port);
        }
        let addresses = self.inner.names.resolve(host).await?;
        self.permit(host, &addresses, port)
    }

    /// Whether this very address may be dialled.
    pub fn check(&self, address: SocketAddr) -> Result<(), Forbidden> {
        rules::check(address.ip(), self.inner.policy)?;
        if rules::readings(address.ip()).any(|ip| self.is_own_listener(SocketAddr::new(ip, address.port()))) {
            return Err(Forbidden::OwnListener);
        }
        Ok(())
    }

    /// Those of the addresses of `host` that may be dialled, at least one.
    pub fn permit(
        &self,
        host: &str,
        addresses: &[IpAddr],
        port: u16,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let mut permitted = Vec::with_capacity(addresses.len());
        let mut forbidden = None;
        for address in addresses.iter().map(|ip| SocketAddr::new(*ip, port)) {
            match self.check(address) {
                Ok(()) => permitted.push(address),
                Err(reason) => forbidden = forbidden.or(Some((address, reason))),
            }
        }
        match forbidden {
            _ if !permitted.is_empty() => Ok(permitted),
            Some((address, reason)) => Err(EgressError::Forbidden { host: host.into(), address, reason }),
            None => Err(EgressError::NoAddress { host: host.into() }),
        }
    }

    fn is_own_listener(&self, address: SocketAddr) -> bool {
        let listeners = self.inner.own_listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().any(|listener| {
            listener.port() == address.port()
                && (listener.ip().to_canonical() == address.ip().to_canonical()
                    || (listener.ip().is_unspecified() && is_of_this_machine(address.ip())))
        })
    }
}

/// Only the machine's own addresses can be bound. Asked only about ports that we listen on.
fn is_of_this_machine(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
