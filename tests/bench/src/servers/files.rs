//! The folder of a run: configurations, tables, sockets, certificates and logs. It is removed afterwards.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::{StartError, at};

/// In memory where that can be, so that no disk takes part.
const MEMORY: &str = "/dev/shm";

#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(super) fn new() -> Result<Self, StartError> {
        let parent = if Path::new(MEMORY).is_dir() { PathBuf::from(MEMORY) } else { std::env::temp_dir() };
        let root = parent.join(format!("pointsman-bench-{}", std::process::id()));
        fs::create_dir_all(&root).map_err(at(&root))?;
        Ok(Self { root })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(super) fn folder(&self, name: &str) -> Result<PathBuf, StartError> {
        let folder = self.path(name);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
        Ok(folder)
    }

    /// The file that a process prints to.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path(&format!("{name}.log"))
    }

    /// Empties all logs. Those who write append, so they go on at the start.
    pub(super) fn forget_logs(&self) {
        let folders =
            [self.root.clone()].into_iter().chain(children(&self.root).filter(|path| path.is_dir()));
        for log in folders.flat_map(|folder| children(&folder).collect::<Vec<_>>()) {
            if log.extension().is_some_and(|extension| extension == "log") {
                let _ = OpenOptions::new().write(true).truncate(true).open(log);
            }
        }
    }

    /// Makes `cert.pem` and `key.pem`, and a client that trusts them.
    pub(super) fn certificate(&self) -> Result<Arc<ClientConfig>, StartError> {
        let wrong = |error: &dyn std::fmt::Display| StartError::Certificate(error.to_string());
        let made =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(|error| wrong(&error))?;
        for (name, text) in [("cert.pem", made.cert.pem()), ("key.pem", made.signing_key.serialize_pem())] {
            let file = self.path(name);
            fs::write(&file, text).map_err(at(&file))?;
        }
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).map_err(|error| wrong(&error))?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn children(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
