//! One channel per address, not per integration.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use pointsman_routing::integration::PreprocessAddress;
use tonic::transport::{Channel, Endpoint};

use super::dial::{self, Dialler};

/// Channels at a time. The one that was not used for the longest time makes room.
const MAX_CHANNELS: usize = 1_024;
/// A channel that is not used for so long is dropped.
const IDLE: Duration = Duration::from_secs(600);

const USER_AGENT: &str = concat!("pointsman-edge/", env!("CARGO_PKG_VERSION"));

/// The channels of a client. Calls that are under way on one that is dropped go on.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    dialler: Arc<Dialler>,
    pool: Arc<Mutex<Pool>>,
}

#[derive(Debug)]
struct Pool {
    channels: HashMap<PreprocessAddress, Pooled>,
    swept: Instant,
}

#[derive(Debug)]
struct Pooled {
    channel: Channel,
    used: Instant,
}

/// There can be no channel to an address.
#[derive(Debug, thiserror::Error)]
#[error("the address cannot be used: {0}")]
pub(super) struct ChannelError(tonic::transport::Error);

impl Channels {
    pub(super) fn new(dialler: Dialler) -> Self {
        let pool = Pool { channels: HashMap::new(), swept: Instant::now() };
        Self { dialler: Arc::new(dialler), pool: Arc::new(Mutex::new(pool)) }
    }

    /// The channel to this address. It connects when it is first used, and again after its connection was lost.
    pub(super) fn to(&self, address: &PreprocessAddress) -> Result<Channel, ChannelError> {
        // A poisoned lock is taken all the same: the pool is whole after each step.
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        pool.sweep(now);
        if let Some(pooled) = pool.channels.get_mut(address) {
            pooled.used = now;
            return Ok(pooled.channel.clone());
        }
        let channel = self.open(address)?;
        pool.make_room();
        pool.channels.insert(address.clone(), Pooled { channel: channel.clone(), used: now });
        Ok(channel)
    }

    fn open(&self, address: &PreprocessAddress) -> Result<Channel, ChannelError> {
        let endpoint = Endpoint::from_shared(dial::origin(address))
            .and_then(|endpoint| endpoint.user_agent(USER_AGENT))
            .map_err(ChannelError)?;
        let (dialler, address) = (Arc::clone(&self.dialler), address.clone());
        let connector = tower::service_fn(move |_| {
            let (dialler, address) = (Arc::clone(&dialler), address.clone());
            async move { dialler.dial(&address).await }
        });
        Ok(Channel::new(connector, endpoint))
    }
}

impl Pool {
    fn sweep(&mut self, now: Instant) {
        if now.duration_since(self.swept) >= IDLE {
            self.swept = now;
            self.channels.retain(|_, pooled| now.duration_since(pooled.used) < IDLE);
        }
    }

    fn make_room(&mut self) {
        if self.channels.len() < MAX_CHANNELS {
            return;
        }
        let oldest = self.channels.iter().min_by_key(|(_, pooled)| pooled.used);
        if let Some(address) = oldest.map(|(address, _)| address.clone()) {
            self.channels.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::Config, egress::Egress};

    fn address(port: u16) -> PreprocessAddress {
        PreprocessAddress::Tcp { tls: false, host: "127.0.0.1".into(), port }
    }

    fn channels() -> Channels {
        let config = Config::new("edge", "http://unused.invalid");
        Channels::new(Dialler::new(&config, Egress::new(config.egress)).unwrap())
    }

    #[tokio::test]
    async fn there_are_never_more_than_so_many() {
        let channels = channels();
        for port in 1..=u16::try_from(MAX_CHANNELS).unwrap() {
            channels.to(&address(port)).unwrap();
        }
        channels.to(&address(1)).unwrap();
        channels.to(&address(60_000)).unwrap();
        let pool = channels.pool.lock().unwrap();
        assert_eq!(pool.channels.len(), MAX_CHANNELS);
        assert!(pool.channels.contains_key(&address(1)), "in use");
        assert!(!pool.channels.contains_key(&address(2)), "not used for the longest time");
    }

    #[tokio::test]
    async fn a_channel_that_is_not_used_is_dropped() {
        let channels = channels();
        channels.to(&address(1)).unwrap();
        let mut pool = channels.pool.lock().unwrap();
        pool.sweep(Instant::now() + IDLE);
        assert_eq!(pool.channels.len(), 0);
    }

    #[tokio::test]
    async fn ipv6_addresses_make_origins_too() {
        let v6 = PreprocessAddress::Tcp { tls: true, host: "::1".into(), port: 443 };
        assert_eq!(dial::origin(&v6), "https://[::1]:443");
        channels().to(&v6).unwrap();
    }
}
