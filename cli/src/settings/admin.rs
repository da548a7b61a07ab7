//! How admin commands reach the control plane, and as whom: a flag wins over a variable, that over the profile, and
//! that over the default.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::{Args, builder::BoolishValueParser};
use pointsman_sdk::admin::{AdminClient, AdminClientBuilder, ConnectError};

use super::{
    token::{TokenFileError, TokenSettings, TokenSource},
    units,
};
use crate::{
    output,
    profiles::{Profile, ProfileName, ProfileNameError, ProfilesError, ProfilesFile},
};

/// The control plane where nothing names another.
pub(crate) const SERVER: &str = "http://127.0.0.1:7070";

/// Between two attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct AdminSettings {
    /// The control plane, as `http://host:port` or `https://host:port`. By default the profile's, or
    /// `http://127.0.0.1:7070`.
    #[arg(long, env = "POINTSMAN_SERVER", value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    token: TokenSettings,
    /// Send the token also over plain http to another machine, where everybody on the way can read it.
    #[arg(long, env = "POINTSMAN_TOKEN_OVER_PLAINTEXT", value_parser = BoolishValueParser::new())]
    token_over_plaintext: bool,
    /// The PEM file of the CAs that an https control plane may have its certificate from, instead of the system's.
    #[arg(long, env = "POINTSMAN_SERVER_CA", value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// The PEM file of the certificate chain that is shown to a control plane which asks for one.
    #[arg(long, env = "POINTSMAN_CLIENT_CERT", value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The PEM file of that certificate's private key.
    #[arg(long, env = "POINTSMAN_CLIENT_KEY", value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// How long a call may take. By default the profile's, or 30s, and 5m for `apply` and `export`.
    #[arg(long, env = "POINTSMAN_TIMEOUT", value_name = "DURATION", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// The profile that says what no flag and no variable does. By default the file's current one; an empty name is
    /// none.
    #[arg(long, env = "POINTSMAN_PROFILE", value_name = "NAME", value_parser = chosen)]
    profile: Option<Chosen>,
    /// The file of the profiles. By default `$XDG_CONFIG_HOME/pointsman/profiles.yaml`, or
    /// `~/.config/pointsman/profiles.yaml`.
    #[arg(long, env = "POINTSMAN_PROFILES_FILE", value_name = "FILE")]
    profiles_file: Option<PathBuf>,
}

/// Which profile was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Chosen {
    None,
    One(ProfileName),
}

fn chosen(name: &str) -> Result<Chosen, ProfileNameError> {
    if name.is_empty() { Ok(Chosen::None) } else { name.parse().map(Chosen::One) }
}

/// Why there is no connection to the control plane.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminConnectError {
    /// A file with certificates or a key cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of the token.
    #[error(transparent)]
    Token(#[from] TokenFileError),
    /// The profile, or the file of the profiles.
    #[error(transparent)]
    Profile(#[from] ProfilesError),
    /// Nothing answers, or the address is none.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

impl AdminSettings {
    /// Connects, and keeps trying for a while where nothing answers: the control plane may just be starting.
    pub(crate) async fn connect_within(&self, patience: Duration) -> Result<AdminClient, AdminConnectError> {
        let builder = self.builder()?;
        let end = Instant::now() + patience;
        loop {
            match builder.clone().connect().await {
                Err(ConnectError::Unreachable { .. }) if Instant::now() + RETRY_INTERVAL < end => {
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                end => return Ok(end?),
            }
        }
    }

    pub(crate) async fn connect(&self) -> Result<AdminClient, AdminConnectError> {
        Ok(self.builder()?.connect().await?)
    }

    /// The profile that counts, if any does.
    pub(crate) fn profile(&self) -> Result<Option<Profile>, AdminConnectError> {
        Ok(self.found()?.map(|found| found.profile))
    }

    /// Everything that is needed to connect. Tells what is odd about it.
    fn builder(&self) -> Result<AdminClientBuilder, AdminConnectError> {
        let found = self.found()?;
        let profile = found.as_ref().map(|found| &found.profile);
        let of_profile = profile.and_then(|profile| profile.server.as_deref());
        let server = self.server.as_deref().or(of_profile).unwrap_or(SERVER);
        // What says who somebody is to one server is not shown to another.
        let own = found.as_ref().filter(|_| of_profile.unwrap_or(SERVER) == server);
        if let (Some(found), None, None) = (&found, own, &self.token.0) {
            found.tell_what_is_held_back(server);
        }

        let mut builder = AdminClient::builder(server).token_over_plaintext(self.token_over_plaintext);
        if let Some(timeout) = self.timeout.or(profile.and_then(|profile| profile.timeout)) {
            builder = builder.timeout(timeout);
        }
        if let Some(token) = self.token.0.clone().or_else(|| own?.token()) {
            token.warn_if_others_can_read();
            builder = builder.token(token.read()?.expose());
        }
        let path = |path: fn(&Profile) -> Option<&PathBuf>| own.and_then(|own| own.path(path));
        if let Some(file) = self.server_ca.clone().or_else(|| path(|profile| profile.server_ca.as_ref())) {
            builder = builder.ca_pem(read(&file)?);
        }
        let given = self.client_cert.clone().zip(self.client_key.clone());
        let identity = given.or_else(|| {
            path(|profile| profile.client_cert.as_ref()).zip(path(|profile| profile.client_key.as_ref()))
        });
        if let Some((cert, key)) = identity {
            builder = builder.client_identity_pem(read(&cert)?, read(&key)?);
        }
        Ok(builder)
    }

    fn found(&self) -> Result<Option<Found>, ProfilesError> {
        let named = match &self.profile {
            Some(Chosen::None) => return Ok(None),
            Some(Chosen::One(name)) => Some(name),
            None => None,
        };
        let Some(file) = ProfilesFile::new(self.profiles_file.as_deref()) else {
            return if named.is_some() { Err(ProfilesError::NoPlace) } else { Ok(None) };
        };
        let profiles = file.read()?;
        let Some(name) = named.or(profiles.current.as_ref()) else { return Ok(None) };
        let profile = profiles.find(name).map_err(|none| file.none(none))?.clone();
        Ok(Some(Found { name: name.clone(), profile, file }))
    }
}

/// A profile with the file that it is from.
struct Found {
    file: ProfilesFile,
    name: ProfileName,
    profile: Profile,
}

impl Found {
    fn path(&self, path: fn(&Profile) -> Option<&PathBuf>) -> Option<PathBuf> {
        path(&self.profile).map(|path| self.file.resolve(path))
    }

    fn token(&self) -> Option<TokenSource> {
        match &self.profile.token {
            Some(token) => Some(TokenSource::InProfiles(token.clone(), self.file.path().to_owned())),
            None => self.path(|profile| profile.token_file.as_ref()).map(TokenSource::File),
        }
    }

    fn tell_what_is_held_back(&self, server: &str) {
        let Profile { token, token_file, client_cert, .. } = &self.profile;
        if token.is_some() || token_file.is_some() || client_cert.is_some() {
            output::note(&format!(
                "note: what profile `{}` says of who you are is for its own server, and is not shown to {server}\n",
                self.name
            ));
        }
    }
}

fn read(file: &Path) -> Result<Vec<u8>, AdminConnectError> {
    fs::read(file).map_err(|source| AdminConnectError::Read { file: file.to_owned(), source })
}
