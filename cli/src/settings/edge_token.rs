//! Which access token an edge shows its control plane.

use std::path::PathBuf;

use clap::{ArgMatches, Args, FromArgMatches, builder::PathBufValueParser};
use pointsman_edge::config::AccessToken;

use super::{
    Secret,
    token::{TokenSource, choose},
};

/// Where the token is: none, where neither a flag nor a variable tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct EdgeTokenSettings(Option<TokenSource>);

#[derive(Args, Debug)]
struct Flags {
    /// The edge's access token, of the role `edge`. Other users of this machine see a command line: --token-file and the
    /// variable keep it from them.
    #[arg(long, env = "POINTSMAN_EDGE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// The file that holds the access token, and nothing else. Read for each connection: a new token needs no restart.
    #[arg(long, env = "POINTSMAN_EDGE_TOKEN_FILE", value_name = "FILE", value_parser = PathBufValueParser::new())]
    token_file: Option<PathBuf>,
}

impl EdgeTokenSettings {
    /// What the edge takes of it. Says so where others can read the file.
    pub(crate) fn token(&self) -> Option<AccessToken> {
        let source = self.0.as_ref()?;
        source.warn_if_others_can_read();
        Some(match source {
            TokenSource::Given(token) | TokenSource::InProfiles(token, _) => {
                AccessToken::Secret(token.expose().to_owned())
            }
            TokenSource::File(file) => AccessToken::File(file.clone()),
        })
    }
}

impl FromArgMatches for EdgeTokenSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Flags { token, token_file } = Flags::from_arg_matches(matches)?;
        choose(matches, token, token_file, "POINTSMAN_EDGE_TOKEN and POINTSMAN_EDGE_TOKEN_FILE").map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for EdgeTokenSettings {
    fn augment_args(command: clap::Command) -> clap::Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Flags::augment_args_for_update(command)
    }
}
