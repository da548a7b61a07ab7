//! Changes, and how long it takes until they are served.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use pointsman_proto::admin::v1::{
    BatchUpsertCustomerMappingsRequest, CustomerMappingRow, WaitForRevisionRequest,
    customer_mapping_service_client::CustomerMappingServiceClient, edge_service_client::EdgeServiceClient,
};

use tokio::time::interval;

use crate::{
    Args,
    data::Data,
    part::ControlPlane,
    report::{Flow, Report},
    simulated::Fleet,
    yardstick::Yardsticks,
};

/// The integration whose mappings all edges hear of again and again …
const FLIPPED: usize = 0;
/// … the first one, or the first so many.
const MANY: usize = 100;
/// How often they do.
const FLIPS: usize = 20;
/// Between two times that many change.
const BETWEEN_MANY: Duration = Duration::from_millis(100);
/// Between two single changes.
const PAUSE: Duration = Duration::from_millis(10);

/// The names of the mappings that all edges hear of.
pub(crate) fn flipped(data: &Data) -> HashSet<String> {
    let integration = Data::integration_name(FLIPPED);
    let name = |mapping| format!("{integration}/customerMappings/{}", Data::source(mapping));
    data.of(FLIPPED).take(MANY).map(name).collect()
}

/// One mapping after the other goes to another customer, while nothing else goes on.
pub(crate) async fn single(report: &mut Report, plane: &ControlPlane, args: &Args, yardsticks: &Yardsticks) {
    let (mut served, mut written) = (Vec::new(), Vec::new());
    for mapping in 1..=args.rounds.min(args.data.mappings - 1) {
        let started = Instant::now();
        let revision = write(plane, args.data.integration_of(mapping), vec![args.data.row(mapping, 1)]).await;
        let answered = Instant::now();
        // It answers a little after the edge began to serve it.
        until_served(plane, revision, 1).await;
        served.push(answered.elapsed());
        written.push(answered - started);
        tokio::time::sleep(PAUSE).await;
    }
    report.single_change(served, written, yardsticks);
}

/// One mapping goes from customer to customer, and all edges hear of it.
pub(crate) async fn to_fleet(report: &mut Report, plane: &ControlPlane, fleet: &Fleet, args: &Args) {
    let mut acknowledged = Vec::new();
    for turn in 1..=FLIPS {
        let row = args.data.of(FLIPPED).next().map(|mapping| args.data.row(mapping, turn));
        let revision = write(plane, FLIPPED, row.into_iter().collect()).await;
        let answered = Instant::now();
        until_served(plane, revision, fleet.len()).await;
        acknowledged.push(answered.elapsed());
    }
    report.fleet(fleet.len(), acknowledged);
}

/// Many mappings go from customer to customer, again and again.
pub(crate) async fn flow(plane: &ControlPlane, readers: &Fleet, args: &Args, rest_bytes: u64) -> Flow {
    let mut ticks = interval(BETWEEN_MANY);
    let mut acknowledged = Vec::new();
    // Behind those of single changes.
    for turn in FLIPS + 1..=3 * FLIPS {
        ticks.tick().await;
        let mappings = args.data.of(FLIPPED).take(MANY);
        let revision =
            write(plane, FLIPPED, mappings.map(|mapping| args.data.row(mapping, turn)).collect()).await;
        let answered = Instant::now();
        until_served(plane, revision, readers.len()).await;
        acknowledged.push(answered.elapsed());
    }
    Flow { rest_bytes, peak_bytes: plane.peak_memory(), acknowledged }
}

/// Writes mappings of an integration, at least one of which changes, and says at which revision.
pub(crate) async fn write(plane: &ControlPlane, integration: usize, rows: Vec<CustomerMappingRow>) -> i64 {
    let request = BatchUpsertCustomerMappingsRequest {
        parent: Data::integration_name(integration),
        rows,
        ..BatchUpsertCustomerMappingsRequest::default()
    };
    let mut client = CustomerMappingServiceClient::new(plane.channel());
    let written = client.batch_upsert_customer_mappings(request).await.expect("an answer").into_inner();
    assert!(written.updated > 0, "nothing changed: {written:?}");
    written.revision
}

/// Waits until so many edges serve a revision.
pub(crate) async fn until_served(plane: &ControlPlane, revision: i64, edges: usize) {
    let request = WaitForRevisionRequest {
        revision,
        min_edges: i32::try_from(edges).expect("a small number"),
        timeout: Some(prost_types::Duration { seconds: 120, nanos: 0 }),
        ..WaitForRevisionRequest::default()
    };
    let waited = EdgeServiceClient::new(plane.channel()).wait_for_revision(request).await;
    let waited = waited.expect("an answer").into_inner();
    assert!(waited.reached, "revision {revision} is served by {} of {edges} edges", waited.serving.len());
}
