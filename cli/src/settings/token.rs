//! Which access token a command calls with.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
};

use clap::{ArgMatches, Args, FromArgMatches, builder::PathBufValueParser, parser::ValueSource};

use super::Secret;
use crate::{output, profiles::is_open_to_others};

/// Longer than any token's file, in bytes.
const FILE_BYTES_MAX: u64 = 8 * 1024;

/// Where the token is: none, where neither a flag nor a variable tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct TokenSettings(pub(super) Option<TokenSource>);

/// Where a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenSource {
    /// Here.
    Given(Secret),
    /// In a file of its own.
    File(PathBuf),
    /// Among the profiles, in that file.
    InProfiles(Secret, PathBuf),
}

#[derive(Args, Debug)]
struct Flags {
    /// The access token. Other users of this machine see a command line: --token-file and the variable keep it from
    /// them.
    #[arg(long, env = "POINTSMAN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// The file that holds the access token, and nothing else.
    #[arg(long, env = "POINTSMAN_TOKEN_FILE", value_name = "FILE", value_parser = PathBufValueParser::new())]
    token_file: Option<PathBuf>,
}

impl TokenSource {
    /// The token.
    pub(crate) fn read(&self) -> Result<Secret, TokenFileError> {
        match self {
            Self::Given(token) | Self::InProfiles(token, _) => Ok(token.clone()),
            Self::File(file) => {
                read_file(file).map_err(|source| TokenFileError { file: file.clone(), source })
            }
        }
    }

    /// Says so where other users of this machine can read the file that holds it.
    pub(crate) fn warn_if_others_can_read(&self) {
        if let Self::File(file) | Self::InProfiles(_, file) = self
            && is_open_to_others(file)
        {
            let file = file.display();
            output::note(&format!(
                "warning: other users can read the access token in {file}; `chmod 600 {file}` keeps it from them\n"
            ));
        }
    }
}

/// A file that holds no token. What it holds is not said.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the access token from {}: {source}", file.display())]
pub(crate) struct TokenFileError {
    file: PathBuf,
    source: io::Error,
}

fn read_file(file: &PathBuf) -> io::Result<Secret> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason);
    if file.as_os_str() == OsStr::new("-") {
        return Err(invalid("it must be a file, and not standard input"));
    }
    let mut text = Vec::new();
    File::open(file)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > FILE_BYTES_MAX) {
        return Err(invalid("it is longer than any token"));
    }
    let text = String::from_utf8(text).map_err(|_| invalid("it is not UTF-8"))?;
    match text.trim() {
        "" => Err(invalid("it is empty")),
        token => Ok(Secret::new(token)),
    }
}

/// A flag wins over a variable, whichever of the two it is. clap knows no such rule, so it is here.
impl FromArgMatches for TokenSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let Flags { token, token_file } = Flags::from_arg_matches(matches)?;
        choose(matches, token, token_file, "POINTSMAN_TOKEN and POINTSMAN_TOKEN_FILE").map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for TokenSettings {
    fn augment_args(command: clap::Command) -> clap::Command {
        Flags::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Flags::augment_args_for_update(command)
    }
}

/// Which of `--token` and `--token-file`, or of their `variables`, counts.
pub(super) fn choose(
    matches: &ArgMatches,
    token: Option<Secret>,
    file: Option<PathBuf>,
    variables: &str,
) -> Result<Option<TokenSource>, clap::Error> {
    let (token, file) = (token.map(TokenSource::Given), file.map(TokenSource::File));
    let by_flag = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
    Ok(match (token, file, by_flag("token"), by_flag("token_file")) {
        (Some(_), Some(_), true, true) => return Err(twice("--token and --token-file")),
        (Some(_), Some(_), false, false) => return Err(twice(variables)),
        (Some(_), Some(file), false, true) => Some(file),
        (token, file, ..) => token.or(file),
    })
}

fn twice(both: &str) -> clap::Error {
    clap::Error::raw(
        clap::error::ErrorKind::ArgumentConflict,
        format!("{both} are both set; give the token in one way\n"),
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        token: TokenSettings,
    }

    #[test]
    fn one_way_is_taken_and_two_are_refused() {
        let parse = |args: &[&str]| Alone::try_parse_from(["x"].iter().chain(args));
        assert_eq!(parse(&[]).expect("parsed").token.0, None);
        let given = parse(&["--token", "t0ken"]).expect("parsed");
        assert_eq!(given.token.0, Some(TokenSource::Given(Secret::new("t0ken"))));
        assert!(!format!("{given:?}").contains("t0ken"), "{given:?}");
        let file = parse(&["--token-file", "f"]).expect("parsed").token.0;
        assert_eq!(file, Some(TokenSource::File("f".into())));
        let error = parse(&["--token", "t0ken", "--token-file", "f"]).expect_err("two").to_string();
        assert!(
            error.contains("--token and --token-file are both set") && !error.contains("t0ken"),
            "{error}"
        );
    }

    #[test]
    fn a_file_holds_a_token_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let read = |bytes: &[u8]| {
            fs::write(&file, bytes).expect("written");
            TokenSource::File(file.clone()).read().map_err(|error| error.to_string())
        };
        assert_eq!(read(b"t0ken\n"), Ok(Secret::new("t0ken")));
        assert_eq!(read(b"t0ken"), Ok(Secret::new("t0ken")));
        for bytes in [&b""[..], b" \n", b"t0ken\xff", &b"t0ken".repeat(2_000)] {
            let error = read(bytes).expect_err("no token");
            assert!(error.contains("token: it is ") && !error.contains("t0ken"), "{error}");
        }
        let missing = TokenSource::File(folder.path().join("missing")).read().expect_err("no file");
        assert!(missing.to_string().contains("missing"), "{missing}");
        assert!(TokenSource::File("-".into()).read().is_err());
    }
}
