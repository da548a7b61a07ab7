//! What every writing command takes: `--dry-run`, and `--wait` until the edges serve what was written.
//!
//! A command flattens [`WriteSettings`], connects by [`WriteSettings::connect`], sends
//! [`WriteSettings::is_dry_run`] as `validate_only`, prints what it did, and ends with [`WriteSettings::end`].

use std::time::Duration;

use clap::Args;
use pointsman_proto::admin::v1::{WaitForRevisionRequest, WaitForRevisionResponse};
use pointsman_sdk::admin::AdminClient;

use super::{End, Failure};
use crate::{
    output::{self, Format},
    settings::{AdminSettings, units},
};

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Writing")]
pub(crate) struct WriteSettings {
    /// Check everything and show what would change, but change nothing.
    #[arg(long, visible_alias = "validate-only", conflicts_with = "wait")]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitSettings,
}

/// For commands that write and have no dry run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Writing")]
pub(crate) struct WaitSettings {
    /// Wait for the control plane to be there, and until the edges that are connected serve the change: for so long,
    /// each of the two, or as long as `--wait-timeout` says.
    #[expect(clippy::option_option, reason = "not given, given, given with a duration")]
    #[arg(long, value_name = "DURATION", value_parser = patience, num_args = 0..=1, require_equals = true)]
    wait: Option<Option<Duration>>,
    /// How long a `--wait` without a duration waits.
    #[arg(long, env = "POINTSMAN_WAIT_TIMEOUT", value_name = "DURATION", value_parser = patience, default_value = "30s")]
    wait_timeout: Duration,
}

impl WriteSettings {
    /// Whether the write is only to be validated.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Connects; patiently, where the command is to wait.
    pub(crate) async fn connect(&self, admin: &AdminSettings) -> Result<AdminClient, Failure> {
        self.wait.connect(admin).await
    }

    /// How the command ends that wrote `revision`: at once, or when the edges serve it. `format` is the command's own.
    pub(crate) async fn end(
        &self,
        admin: &AdminClient,
        revision: i64,
        format: Option<Format>,
    ) -> Result<End, Failure> {
        self.wait.end(admin, revision, format).await
    }
}

impl WaitSettings {
    /// Connects; patiently, where the command is to wait.
    pub(crate) async fn connect(&self, admin: &AdminSettings) -> Result<AdminClient, Failure> {
        Ok(match self.patience() {
            Some(patience) => admin.connect_within(patience).await?,
            None => admin.connect().await?,
        })
    }

    /// How the command ends that wrote `revision`: at once, or when the edges serve it. `format` is the command's own.
    pub(crate) async fn end(
        &self,
        admin: &AdminClient,
        revision: i64,
        format: Option<Format>,
    ) -> Result<End, Failure> {
        let Some(patience) = self.patience() else { return Ok(End::Fine) };
        let timeout = prost_types::Duration::try_from(patience)
            .map_err(|_| Failure::Usage("--wait is too long".to_owned()))?;
        let request = WaitForRevisionRequest { revision, timeout: Some(timeout), ..Default::default() };
        let waited = match admin.wait_for_revision(request).await {
            Ok(waited) => waited,
            // The command itself has not failed.
            Err(error) => {
                output::note(&format!(
                    "warning: revision {revision} was made; whether the edges serve it is not known: {error}\n"
                ));
                return Ok(End::NotServed);
            }
        };
        // With -o, standard output holds one document and nothing else.
        let said = served(revision, &waited);
        if format.is_some() {
            output::note(&said)
        } else {
            output::print(&said)?
        }
        Ok(if waited.reached { End::Fine } else { End::NotServed })
    }

    /// How long to wait, if at all.
    fn patience(&self) -> Option<Duration> {
        self.wait.map(|own| own.unwrap_or(self.wait_timeout))
    }
}

/// How long to wait: no longer than a control plane lets anybody.
fn patience(text: &str) -> Result<Duration, PatienceError> {
    const MAX: Duration = Duration::from_secs(300);
    match units::duration(text)? {
        patience if patience <= MAX => Ok(patience),
        _ => Err(PatienceError::TooLong),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PatienceError {
    #[error(transparent)]
    Unit(#[from] units::UnitError),
    #[error("waiting ends after 5m at the latest")]
    TooLong,
}

fn served(revision: i64, waited: &WaitForRevisionResponse) -> String {
    let mut said = match (waited.reached, waited.serving.as_slice(), waited.lagging.as_slice()) {
        (_, [], []) => format!("no edge is connected that would serve revision {revision}\n"),
        (true, serving, _) => format!("revision {revision} is served by {}\n", serving.join(", ")),
        (false, ..) => format!("revision {revision} is not yet served everywhere\n"),
    };
    for laggard in &waited.lagging {
        said.push_str(&format!("  {}: {}\n", laggard.edge, laggard.reason));
    }
    said
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        write: WriteSettings,
        rest: Vec<String>,
    }

    fn parse(args: &[&str]) -> Result<Alone, clap::Error> {
        Alone::try_parse_from(["x"].iter().chain(args))
    }

    #[test]
    fn waiting_has_a_duration_of_its_own_or_the_usual_one() {
        let patience = |args: &[&str]| parse(args).expect("parsed").write.wait.patience();
        assert_eq!(patience(&[]), None);
        assert_eq!(patience(&["--wait"]), Some(Duration::from_secs(30)));
        assert_eq!(patience(&["--wait=5s"]), Some(Duration::from_secs(5)));
        assert_eq!(patience(&["--wait", "--wait-timeout", "2m"]), Some(Duration::from_secs(120)));
        assert_eq!(patience(&["--wait=5s", "--wait-timeout", "2m"]), Some(Duration::from_secs(5)));
        assert_eq!(patience(&["--wait-timeout", "2m"]), None);
    }

    #[test]
    fn a_name_after_wait_is_no_duration() {
        let parsed = parse(&["--wait", "customers/a"]).expect("parsed");
        assert_eq!(parsed.rest, ["customers/a"]);
        assert!(parse(&["--wait=customers/a"]).is_err());
    }

    #[test]
    fn nobody_waits_longer_than_the_control_plane_lets_them() {
        assert_eq!(patience("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(patience("301s"), Err(PatienceError::TooLong));
        assert_eq!(patience("0s"), Err(PatienceError::Unit(units::UnitError::DurationZero)));
    }

    #[test]
    fn a_dry_run_has_nothing_to_wait_for() {
        for args in [["--dry-run", "--wait"], ["--wait=5s", "--validate-only"]] {
            assert!(parse(&args).is_err(), "{args:?}");
        }
        assert!(parse(&["--dry-run"]).expect("parsed").write.is_dry_run());
    }
}
