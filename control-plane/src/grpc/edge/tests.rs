use prost_types::Duration as ProtoDuration;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::*;
use crate::testkit::{
    Plane, Served,
    edge::{Edge as TestEdge, Holdings},
    patient,
};

async fn served() -> Served {
    Plane::new(patient()).serve().await
}

fn wait(revision: i64) -> WaitForRevisionRequest {
    let timeout = Some(ProtoDuration { seconds: 20, nanos: 0 });
    WaitForRevisionRequest { revision, timeout, ..WaitForRevisionRequest::default() }
}

#[tokio::test]
async fn an_edge_is_shown_as_it_is() {
    let served = served().await;
    served.plane.customer("a", "1").await;
    let mut edge = TestEdge::connect(&served, "berlin", Holdings::default()).await;
    edge.commit().await;
    let rejection = pointsman_proto::edge::v1::Rejection {
        name: "customers/a".to_owned(),
        revision: 1,
        reason: "no".to_owned(),
        serving_previous: true,
    };
    edge.ack_with(edge.holdings.hash(), vec![rejection]).await;
    let mut client = served.edges().await;
    let waited = client.wait_for_revision(wait(1)).await.unwrap().into_inner();
    assert!(!waited.reached);
    let request = GetEdgeRequest { name: "edges/berlin".to_owned() };
    let shown = client.get_edge(request).await.unwrap().into_inner().edge.unwrap();
    assert_eq!((shown.name.as_str(), shown.version.as_str()), ("edges/berlin", "1.2.3"));
    assert_eq!((shown.connected, shown.revision), (true, 1));
    assert!(shown.last_seen_time.is_some());
    let expected = EdgeRejection {
        name: "customers/a".to_owned(),
        revision: 1,
        reason: "no".to_owned(),
        serving_previous: true,
    };
    assert_eq!(shown.rejections, [expected]);
}

#[tokio::test]
async fn an_edge_that_has_never_connected_is_not_found() {
    let served = served().await;
    let mut client = served.edges().await;
    let status = client.get_edge(GetEdgeRequest { name: "edges/nobody".to_owned() }).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let status = client.get_edge(GetEdgeRequest { name: "nobody".to_owned() }).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(status.get_details_bad_request().unwrap().field_violations[0].field, "name");
}

#[tokio::test]
async fn edges_are_listed_page_by_page() {
    let served = served().await;
    let mut edges = Vec::new();
    for id in ["c", "a", "b"] {
        let mut edge = TestEdge::connect(&served, id, Holdings::default()).await;
        edge.follow().await;
        edges.push(edge);
    }
    let mut client = served.edges().await;
    let mut names = Vec::new();
    let mut page_token = String::new();
    for expected in [2, 1] {
        let request = ListEdgesRequest { page_size: 2, page_token, filter: String::new() };
        let page = client.list_edges(request).await.unwrap().into_inner();
        assert_eq!(page.edges.len(), expected);
        names.extend(page.edges.into_iter().map(|edge| edge.name));
        page_token = page.next_page_token;
    }
    assert_eq!(page_token, "");
    assert_eq!(names, ["edges/a", "edges/b", "edges/c"]);
    for request in [
        ListEdgesRequest { page_size: -1, ..ListEdgesRequest::default() },
        ListEdgesRequest { page_token: "stale".to_owned(), ..ListEdgesRequest::default() },
    ] {
        let status = client.list_edges(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[tokio::test]
async fn a_page_of_edges_that_reject_everything_fits_into_a_message() {
    let served = served().await;
    let mut edges = Vec::new();
    for id in 0..5 {
        let mut edge = TestEdge::connect(&served, &format!("e{id}"), Holdings::default()).await;
        edge.commit().await;
        let rejection = pointsman_proto::edge::v1::Rejection {
            reason: "ä".repeat(600),
            revision: 7,
            ..pointsman_proto::edge::v1::Rejection::default()
        };
        edge.ack_with(edge.holdings.hash(), vec![rejection; 800]).await;
        edges.push(edge);
    }
    let mut client = served.edges().await;
    let waited =
        served.plane.fleet.wait(&Goal { min_edges: 5, ..Goal::default() }, Duration::from_secs(20)).await;
    assert!(waited.reached, "{waited:?}");
    let (mut shown, mut page_token) = (0, String::new());
    loop {
        let page = client.list_edges(ListEdgesRequest { page_token, ..ListEdgesRequest::default() }).await;
        let page = page.expect("below the usual 4 MiB").into_inner();
        assert!(!page.edges.is_empty());
        shown += page.edges.len();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(shown, 5);
}

#[tokio::test]
async fn waiting_ends_when_the_edge_serves_the_revision() {
    let served = served().await;
    let mut edge = TestEdge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    let mut client = served.edges().await;
    let waiting = tokio::spawn(async move { client.wait_for_revision(wait(1)).await });
    served.plane.customer("a", "1").await;
    edge.follow().await;
    let answer = waiting.await.unwrap().unwrap().into_inner();
    assert!(answer.reached);
    assert_eq!(answer.serving, ["edges/a"]);
    assert_eq!(answer.lagging, []);
}

#[tokio::test]
async fn waiting_says_who_lags_and_why_when_the_time_is_over() {
    let served = served().await;
    let mut edge = TestEdge::connect(&served, "a", Holdings::default()).await;
    edge.follow().await;
    served.plane.customer("a", "1").await;
    let request = WaitForRevisionRequest {
        revision: 1,
        min_edges: 2,
        edges: vec!["edges/a".to_owned(), "edges/b".to_owned()],
        timeout: Some(ProtoDuration { seconds: 0, nanos: 1_000_000 }),
    };
    let answer = served.edges().await.wait_for_revision(request).await.unwrap().into_inner();
    assert!(!answer.reached);
    assert_eq!(answer.serving, Vec::<String>::new());
    let lagging: Vec<_> =
        answer.lagging.iter().map(|laggard| (laggard.edge.as_str(), laggard.reason.as_str())).collect();
    assert_eq!(
        lagging,
        [
            ("edges/a", "has acknowledged revision 0 so far"),
            ("edges/b", "has never connected to this control plane"),
        ]
    );
}

#[tokio::test]
async fn all_faults_of_a_wait_are_named_at_once() {
    let served = served().await;
    let request = WaitForRevisionRequest {
        revision: 0,
        min_edges: -1,
        edges: vec!["edges/a".to_owned(), "b".to_owned()],
        timeout: Some(ProtoDuration { seconds: 301, nanos: 0 }),
    };
    let status = served.edges().await.wait_for_revision(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["revision", "min_edges", "edges[1]", "timeout"]);
}
