//! The commands, one module for each.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub(crate) use self::failure::Failure;
use crate::signals::ENDED_AT_ONCE;

mod apply;
mod audit;
mod backup;
mod completions;
mod control_plane;
mod delete;
mod demo;
mod edge;
mod edges;
mod export;
mod failure;
mod get;
mod import_mappings;
mod lookup;
mod names;
mod pause;
mod profile;
mod receive;
mod resource;
mod restore;
mod revisions;
mod rollback;
mod rotate_url;
mod secret_key;
pub(crate) mod serve;
mod test;
mod token;
mod up;
mod write;

/// Pointsman: one webhook URL for all of your customers; each webhook goes to the right customer's right flow.
#[derive(Debug, Parser)]
#[command(name = "pointsman", version, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The table of docs/cli.md, in short.
const EXIT_CODES: &str = "\
Exit codes:
  0    it worked
  1    it failed
  2    wrong usage, a profile or a token's file included
  3    what was asked for is refused, and nothing was changed
  4    test: the request would be refused
  5    --wait: the change was made, and not every edge serves it yet
  6    not allowed: no access token, or one that may not do this
  7    apply --dry-run --exit-code: something would change
  8    import-mappings --keep-going: some rows are bad, the others were written
  130  a second signal ended a server at once; a signal ended import-mappings";

#[derive(Debug, Subcommand)]
enum Command {
    /// See the main job: two customers' webhooks, one URL, each to its own flow.
    Demo(demo::Demo),
    /// Run a control plane and an edge in one process.
    Up(up::Up),
    /// Run a control plane alone.
    ControlPlane(control_plane::ControlPlane),
    /// Run an edge alone.
    Edge(edge::Edge),
    /// Create and update resources from files.
    Apply(apply::Apply),
    /// Print the whole configuration, as `apply` takes it.
    Export(export::Export),
    /// Show a resource or a collection.
    Get(get::Get),
    /// Remove resources.
    Delete(delete::Delete),
    /// Show who changed what, when, and from where.
    Audit(audit::Audit),
    /// Show what an integration was, and what changed: who, when, what.
    Revisions(revisions::Revisions),
    /// Make an integration what it was at an earlier revision.
    Rollback(rollback::Rollback),
    /// Give an endpoint a new URL; the old one works beside it until that is finished.
    RotateUrl(rotate_url::RotateUrl),
    /// Stop a deployment's requests: senders get 503 with Retry-After.
    Pause(pause::Pause),
    /// Let a paused deployment's requests through again.
    Resume(pause::Resume),
    /// Find a customer by what the third party calls it, or by what you do.
    Lookup(lookup::Lookup),
    /// Create and update customer mappings from a CSV or JSON Lines file, however many.
    ImportMappings(import_mappings::ImportMappings),
    /// Show what an endpoint would do with a request, without sending it on.
    Test(test::Test),
    /// Show the edges.
    Edges(edges::Edges),
    /// Manage access tokens, which say who may do what.
    Token(token::Token),
    /// Keep which control plane you talk to, and as whom, under names.
    Profile(profile::Profile),
    /// Copy the database to a file, while a control plane runs on it or while none does.
    Backup(backup::Backup),
    /// Put a backup in the place of the database, while no control plane runs on it.
    Restore(restore::Restore),
    /// Change the key that secrets in the database are encrypted with.
    SecretKey(secret_key::SecretKeyCommand),
    /// Print a script that completes commands and flags in a shell.
    Completions(completions::Completions),
    /// Play a flow endpoint: take webhooks, answer 200, print where they came for.
    Receive(receive::Receive),
}

impl Cli {
    /// Runs the command to its end.
    pub(crate) fn run(self) -> Result<End, Failure> {
        match self.command {
            Command::Demo(demo) => demo.run(),
            Command::Up(up) => Ok(up.run()?),
            Command::ControlPlane(control_plane) => Ok(control_plane.run()?),
            Command::Edge(edge) => Ok(edge.run()?),
            Command::Apply(apply) => call(apply.run()),
            Command::Export(export) => call(export.run()),
            Command::Get(get) => call(get.run()),
            Command::Delete(delete) => call(delete.run()),
            Command::Audit(audit) => call(audit.run()),
            Command::Revisions(revisions) => call(revisions.run()),
            Command::Rollback(rollback) => call(rollback.run()),
            Command::RotateUrl(rotate_url) => call(rotate_url.run()),
            Command::Pause(pause) => call(pause.run()),
            Command::Resume(resume) => call(resume.run()),
            Command::Lookup(lookup) => call(lookup.run()),
            Command::ImportMappings(import) => call(import.run()),
            Command::Test(test) => call(test.run()),
            Command::Edges(edges) => call(edges.run()),
            Command::Token(token) => call(token.run()),
            Command::Profile(profile) => call(profile.run()),
            Command::Backup(backup) => backup.run(),
            Command::Restore(restore) => restore.run(),
            Command::SecretKey(secret_key) => secret_key.run(),
            Command::Completions(completions) => Ok(completions.run()?),
            Command::Receive(receive) => call(receive.run()),
        }
    }
}

/// Runs a command that calls the control plane.
fn call(command: impl Future<Output = Result<End, Failure>>) -> Result<End, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// How a command ends that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Fine,
    /// `test`: the request would be refused.
    NoRoute,
    /// `apply --dry-run --exit-code`: something would change.
    WouldChange,
    /// `--wait`: the change was made, and not every edge serves it yet.
    NotServed,
    /// `import-mappings`: some rows are bad, and nothing was changed.
    Refused,
    /// `import-mappings --keep-going`: some rows are bad, and the others were written.
    SomeBad,
    /// `import-mappings`: a signal ended it.
    Interrupted,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Fine => 0,
            End::NoRoute => 4,
            End::NotServed => 5,
            End::Refused => 3,
            End::WouldChange => 7,
            End::SomeBad => 8,
            End::Interrupted => ENDED_AT_ONCE,
        })
    }
}
