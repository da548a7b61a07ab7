//! A configuration that takes its public URLs along.

use pointsman_proto::admin::v1::{manifest_change::Action, *};
use tonic::Code;

use crate::{
    harness::{ControlPlane, acme, deployment, said, unshared, url},
    owners::of,
};

/// A token that is as good as any.
fn token(text: &str) -> String {
    format!("{text:-<32}")
}

fn tokens(endpoint: &str, flow: &str, tokens: &[&str]) -> EndpointTokens {
    EndpointTokens {
        endpoint: endpoint.to_owned(),
        flow: flow.to_owned(),
        tokens: tokens.iter().map(|text| token(text)).collect(),
    }
}

fn only(endpoint_tokens: Vec<EndpointTokens>) -> Manifest {
    Manifest { endpoint_tokens, ..Manifest::default() }
}

async fn export(plane: &ControlPlane) -> Manifest {
    let request = ExportManifestRequest { with_endpoint_tokens: true, ..Default::default() };
    plane.manifests().export_manifest(request).await.unwrap().into_inner().manifest.unwrap()
}

/// An integration of each type, with a deployment each.
fn three_types() -> Manifest {
    let mut manifest = acme();
    for (id, endpoint_type) in
        [("own", EndpointType::InstanceSpecific), ("flows", EndpointType::FlowSpecific)]
    {
        let integration = format!("integrations/{id}");
        manifest.integrations.push(unshared(&integration, endpoint_type));
        manifest.deployments.push(Deployment {
            flow_endpoints: [("main".to_owned(), url("http://127.0.0.1/"))].into(),
            ..deployment(&format!("{integration}/deployments/d"), "customers/gamma-llc")
        });
    }
    manifest
}

async fn urls(plane: &ControlPlane) -> [String; 3] {
    let shared = plane.integration("integrations/acme-erp").await.endpoint.unwrap().url;
    let own = plane.deployment("integrations/own/deployments/d").await.endpoint_url;
    let flow = plane.deployment("integrations/flows/deployments/d").await;
    [shared, own, flow.flow_endpoints["main"].endpoint_url.clone()]
}

#[tokio::test]
async fn a_system_moves_to_a_new_database_with_its_urls() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let moved = export(&plane).await;
    // Of 3 integrations, 4 deployments and their 6 flow endpoints: also those that do not count for the type of now.
    assert_eq!(moved.endpoint_tokens.len(), 13);
    assert_eq!(plane.export().await.manifest.unwrap().endpoint_tokens, []);

    let other = ControlPlane::start().await;
    other.apply(moved.clone()).await.unwrap();
    assert_eq!(export(&other).await, moved);
    assert_eq!(urls(&other).await, urls(&plane).await);
    // Where it is so already, nothing changes.
    let again = plane.apply(moved.clone()).await.unwrap();
    assert_eq!(again.revision, 1);
    // Into a database that has the resources with other URLs.
    let third = ControlPlane::start().await;
    third.apply(three_types()).await.unwrap();
    let answer = third.apply(moved.clone()).await.unwrap();
    assert_eq!(export(&third).await, moved);
    let integration = &answer.changes[0];
    assert_eq!((integration.action(), integration.changes.len()), (Action::Updated, 1));
    let FieldChange { field, before, after, reroutes } = &integration.changes[0];
    assert_eq!((field.as_str(), *reroutes), ("endpoint_tokens", true));
    assert_eq!((before.as_deref(), after.as_deref()), (Some("<redacted>"), Some("<redacted>")));
    let flows =
        answer.changes.iter().find(|change| change.name == "integrations/flows/deployments/d").unwrap();
    let fields: Vec<_> = flows.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["endpoint_tokens", "flow_endpoints[\"main\"].endpoint_tokens"]);
}

#[tokio::test]
async fn tokens_alone_name_their_resources() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let deployment = "integrations/flows/deployments/d";
    let answer = plane
        .apply(only(vec![
            tokens("integrations/acme-erp", "", &["a", "b"]),
            tokens(deployment, "main", &["c"]),
        ]))
        .await
        .unwrap();
    assert_eq!(answer.changes.len(), 2);
    let [shared, _, flow] = urls(&plane).await;
    assert_eq!(shared, format!("https://hooks.example.com/hooks/{}", token("a")));
    assert_eq!(flow, format!("https://hooks.example.com/hooks/{}", token("c")));
    // They are not pruned, and all that belongs to another stays another's.
    let refused = said(plane.ask(of("other", only(vec![tokens(deployment, "", &["d"])]))).await);
    assert_eq!(refused.reason, "OWNED_BY_ANOTHER");
    assert_eq!(refused.preconditions[0].1, deployment);
}

#[tokio::test]
async fn tokens_can_be_swapped_and_handed_on() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let (one, other) = ("integrations/acme-erp", "integrations/own/deployments/d");
    plane.apply(only(vec![tokens(one, "", &["a"]), tokens(other, "", &["b"])])).await.unwrap();
    plane.apply(only(vec![tokens(one, "", &["b"]), tokens(other, "", &["a"])])).await.unwrap();
    let [shared, own, _] = urls(&plane).await;
    assert!(shared.contains(&token("b")) && own.contains(&token("a")), "{shared} {own}");
    // Within a deployment, from its own endpoint to that of its flow.
    plane.apply(only(vec![tokens(other, "", &["n"]), tokens(other, "main", &["a"])])).await.unwrap();
    // From a flow that goes, in the same step.
    let mut manifest =
        Manifest { integrations: vec![three_types().integrations[0].clone()], ..Manifest::default() };
    let going = "integrations/acme-erp/deployments/bowlers-inc";
    plane.apply(only(vec![tokens(going, "create-order", &["g"])])).await.unwrap();
    let mut without = three_types().deployments[0].clone();
    without.flow_endpoints.remove("create-order");
    manifest.deployments = vec![without];
    manifest.endpoint_tokens = vec![tokens(one, "", &["g"])];
    plane.apply(manifest).await.unwrap();
    assert!(urls(&plane).await[0].contains(&token("g")));
}

#[tokio::test]
async fn a_token_leads_to_one_endpoint() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let (one, other) = ("integrations/acme-erp", "integrations/own/deployments/d");
    plane.apply(only(vec![tokens(one, "", &["a"]), tokens(other, "", &["b"])])).await.unwrap();
    let before = export(&plane).await;
    // One that is not in the manifest has it; another endpoint of the same resource has it.
    for (endpoint, flow, text, holder) in
        [(other, "", "a", one), (one, "", "b", other), (other, "main", "b", other)]
    {
        let refused = said(plane.apply(only(vec![tokens(endpoint, flow, &["x", text])])).await);
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::FailedPrecondition, "ENDPOINT_TOKEN_TAKEN")
        );
        assert_eq!(refused.fields(), ["manifest.endpoint_tokens[0].tokens"]);
        assert_eq!(refused.preconditions[0].1, holder);
        assert!(!format!("{refused:?}").contains(&token(text)), "a token is a secret: {refused:?}");
    }
    // Twice in the manifest, also of one endpoint.
    let twice = vec![tokens(one, "", &["x", "x"]), tokens(other, "", &["x"]), tokens(one, "", &["y"])];
    let refused = said(plane.apply(only(twice)).await);
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(
        refused.fields(),
        [
            "manifest.endpoint_tokens[0].tokens[1]",
            "manifest.endpoint_tokens[1].tokens[0]",
            "manifest.endpoint_tokens[2].endpoint"
        ]
    );
    assert!(!format!("{refused:?}").contains(&token("x")));
    assert_eq!(export(&plane).await, before);
}

#[tokio::test]
async fn faulty_tokens_are_all_named() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let weak = EndpointTokens {
        endpoint: "integrations/own".into(),
        tokens: vec!["weak".into()],
        ..Default::default()
    };
    let wrong = EndpointTokens {
        endpoint: "integrations/flows".into(),
        tokens: vec![token("a/b")],
        ..Default::default()
    };
    let refused = said(
        plane
            .apply(only(vec![
                weak,
                wrong,
                tokens("integrations/acme-erp", "", &[]),
                tokens("customers/gamma-llc", "", &["a"]),
                tokens("integrations/acme-erp", "main", &["b"]),
                tokens("", "", &["c"]),
                tokens("acme-erp", "", &["d"]),
            ]))
            .await,
    );
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(
        refused.fields(),
        [
            "manifest.endpoint_tokens[0].tokens[0]",
            "manifest.endpoint_tokens[1].tokens[0]",
            "manifest.endpoint_tokens[2].tokens",
            "manifest.endpoint_tokens[3].endpoint",
            "manifest.endpoint_tokens[4].flow",
            "manifest.endpoint_tokens[5].endpoint",
            "manifest.endpoint_tokens[6].endpoint",
        ]
    );
    let refused = said(
        plane
            .apply(only(vec![
                tokens("integrations/nowhere", "", &["a"]),
                tokens("integrations/own/deployments/nobody", "", &["b"]),
                tokens("integrations/own/deployments/d", "no-flow", &["c"]),
            ]))
            .await,
    );
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "ENDPOINT_NOT_FOUND"));
    assert_eq!(
        refused.fields(),
        [
            "manifest.endpoint_tokens[0].endpoint",
            "manifest.endpoint_tokens[1].endpoint",
            "manifest.endpoint_tokens[2].flow",
        ]
    );
}

/// What a sender knows of one customer never leads to another one, also where the deployment itself changes hands.
#[tokio::test]
async fn a_token_does_not_go_along_to_another_customer() {
    let plane = ControlPlane::start().await;
    plane.apply(three_types()).await.unwrap();
    let before = export(&plane).await;
    let mut moved = before.clone();
    let own = moved.deployments.iter_mut().find(|one| one.name.starts_with("integrations/own/")).unwrap();
    own.customer = "customers/bowlers-inc".to_owned();
    let refused = said(plane.apply(moved.clone()).await);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "ENDPOINT_TOKEN_OF_ANOTHER_CUSTOMER")
    );
    assert_eq!(refused.preconditions[0].1, "customers/gamma-llc");
    assert!(!format!("{refused:?}").contains(&moved.endpoint_tokens[0].tokens[0]), "{refused:?}");
    // From one deployment to that of another customer.
    let theirs = "integrations/acme-erp/deployments/bowlers-inc";
    let of_gamma = "integrations/own/deployments/d";
    plane.apply(only(vec![tokens(of_gamma, "", &["a"])])).await.unwrap();
    let handed = only(vec![tokens(of_gamma, "", &["b"]), tokens(theirs, "", &["a"])]);
    assert_eq!(said(plane.apply(handed).await).reason, "ENDPOINT_TOKEN_OF_ANOTHER_CUSTOMER");

    // Without its tokens it moves, and has new ones; the plan says so.
    moved.endpoint_tokens.retain(|tokens| tokens.endpoint != of_gamma);
    let manifest = Manifest { endpoint_tokens: Vec::new(), ..moved };
    let shown = plane
        .manifests()
        .apply_manifest(ApplyManifestRequest {
            manifest: Some(manifest.clone()),
            validate_only: true,
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    let change = shown.changes.iter().find(|change| change.name == of_gamma).unwrap();
    let url = change.changes.iter().find(|change| change.field == "endpoint_url").unwrap();
    assert_eq!(url.after.as_deref(), Some("a new one"));
    assert_eq!(url.before.as_deref(), Some(&*format!("/hooks/{}…", &token("a")[..6])));
    plane.apply(manifest).await.unwrap();
    assert!(!urls(&plane).await[1].contains(&token("a")));
}
