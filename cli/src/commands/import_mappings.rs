//! `import-mappings`: customer mappings from a file, however many.
//!
//! A connection that breaks is made again, and the import goes on behind the last row that the control plane has kept. A
//! line that cannot be read is sent as a row that cannot be written, so that the rows keep their numbers and the control
//! plane knows of it.

use std::path::PathBuf;

use clap::Args;
use pointsman_proto::admin::v1::{
    GetCustomerMappingImportRequest, GetCustomerMappingImportResponse, ImportCustomerMappingsResponse,
    ImportMode, ImportStart,
};
use pointsman_routing::name::IntegrationId;
use pointsman_sdk::admin::{AdminClient, AdminError};
use tonic::Code;
use uuid::Uuid;

use super::{End, Failure, test::integration_name, write::WriteSettings};
use crate::{
    manifest::{self, Source},
    mappings::FileFormat,
    output::{self, progress::Progress},
    settings::{AdminSettings, OutputSettings},
    signals::Signals,
};

mod attempts;
mod messages;
mod report;
mod spool;

use attempts::Attempts;
use messages::{Messages, Sent};
use report::Report;
use spool::Spool;

/// The longest id of an import; the control plane takes 63 characters, and the file's digest is one part of them.
const IMPORT_ID_MAX: usize = 50;

#[derive(Args, Debug)]
pub(super) struct ImportMappings {
    /// The integration, as `acme-erp` or `integrations/acme-erp`.
    #[arg(value_parser = integration_name)]
    integration: String,
    /// CSV with a header line (`source_customer_id,customer` or `source_customer_id,external_id`, and
    /// `customer_mapping_id`, `display_name` if wished), or JSON Lines with the same names; `-` reads standard input.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Source,
    /// How the file is written, where its name does not say.
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// Write the good rows where some are bad: in chunks, each a revision. Otherwise it is all rows, in one revision, or
    /// none.
    #[arg(long)]
    keep_going: bool,
    /// Names the import: with the id of one that was cut off, and the same file, it goes on where that was. With another
    /// file it is another import. A new one where it is not given.
    #[arg(long, value_name = "ID", value_parser = import_id)]
    import_id: Option<String>,
    /// Writes the bad rows to a file, as CSV: line, source_customer_id, reason. The first 1,000 of them.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    #[command(flatten)]
    output: OutputSettings,
    #[command(flatten)]
    write: WriteSettings,
    #[command(flatten)]
    admin: AdminSettings,
}

impl ImportMappings {
    pub(super) async fn run(self) -> Result<End, Failure> {
        let format = self.output.format(&self.admin)?;
        let file_format = self.file_format()?;
        let spool = Spool::of(&self.file)?;
        // What is wrong with the header is told before anything is sent.
        drop(spool.rows(file_format)?);
        let admin = self.write.connect(&self.admin).await?;
        let named = self.import_id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        // The control plane knows numbers of rows, and nothing of files: rows of two must not get into one import.
        let import_id = format!("{named}-{}", spool.digest);

        let mut signals = Signals::take()?;
        let imported = tokio::select! {
            imported = self.import(&admin, &import_id, &spool, file_format) => imported,
            _ = signals.next() => {
                self.tell_how_to_resume("interrupted", &named);
                return Ok(End::Interrupted);
            }
        };
        let (answer, sent) = imported.inspect_err(|failure| {
            if failure.may_be_resumed() {
                self.tell_how_to_resume("broken off", &named);
            }
        })?;
        let report = Report::new(&answer, &sent);
        if let Some(path) = &self.report {
            report.write(path)?;
        }
        match format {
            Some(format) => output::print(&manifest::write(&answer, format)?)?,
            None => output::print(&report.summary(self.write.is_dry_run()))?,
        }
        match (answer.failed, answer.committed) {
            (0, true) => self.write.end(&admin, answer.revision, format).await,
            (0, false) => Ok(End::Fine),
            (_, true) => {
                self.write.end(&admin, answer.revision, format).await?;
                Ok(End::SomeBad)
            }
            (_, false) => Ok(End::Refused),
        }
    }

    /// Sends the rows until there is an answer, from where the control plane has them.
    async fn import(
        &self,
        admin: &AdminClient,
        import_id: &str,
        spool: &Spool,
        format: FileFormat,
    ) -> Result<(ImportCustomerMappingsResponse, Sent), Failure> {
        let mut progress = Progress::start();
        let mut attempts = Attempts::new();
        // Nobody knows of one that is new.
        let mut is_new = self.import_id.is_none();
        loop {
            let kept = if is_new { Ok(None) } else { self.kept(admin, import_id).await };
            let failed = match kept {
                Ok(status) => {
                    let start = self.start(import_id, status.as_ref(), !attempts.any());
                    attempts.reached(start.first_row);
                    is_new = false;
                    let messages = Messages::new(start, spool.rows(format)?);
                    let sent = messages.sent();
                    let answer = admin.import_customer_mappings(messages.into_stream());
                    let answer = sent.watched(answer, spool, &mut progress).await;
                    if let Some(error) = sent.failed() {
                        return Err(spool.failure(error));
                    }
                    match answer {
                        Ok(answer) => return Ok((answer, sent)),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            let wait = attempts.next(&failed).ok_or(failed)?;
            progress.end();
            tokio::time::sleep(wait).await;
        }
    }

    /// How far the import has come; none where nobody knows of it.
    async fn kept(
        &self,
        admin: &AdminClient,
        import_id: &str,
    ) -> Result<Option<GetCustomerMappingImportResponse>, AdminError> {
        let request = GetCustomerMappingImportRequest {
            parent: self.integration.clone(),
            import_id: import_id.to_owned(),
        };
        match admin.get_customer_mapping_import(request).await {
            Ok(status) => Ok(Some(status)),
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn start(
        &self,
        import_id: &str,
        status: Option<&GetCustomerMappingImportResponse>,
        is_first: bool,
    ) -> ImportStart {
        // One that was not written before this command was given is tried anew: customers may be there by now.
        let spoilt = |status: &GetCustomerMappingImportResponse| {
            is_first && status.result.as_ref().is_some_and(|result| !result.committed)
        };
        let first_row = status.filter(|status| !spoilt(status)).map_or(0, |status| status.row_count);
        let mode = if self.keep_going { ImportMode::KeepGoing } else { ImportMode::AllOrNothing };
        ImportStart {
            parent: self.integration.clone(),
            import_id: import_id.to_owned(),
            mode: mode.into(),
            first_row,
            validate_only: self.write.is_dry_run(),
            ..ImportStart::default()
        }
    }

    fn file_format(&self) -> Result<FileFormat, Failure> {
        let named = match &self.file {
            Source::File(path) => FileFormat::of(path),
            Source::Stdin => None,
        };
        self.format.or(named).ok_or_else(|| {
            Failure::Usage(format!("how is {} written? say --format csv or --format jsonl", self.file))
        })
    }

    fn tell_how_to_resume(&self, what: &str, named: &str) {
        let mut command = format!("pointsman import-mappings {}", self.integration);
        command.push_str(&match &self.file {
            Source::Stdin => " -f -".to_owned(),
            Source::File(path) => format!(" -f {}", path.display()),
        });
        for (is_set, flag) in [(self.keep_going, " --keep-going"), (self.write.is_dry_run(), " --dry-run")] {
            if is_set {
                command.push_str(flag);
            }
        }
        output::note(&format!("{what}; go on within 24 hours with: {command} --import-id {named}\n"));
    }
}

fn import_id(id: &str) -> Result<String, String> {
    if id.len() > IMPORT_ID_MAX {
        return Err(format!("is longer than {IMPORT_ID_MAX} characters"));
    }
    IntegrationId::parse(id).map(|id| id.as_str().to_owned()).map_err(|error| error.to_string())
}
