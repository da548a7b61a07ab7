//! `revisions`: what an integration was, and what changed.

use clap::Args;
use pointsman_proto::admin::v1::{
    FieldChange, IntegrationRevision, ListIntegrationRevisionsRequest, ListIntegrationRevisionsResponse,
};
use pointsman_sdk::admin::AdminClient;

use super::{End, Failure, names::IntegrationName};
use crate::{
    manifest::{self, Node, Value},
    output::{self, history, style::Style},
    settings::{AdminSettings, OutputSettings},
};

/// As many as the control plane gives at once.
const PAGE_SIZE: i32 = 1_000;

#[derive(Args, Debug)]
pub(super) struct Revisions {
    /// The integration, as `acme-erp` or `integrations/acme-erp`.
    integration: IntegrationName,
    /// Show what differs: what the latest revision changed; with one revision, from that to the latest; with two, from
    /// the first to the second.
    #[arg(long, value_name = "REVISION", num_args = 0..=2, value_parser = clap::value_parser!(i64).range(1..))]
    diff: Option<Vec<i64>>,
    /// Show so many at most, the latest ones.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 20, conflicts_with = "diff",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Revisions {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.admin.connect().await?;
        match &self.diff {
            None => self.list(&admin).await?,
            Some(asked) => self.compare(&admin, asked).await?,
        }
        Ok(End::Fine)
    }

    async fn list(&self, admin: &AdminClient) -> Result<(), Failure> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let mut read = Read::default();
        while !read.ended && read.revisions.len() < limit {
            let rest = i32::try_from(limit - read.revisions.len()).unwrap_or(PAGE_SIZE);
            read.next(self.integration.whole(), admin, rest.min(PAGE_SIZE)).await?;
        }
        let Read { revisions, ended, .. } = read;
        let text = match self.output.format(&self.admin)? {
            Some(format) => {
                let all = ListIntegrationRevisionsResponse { revisions, ..Default::default() };
                manifest::write(&all, format)?
            }
            None => history::revisions(&revisions, ended),
        };
        output::print(&text)?;
        if !ended {
            output::note(&format!("there are older ones: --limit shows more than {limit}\n"));
        }
        Ok(())
    }

    async fn compare(&self, admin: &AdminClient, asked: &[i64]) -> Result<(), Failure> {
        let name = self.integration.whole();
        // The latest and the one before, or as far back as is asked for.
        let revisions = match asked.iter().min() {
            Some(&oldest) => revisions_from(name, admin, oldest).await?,
            None => {
                let mut read = Read::default();
                read.next(name, admin, 2).await?;
                read.revisions
            }
        };
        let latest = revisions.first().ok_or_else(|| self.unknown("the integration has no revision"))?;
        let find = |number: i64| {
            let found = revisions.iter().find(|kept| kept.revision == number);
            found.ok_or_else(|| self.unknown(&format!("revision {number} is none of its revisions")))
        };
        let (from, to) = match *asked {
            [] => match &revisions[..] {
                [latest, before, ..] => (before, latest),
                _ => return Err(self.unknown("it has one revision alone, and nothing to compare that with")),
            },
            [from] => (find(from)?, latest),
            [from, to, ..] => (find(from)?, find(to)?),
        };
        let changes = history::between(&revisions, from, to)?;
        Ok(output::print(&match self.output.format(&self.admin)? {
            Some(format) => manifest::write_node(&document(from, to, &changes), format)?,
            None => history::comparison(self.integration.whole(), (from, to), &changes, Style::of_stdout()),
        })?)
    }

    fn unknown(&self, reason: &str) -> Failure {
        let short = self.integration.short();
        Failure::Usage(format!("{reason}; `pointsman revisions {short}` shows what there is"))
    }
}

/// What an integration was from the revision `oldest` on, the latest first.
pub(super) async fn revisions_from(
    name: &str,
    admin: &AdminClient,
    oldest: i64,
) -> Result<Vec<IntegrationRevision>, Failure> {
    let mut read = Read::default();
    while !read.ended && !read.holds(oldest) {
        read.next(name, admin, PAGE_SIZE).await?;
    }
    Ok(read.revisions)
}

/// What was read, the latest first.
#[derive(Default)]
struct Read {
    revisions: Vec<IntegrationRevision>,
    token: String,
    ended: bool,
}

impl Read {
    async fn next(&mut self, name: &str, admin: &AdminClient, page_size: i32) -> Result<(), Failure> {
        let request = ListIntegrationRevisionsRequest {
            name: name.to_owned(),
            page_size,
            page_token: self.token.clone(),
        };
        let page = admin.list_integration_revisions(request).await?;
        if page.revisions.is_empty() && !page.next_page_token.is_empty() {
            return Err(Failure::Answer("a page of revisions is empty, and others follow it".to_owned()));
        }
        self.revisions.extend(page.revisions);
        self.ended = page.next_page_token.is_empty();
        self.token = page.next_page_token;
        Ok(())
    }

    /// Whether everything from this revision on was read.
    fn holds(&self, revision: i64) -> bool {
        self.revisions.last().is_some_and(|last| last.revision <= revision)
    }
}

fn document(from: &IntegrationRevision, to: &IntegrationRevision, changes: &[FieldChange]) -> Node {
    let entry = |key: &str, value| (key.to_owned(), Node::new(value));
    let text = |text: &str| Value::String(text.to_owned());
    let changes = changes.iter().map(|change| {
        let mut entries = vec![entry("field", text(&change.field))];
        entries.extend(change.before.as_deref().map(|before| entry("before", text(before))));
        entries.extend(change.after.as_deref().map(|after| entry("after", text(after))));
        if change.reroutes {
            entries.push(entry("reroutes", Value::Bool(true)));
        }
        Node::new(Value::Map(entries))
    });
    // As in the canonical JSON of messages, 64-bit numbers are texts.
    Node::new(Value::Map(vec![
        entry("from", text(&from.revision.to_string())),
        entry("to", text(&to.revision.to_string())),
        entry("changes", Value::List(changes.collect())),
    ]))
}
