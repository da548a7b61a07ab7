//! Where a process listens, told to people in the log and to programs in a file.

use std::{
    fs::{self, Permissions},
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// The bound addresses of a process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Addresses {
    /// Where admins and edges connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) admin: Option<SocketAddr>,
    /// Where webhooks are taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) edge: Option<SocketAddr>,
    /// Health, readiness and metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<SocketAddr>,
}

/// The file of the addresses cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the addresses to {}: {source}", file.display())]
pub(crate) struct AddressesFileError {
    file: PathBuf,
    source: io::Error,
}

impl Addresses {
    /// Writes them to `file`, as JSON: whoever sees the file sees all of it.
    pub(crate) fn write(&self, file: &Path) -> Result<(), AddressesFileError> {
        self.replace(file).map_err(|source| AddressesFileError { file: file.to_owned(), source })
    }

    /// Removes `file` where these are the addresses in it: another process may have written its own meanwhile.
    pub(crate) fn withdraw(&self, file: &Path) {
        let ours = |read: Vec<u8>| self.to_json().is_ok_and(|json| json == read);
        if fs::read(file).is_ok_and(ours) {
            let _ = fs::remove_file(file);
        }
    }

    fn to_json(self) -> io::Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(&self)?;
        json.push(b'\n');
        Ok(json)
    }

    fn replace(&self, file: &Path) -> io::Result<()> {
        let folder = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut written = tempfile::NamedTempFile::new_in(folder)?;
        written.write_all(&self.to_json()?)?;
        // Addresses are no secret, and often another user's program waits for them.
        written.as_file().set_permissions(Permissions::from_mode(0o644))?;
        written.persist(file)?;
        Ok(())
    }
}

/// An address of this machine on which something bound to `bound` can be reached: loopback for a wildcard.
pub(crate) fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// The URL of a port, on an address on which it can be reached.
pub(crate) fn url(bound: SocketAddr, tls: bool) -> String {
    format!("{}://{}", if tls { "https" } else { "http" }, reachable(bound))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_is_reached_by_loopback() {
        let bound = |text: &str| text.parse::<SocketAddr>().expect("an address");
        assert_eq!(url(bound("0.0.0.0:80"), false), "http://127.0.0.1:80");
        assert_eq!(url(bound("[::]:80"), true), "https://[::1]:80");
        assert_eq!(url(bound("192.0.2.1:80"), true), "https://192.0.2.1:80");
    }

    #[test]
    fn the_file_is_replaced_as_a_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("addresses.json");
        for port in [1, 2] {
            let admin = Some(SocketAddr::from(([127, 0, 0, 1], port)));
            Addresses { admin, ..Addresses::default() }.write(&file).expect("written");
            let read = std::fs::read_to_string(&file).expect("read");
            let json: serde_json::Value = serde_json::from_str(&read).expect("JSON");
            assert_eq!(json, serde_json::json!({"admin": format!("127.0.0.1:{port}")}));
        }
        assert_eq!(folder.path().read_dir().expect("listed").count(), 1, "nothing else is left behind");
    }

    #[test]
    fn only_our_own_file_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("addresses.json");
        let ours = Addresses::default();
        let theirs = Addresses { admin: Some(SocketAddr::from(([127, 0, 0, 1], 1))), ..ours };
        theirs.write(&file).expect("written");
        ours.withdraw(&file);
        assert!(file.exists());
        theirs.withdraw(&file);
        assert!(!file.exists());
    }

    #[test]
    fn a_missing_folder_is_told() {
        let error = Addresses::default().write(Path::new("/nonexistent/x.json")).expect_err("refused");
        assert!(
            error.to_string().starts_with("cannot write the addresses to /nonexistent/x.json: "),
            "{error}"
        );
    }
}
