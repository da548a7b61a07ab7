//! The system's way to resolve: `/etc/hosts`, then the name servers of `/etc/resolv.conf`.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use async_trait::async_trait;
use hickory_resolver::{
    Hosts, TokioResolver,
    config::{LookupIpStrategy, ResolveHosts},
    net::NetError,
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
};

use super::{Answer, Lookup, LookupError, locked};

/// Until the hosts file is looked at again.
const HOSTS_TTL: Duration = Duration::from_secs(5);
/// How long a name that does not exist is remembered.
const NO_ADDRESS_TTL: Duration = Duration::from_secs(2);
/// For one query to one server. The whole lookup has a bound of its own.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);

/// Resolves as other programs on this machine do.
pub(crate) struct SystemNames {
    hosts: HostsFile,
    /// None where the system's configuration cannot be read: then only the hosts file counts.
    servers: Option<TokioResolver>,
}

impl SystemNames {
    pub(crate) fn new() -> Self {
        let servers = servers()
            .inspect_err(
                |error| tracing::warn!(%error, "no name servers: only the hosts file resolves names"),
            )
            .ok();
        Self { hosts: HostsFile::new("/etc/hosts"), servers }
    }
}

fn servers() -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_tokio()?;
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    // Read here, where a hit in it asks no name server, not even for the other family.
    options.use_hosts_file = ResolveHosts::Never;
    options.timeout = options.timeout.min(QUERY_TIMEOUT);
    // The cache in front of this one also keeps answers past their time.
    options.cache_size = 0;
    builder.build()
}

#[async_trait]
impl Lookup for SystemNames {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        // The name always means this machine (RFC 6761), whatever name servers say.
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            let addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
            return Ok(Answer { addresses, ttl: Duration::MAX });
        }
        let addresses = self.hosts.addresses(&name).await;
        if !addresses.is_empty() {
            return Ok(Answer { addresses, ttl: HOSTS_TTL });
        }
        let Some(servers) = &self.servers else {
            return Err(LookupError("there are no name servers".into()));
        };
        match servers.lookup_ip(host).await {
            Ok(found) => {
                let ttl = found.valid_until().saturating_duration_since(Instant::now());
                Ok(Answer { addresses: found.iter().collect(), ttl })
            }
            Err(error) if error.is_no_records_found() => {
                Ok(Answer { addresses: Vec::new(), ttl: NO_ADDRESS_TTL })
            }
            Err(error) => Err(LookupError(error.to_string().into())),
        }
    }
}

/// The hosts file, read again when it has changed.
struct HostsFile {
    path: PathBuf,
    read: Mutex<Option<(SystemTime, Arc<Hosts>)>>,
}

impl HostsFile {
    fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), read: Mutex::default() }
    }

    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let Ok(hosts) = self.hosts().await else {
            // No file, no entries.
            return Vec::new();
        };
        let Ok(name) = Name::from_utf8(name) else {
            return Vec::new();
        };
        [RecordType::A, RecordType::AAAA]
            .into_iter()
            .filter_map(|family| hosts.lookup_static_host(&Query::query(name.clone(), family)))
            .flat_map(|found| {
                found.answers().iter().filter_map(|record| record.data.ip_addr()).collect::<Vec<_>>()
            })
            .collect()
    }

    async fn hosts(&self) -> io::Result<Arc<Hosts>> {
        let modified = tokio::fs::metadata(&self.path).await?.modified()?;
        if let Some((at, hosts)) = &*locked(&self.read)
            && *at == modified
        {
            return Ok(Arc::clone(hosts));
        }
        let hosts = Arc::new(parse(&self.path).await?);
        *locked(&self.read) = Some((modified, Arc::clone(&hosts)));
        Ok(hosts)
    }
}

async fn parse(path: &Path) -> io::Result<Hosts> {
    let text = tokio::fs::read(path).await?;
    let mut hosts = Hosts::default();
    hosts.read_hosts_conf(text.as_slice())?;
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_and_the_hosts_file_need_no_name_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        std::fs::write(&path, "10.1.2.3 flows.internal flows # a comment\nfd00::7 flows.internal\n").unwrap();
        let names = SystemNames { hosts: HostsFile::new(&path), servers: None };

        let found = names.lookup("Flows.Internal").await.unwrap();
        assert_eq!(found.addresses, ["10.1.2.3", "fd00::7"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        let found = names.lookup("api.localhost").await.unwrap();
        assert_eq!(found.addresses, ["127.0.0.1", "::1"].map(|ip| ip.parse::<IpAddr>().unwrap()));
        assert!(names.lookup("elsewhere.example").await.is_err());
    }

    #[tokio::test]
    async fn the_hosts_file_is_read_again_when_it_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        std::fs::write(&path, "10.0.0.1 flows\n").unwrap();
        let file = HostsFile::new(&path);
        assert_eq!(file.addresses("flows").await, ["10.0.0.1".parse::<IpAddr>().unwrap()]);

        std::fs::write(&path, "10.0.0.2 flows\n").unwrap();
        let later = SystemTime::now() + Duration::from_secs(10);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        assert_eq!(file.addresses("flows").await, ["10.0.0.2".parse::<IpAddr>().unwrap()]);

        std::fs::remove_file(&path).unwrap();
        assert_eq!(file.addresses("flows").await, [] as [IpAddr; 0]);
    }

    /// `.invalid` never exists (RFC 6761), so that this needs no network.
    #[tokio::test]
    async fn a_name_that_does_not_exist_has_no_address() {
        let Ok(servers) = servers() else {
            return;
        };
        let names = SystemNames { hosts: HostsFile::new("/nowhere"), servers: Some(servers) };
        let found = names.lookup("nosuch.invalid.").await.unwrap();
        assert_eq!(found.addresses, [] as [IpAddr; 0]);
    }
}
