//! `profile set`: make a profile, or change one.

use std::{
    io::{self, Read as _},
    path::{self, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use pointsman_sdk::admin::{AdminClient, ConnectError};

use super::{Place, say};
use crate::{
    commands::Failure,
    output,
    profiles::{Profile, ProfileName, Profiles},
    settings::{OutputFormat, Secret, admin::SERVER, units},
};

/// Longer than any token, in bytes.
const TOKEN_BYTES_MAX: u64 = 8 * 1024;

#[derive(Args, Debug)]
pub(super) struct Set {
    /// The profile.
    #[arg(value_name = "NAME")]
    name: ProfileName,
    /// The control plane, as `http://host:port` or `https://host:port`.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The file that holds the access token.
    #[arg(long, value_name = "FILE", conflicts_with = "token_stdin")]
    token_file: Option<PathBuf>,
    /// Read the access token from standard input, and keep it in the profile.
    #[arg(long)]
    token_stdin: bool,
    /// The PEM file of the CAs that the control plane may have its certificate from, instead of the system's.
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// The PEM file of the certificate chain that is shown to a control plane which asks for one.
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// The PEM file of that certificate's private key.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// How long a call may take.
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    timeout: Option<Duration>,
    /// How answers are printed.
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<OutputFormat>,
    /// Forget what the profile says of this. Can be given more than once.
    #[arg(long, value_enum, value_name = "FIELD")]
    unset: Vec<Field>,
    #[command(flatten)]
    place: Place,
}

/// What a profile can forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Field {
    /// The control plane.
    Server,
    /// The access token, or its file.
    Token,
    /// The CAs.
    ServerCa,
    /// The client's certificate and key.
    ClientCert,
    /// How long a call may take.
    Timeout,
    /// How answers are printed.
    Output,
}

impl Set {
    pub(super) fn run(self) -> Result<(), Failure> {
        let file = self.place.file()?;
        let mut profiles = file.read_or_new()?;
        let before = profiles.all.get(&self.name).cloned();
        let is_first = profiles.all.is_empty();
        let profile = self.changed(before.clone().unwrap_or_default())?;
        check(&self.name, before.as_ref(), &profile)?;
        let Self { name, .. } = self;
        profiles.all.insert(name.clone(), profile);
        if is_first {
            profiles.current = Some(name.clone());
        }
        file.write(&profiles)?;
        say(&told(&name, &profiles, &file.path().display().to_string()))
    }

    fn changed(&self, mut profile: Profile) -> Result<Profile, Failure> {
        for field in &self.unset {
            match field {
                Field::Server => profile.server = None,
                Field::Token => (profile.token, profile.token_file) = (None, None),
                Field::ServerCa => profile.server_ca = None,
                Field::ClientCert => (profile.client_cert, profile.client_key) = (None, None),
                Field::Timeout => profile.timeout = None,
                Field::Output => profile.output = None,
            }
        }
        if self.token_stdin {
            (profile.token, profile.token_file) = (Some(read_token()?), None);
        }
        if let Some(file) = &self.token_file {
            (profile.token, profile.token_file) = (None, Some(path::absolute(file)?));
        }
        for (given, kept) in [
            (&self.server_ca, &mut profile.server_ca),
            (&self.client_cert, &mut profile.client_cert),
            (&self.client_key, &mut profile.client_key),
        ] {
            if let Some(file) = given {
                *kept = Some(path::absolute(file)?);
            }
        }
        if self.server.is_some() {
            profile.server.clone_from(&self.server);
        }
        profile.timeout = self.timeout.or(profile.timeout);
        profile.output = self.output.or(profile.output);
        Ok(profile)
    }
}

/// Whether the profile can be used, and does not tell a new server what was meant for another.
fn check(name: &ProfileName, before: Option<&Profile>, profile: &Profile) -> Result<(), Failure> {
    let server = |profile: &Profile| profile.server.clone().unwrap_or_else(|| SERVER.to_owned());
    let (now, then) = (server(profile), before.map(server));
    let is_kept = before.is_some_and(|before| {
        (profile.token.is_some() && profile.token == before.token)
            || (profile.token_file.is_some() && profile.token_file == before.token_file)
    });
    if let Some(then) = then.filter(|then| *then != now && is_kept) {
        return Err(Failure::Usage(format!(
            "the token of profile `{name}` is for {then}: give the one for {now} with --token-file or --token-stdin, \
             or forget it with --unset token"
        )));
    }
    let builder = AdminClient::builder(&now);
    let builder = match &profile.token {
        Some(token) => builder.token(token.expose()),
        // One stands for the other: what is asked is where it would go.
        None if profile.token_file.is_some() => builder.token("file"),
        None => builder,
    };
    match builder.connect_lazy() {
        Ok(_) => Ok(()),
        Err(error @ ConnectError::TokenInPlaintext { .. }) => {
            output::note(&format!(
                "warning: {error}, unless --token-over-plaintext says that this is meant\n"
            ));
            Ok(())
        }
        Err(error) => Err(Failure::Usage(error.to_string())),
    }
}

fn read_token() -> Result<Secret, Failure> {
    let mut text = String::new();
    io::stdin().lock().take(TOKEN_BYTES_MAX).read_to_string(&mut text)?;
    Ok(Secret::new(text.trim()))
}

fn told(name: &ProfileName, profiles: &Profiles, file: &str) -> String {
    let current = if profiles.current.as_ref() == Some(name) {
        "it is the current one".to_owned()
    } else {
        format!("`--profile {name}` takes it for a command, `pointsman profile use {name}` from now on")
    };
    format!("profile `{name}` is kept in {file}; {current}\n")
}
