//! Imports of customer mappings: a stream of rows, and how far one has come.

use std::{fmt::Display, time::Duration};

use pointsman_proto::admin::v1::{
    GetCustomerMappingImportRequest, GetCustomerMappingImportResponse, ImportCommit,
    ImportCustomerMappingsRequest, ImportCustomerMappingsResponse, ImportFailure, ImportMode, ImportStart,
    import_customer_mappings_request::Message,
};
use pointsman_routing::fault::Fault;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status, Streaming};

use super::{
    call,
    convert::integration::parse_parent,
    crud::made,
    mapping_rows::read,
    status::{self, Reason},
};
use crate::{
    domain::{Caller, ImportId},
    registry::{self, Failure, Import, ImportOutcome, Registry},
    store::Keep,
};

/// Rows of a message at most.
const MESSAGE_ROWS_MAX: usize = 10_000;
/// A stream on which nothing comes for so long is ended. It can be taken up.
const SILENCE: Duration = Duration::from_secs(300);

pub(super) async fn import(
    registry: &Registry,
    request: Request<Streaming<ImportCustomerMappingsRequest>>,
) -> Result<Response<ImportCustomerMappingsResponse>, Status> {
    let caller = call::caller(&request);
    let mut messages = request.into_inner();
    let Message::Start(start) = next(registry, &mut messages).await? else {
        return Err(out_of_turn("the first message is a `start`"));
    };
    let (mut import, keep) = open(registry, caller, start).await?;
    loop {
        let message = match next(registry, &mut messages).await {
            Ok(message) => message,
            Err(end) => {
                // What came is not to be sent again. Where that fails too, the end of the stream says why it ended.
                let _ = import.keep().await;
                return Err(end);
            }
        };
        match message {
            Message::Rows(rows) if rows.rows.len() > MESSAGE_ROWS_MAX => {
                let fault = format!("holds {} rows; at most {MESSAGE_ROWS_MAX} are allowed", rows.rows.len());
                return Err(status::from_faults(vec![Fault::new("rows.rows", fault)]));
            }
            Message::Rows(rows) => {
                import.add(rows.rows.into_iter().map(read)).await.map_err(status::from_error)?;
            }
            Message::Commit(ImportCommit { row_count }) => {
                let row_count = count("commit.row_count", row_count).map_err(faulty)?;
                let outcome = import.commit(row_count).await.map_err(status::from_error)?;
                return Ok(Response::new(answer(outcome, keep)));
            }
            Message::Start(_) => return Err(out_of_turn("a `start` is only the first message")),
        }
    }
}

pub(super) async fn status(
    registry: &Registry,
    request: Request<GetCustomerMappingImportRequest>,
) -> Result<Response<GetCustomerMappingImportResponse>, Status> {
    let caller = call::caller(&request);
    let GetCustomerMappingImportRequest { parent, import_id } = request.into_inner();
    let (integration, import_id) = match (parse_parent(&parent), parse_id("import_id", &import_id)) {
        (Ok(integration), Ok(import_id)) => (integration, import_id),
        (integration, id) => {
            return Err(status::from_faults(integration.err().into_iter().chain(id.err()).collect()));
        }
    };
    let found = registry.import_status(&caller, integration, import_id).await.map_err(status::from_error)?;
    Ok(Response::new(GetCustomerMappingImportResponse {
        row_count: to_wire(found.row_count),
        result: found.outcome.map(|outcome| answer(outcome, Keep::Changes)),
    }))
}

async fn open(registry: &Registry, caller: Caller, mut start: ImportStart) -> Result<(Import, Keep), Status> {
    // Where a stream begins is not what it asks for.
    let first_row = count("start.first_row", std::mem::take(&mut start.first_row));
    let mode = start.mode();
    let known = ImportMode::try_from(start.mode).map(drop);
    let known = known.map_err(|_| Fault::new("start.mode", format!("{} is none of its values", start.mode)));
    let (call, start) = call::read(caller, start);
    let integration = parse_parent(&start.parent).map_err(|fault| fault.within("start"));
    let import_id = parse_id("start.import_id", &start.import_id);
    let (first_row, integration, import_id) = match (first_row, known, integration, import_id) {
        (Ok(first_row), Ok(()), Ok(integration), Ok(import_id)) => (first_row, integration, import_id),
        (first_row, known, integration, import_id) => {
            let faults = [first_row.err(), known.err(), integration.err(), import_id.err()];
            return Err(call::refused(&call, faults.into_iter().flatten().collect()));
        }
    };
    if call.fault.is_some() {
        return Err(call::refused(&call, Vec::new()));
    }
    let keep_going = mode == ImportMode::KeepGoing;
    let keep = call.keep;
    let start = registry::ImportStart { integration, import_id, keep_going, first_row };
    let import = registry.open_import(call, start).await.map_err(status::from_error)?;
    Ok((import, keep))
}

/// The next message. A stream that ends has not come to its end: that is a commit.
async fn next(
    registry: &Registry,
    messages: &mut Streaming<ImportCustomerMappingsRequest>,
) -> Result<Message, Status> {
    let message = tokio::select! {
        message = timeout(SILENCE, messages.message()) => message,
        () = registry.imports_ending() => {
            let message = "the control plane is stopping; the import can be taken up when it is back";
            return Err(status::because(Code::Unavailable, Reason::Stopping, message));
        }
    };
    let message = message.map_err(|_| {
        let message = format!("nothing came for {SILENCE:?}; the import can be taken up");
        status::because(Code::DeadlineExceeded, Reason::DeadlineExceeded, message)
    })??;
    let Some(message) = message else {
        let message =
            "the stream ended without a `commit`: nothing is written, and the import can be taken up";
        return Err(status::because(Code::Cancelled, Reason::Cancelled, message));
    };
    message.message.ok_or_else(|| out_of_turn("a message is empty, or of a kind that is not known here"))
}

fn answer(outcome: ImportOutcome, keep: Keep) -> ImportCustomerMappingsResponse {
    let revision = made(outcome.revision(), keep);
    let ImportOutcome { created, updated, unchanged, failed, failures, committed, .. } = outcome;
    let failure = |(row, failure): (u64, Failure)| ImportFailure {
        row: to_wire(row),
        source_customer_id: failure.source_customer_id,
        reason: failure.reason,
        earlier_row: failure.earlier.map(to_wire),
    };
    ImportCustomerMappingsResponse {
        created: to_wire(created),
        updated: to_wire(updated),
        unchanged: to_wire(unchanged),
        failed: to_wire(failed),
        failures: failures.into_iter().map(failure).collect(),
        revision,
        committed,
    }
}

fn parse_id(field: &str, id: &str) -> Result<ImportId, Fault> {
    ImportId::parse(id).map_err(|error| Fault::new(field, error))
}

fn count(field: &str, count: i64) -> Result<u64, Fault> {
    u64::try_from(count).map_err(|_| Fault::new(field, "is below zero"))
}

fn to_wire(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn faulty(fault: Fault) -> Status {
    status::from_faults(vec![fault])
}

fn out_of_turn(reason: impl Display) -> Status {
    status::from_faults(vec![Fault::new("message", reason)])
}
