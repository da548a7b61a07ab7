//! Customer mappings in numbers: rows, and batches of them.

use pointsman_proto::admin::v1::{
    BatchUpsertCustomerMappingsRequest, BatchUpsertCustomerMappingsResponse, CustomerMappingRow,
    customer_mapping_row::Target,
};
use pointsman_routing::fault::Fault;
use tonic::{Request, Response, Status};

use super::{
    call,
    convert::{self, integration::parse_parent},
    crud::made,
    status,
};
use crate::{
    PublicUrl,
    domain::Revision,
    registry::{Action, MappingRow, Registry, RowTarget, Upserted},
};

/// Rows of a batch at most.
const BATCH_ROWS_MAX: usize = 1_000;

pub(super) async fn batch_upsert(
    registry: &Registry,
    request: Request<BatchUpsertCustomerMappingsRequest>,
) -> Result<Response<BatchUpsertCustomerMappingsResponse>, Status> {
    let (call, request) = call::open(request);
    let (integration, rows) = match (parse_parent(&request.parent), bounded(request.rows)) {
        (Ok(integration), Ok(rows)) => (integration, rows),
        (integration, rows) => {
            return Err(call::refused(&call, integration.err().into_iter().chain(rows.err()).collect()));
        }
    };
    let rows = rows.into_iter().map(read).collect();
    let keep = call.keep;
    let answer = move |upserted, revision: Revision| answer(upserted, made(revision, keep));
    let upserted = registry.upsert_mappings(call, integration, rows, answer).await;
    upserted.map(Response::new).map_err(status::from_error)
}

/// A row as it was written.
pub(super) fn read(row: CustomerMappingRow) -> MappingRow {
    let CustomerMappingRow { source_customer_id, target, customer_mapping_id, display_name } = row;
    let target = target.map(|target| match target {
        Target::Customer(customer) => RowTarget::Customer(customer),
        Target::ExternalId(external_id) => RowTarget::ExternalId(external_id),
    });
    MappingRow { source_customer_id, target, mapping_id: customer_mapping_id, display_name }
}

fn bounded(rows: Vec<CustomerMappingRow>) -> Result<Vec<CustomerMappingRow>, Fault> {
    match rows.len() {
        0 => Err(Fault::new("rows", "is empty")),
        1..=BATCH_ROWS_MAX => Ok(rows),
        more => Err(Fault::new(
            "rows",
            format!(
                "holds {more} rows; at most {BATCH_ROWS_MAX} are allowed, and an import takes any number"
            ),
        )),
    }
}

fn answer(upserted: Vec<Upserted>, revision: i64) -> BatchUpsertCustomerMappingsResponse {
    let count = |wanted: Action| {
        let count = upserted.iter().filter(|(_, action)| *action == wanted).count();
        i32::try_from(count).unwrap_or(i32::MAX)
    };
    BatchUpsertCustomerMappingsResponse {
        created: count(Action::Created),
        updated: count(Action::Updated),
        unchanged: count(Action::Unchanged),
        customer_mappings: upserted
            .into_iter()
            .map(|(mapping, _)| convert::message(mapping, &PublicUrl::default()))
            .collect(),
        revision,
    }
}
