//! `audit`: who changed what, when, and from where.

use std::time::{Duration, SystemTime};

use clap::Args;
use pointsman_proto::admin::v1::{AuditEntry, ListAuditEntriesRequest, ListAuditEntriesResponse};
use pointsman_sdk::admin::AdminClient;

use super::{End, Failure};
use crate::{
    manifest,
    output::{self, audit, style::Style},
    settings::{AdminSettings, OutputSettings, units},
};

/// As many as the control plane gives at once.
const PAGE_SIZE: usize = 1_000;

#[derive(Args, Debug)]
pub(super) struct Audit {
    /// Only entries that this holds for: `resource = "customers/*" AND reroutes = true`. The fields: `caller`, `method`,
    /// `resource` (with a `/*` at the end, what lies below it), `action`, `reroutes`, `request_id`, `revision`, and
    /// `create_time` with `>=` and `<`.
    #[arg(long, value_name = "FILTER", default_value = "")]
    filter: String,
    /// Only entries that are not older, as `2h` or `7d`.
    #[arg(long, value_name = "DURATION", value_parser = units::lifetime)]
    since: Option<Duration>,
    /// Only entries because of which webhooks can go elsewhere.
    #[arg(long)]
    reroutes: bool,
    /// Show so many at most, the latest ones.
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl Audit {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let admin = self.admin.connect().await?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (entries, is_all) = read(&admin, &self.filter(SystemTime::now()), limit).await?;
        let text = match self.output.format(&self.admin)? {
            Some(format) => {
                let all = ListAuditEntriesResponse { audit_entries: entries, ..Default::default() };
                manifest::write(&all, format)?
            }
            None => audit::listed(&entries, Style::of_stdout()),
        };
        output::print(&text)?;
        if !is_all {
            output::note(&format!("there are older ones: --limit shows more than {limit}\n"));
        }
        Ok(End::Fine)
    }

    /// What the flags ask for, as one filter.
    fn filter(&self, now: SystemTime) -> String {
        let since = self.since.and_then(|since| now.checked_sub(since));
        let since = since.map(|since| format!("create_time >= \"{}\"", prost_types::Timestamp::from(since)));
        let reroutes = self.reroutes.then(|| "reroutes = true".to_owned());
        let own = Some(self.filter.clone()).filter(|filter| !filter.trim().is_empty());
        [own, since, reroutes].into_iter().flatten().collect::<Vec<_>>().join(" AND ")
    }
}

/// Up to `limit` entries, and whether that is all there are.
async fn read(admin: &AdminClient, filter: &str, limit: usize) -> Result<(Vec<AuditEntry>, bool), Failure> {
    let mut entries: Vec<AuditEntry> = Vec::new();
    let mut page_token = String::new();
    loop {
        let rest = (limit - entries.len()).min(PAGE_SIZE);
        let request = ListAuditEntriesRequest {
            page_size: i32::try_from(rest).unwrap_or(i32::MAX),
            page_token: page_token.clone(),
            filter: filter.to_owned(),
        };
        let page = admin.list_audit_entries(request).await?;
        entries.extend(page.audit_entries);
        if page.next_page_token.is_empty() {
            return Ok((entries, true));
        }
        if entries.len() >= limit {
            return Ok((entries, false));
        }
        // A page can be empty where the filter holds for few entries: what tells that it goes on is the token.
        if page.next_page_token == page_token {
            return Err(Failure::Answer("its pages do not end".to_owned()));
        }
        page_token = page.next_page_token;
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        audit: Audit,
    }

    #[test]
    fn flags_are_one_filter() {
        let filter = |args: &[&str]| {
            let args = [&["audit", "--server", "http://127.0.0.1:1"], args].concat();
            Cli::try_parse_from(args).unwrap().audit.filter(UNIX_EPOCH + Duration::from_secs(86_400))
        };
        assert_eq!(filter(&[]), "");
        assert_eq!(filter(&["--filter", "caller = ci"]), "caller = ci");
        assert_eq!(
            filter(&["--filter", "caller = ci", "--since", "2h", "--reroutes"]),
            "caller = ci AND create_time >= \"1970-01-01T22:00:00Z\" AND reroutes = true"
        );
        // Longer than there is time.
        assert_eq!(filter(&["--since", "300d"]), "create_time >= \"1969-03-08T00:00:00Z\"");
    }
}
