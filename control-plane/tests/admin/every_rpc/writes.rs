//! Every RPC that writes: tried, made, and repeated.

use std::collections::BTreeMap;

use prost_reflect::{DynamicMessage, Value};

use super::{
    shape::reads,
    wire::{call, field, message, method, methods, short_name, text},
};
use crate::harness::{ControlPlane, said};

/// Every RPC that writes is to be here, with a request that changes something; in an order in which all of them work.
/// `$<method>` stands for the revision that a call before has made.
const WRITES: &[(&str, &str)] = &[
    (
        "AccessTokenService/CreateAccessToken",
        r#"{"accessTokenId": "a", "accessToken": {"role": "ROLE_VIEWER"}}"#,
    ),
    ("AccessTokenService/RevokeAccessToken", r#"{"name": "accessTokens/a"}"#),
    ("AccessTokenService/DeleteAccessToken", r#"{"name": "accessTokens/a"}"#),
    (
        "ManifestService/ApplyManifest",
        r#"{"manifest": {
            "integrations": [{"name": "integrations/shared", "flows": [{"key": "f"}], "endpoint": {
                "type": "ENDPOINT_TYPE_SHARED", "externalCustomerId": {"reference": "results.body.data.id"}}}],
            "customers": [{"name": "customers/one", "externalId": "1"}]}}"#,
    ),
    ("CustomerService/CreateCustomer", r#"{"customerId": "two", "customer": {"externalId": "2"}}"#),
    ("CustomerService/UpdateCustomer", r#"{"customer": {"name": "customers/two", "externalId": "3"}}"#),
    ("CustomerService/DeleteCustomer", r#"{"name": "customers/two"}"#),
    (
        "IntegrationService/CreateIntegration",
        r#"{"integrationId": "i", "integration": {"flows": [{"key": "f"}],
            "endpoint": {"type": "ENDPOINT_TYPE_INSTANCE_SPECIFIC"}}}"#,
    ),
    (
        "IntegrationService/UpdateIntegration",
        r#"{"integration": {"name": "integrations/i", "displayName": "I"}}"#,
    ),
    (
        "IntegrationService/RollbackIntegration",
        r#"{"name": "integrations/i", "revision": "$CreateIntegration"}"#,
    ),
    ("IntegrationService/RotateEndpointToken", r#"{"name": "integrations/shared"}"#),
    (
        "CustomerMappingService/CreateCustomerMapping",
        r#"{"parent": "integrations/i", "customerMappingId": "m",
            "customerMapping": {"sourceCustomerId": "s", "customer": "customers/one"}}"#,
    ),
    (
        "CustomerMappingService/UpdateCustomerMapping",
        r#"{"customerMapping": {"name": "integrations/i/customerMappings/m", "sourceCustomerId": "t"}}"#,
    ),
    ("CustomerMappingService/DeleteCustomerMapping", r#"{"name": "integrations/i/customerMappings/m"}"#),
    (
        "CustomerMappingService/BatchUpsertCustomerMappings",
        r#"{"parent": "integrations/shared", "rows": [{"sourceCustomerId": "s", "customer": "customers/one"}]}"#,
    ),
    (
        "DeploymentService/CreateDeployment",
        r#"{"parent": "integrations/i", "deploymentId": "d", "deployment": {
            "customer": "customers/one", "flowEndpoints": {"f": {"url": "http://127.0.0.1:1/"}}}}"#,
    ),
    (
        "DeploymentService/UpdateDeployment",
        r#"{"deployment": {"name": "integrations/i/deployments/d", "displayName": "D"}}"#,
    ),
    ("DeploymentService/PauseDeployment", r#"{"name": "integrations/i/deployments/d"}"#),
    ("DeploymentService/ResumeDeployment", r#"{"name": "integrations/i/deployments/d"}"#),
    ("DeploymentService/RotateEndpointToken", r#"{"name": "integrations/i/deployments/d"}"#),
    ("DeploymentService/DeleteDeployment", r#"{"name": "integrations/i/deployments/d"}"#),
    ("IntegrationService/DeleteIntegration", r#"{"name": "integrations/i"}"#),
];

/// Tried elsewhere: streams say how they are repeated themselves (`imports`), and what an edge holds back needs an edge (in
/// the tests of `grpc::accept`).
const ELSEWHERE: [&str; 2] =
    ["CustomerMappingService/ImportCustomerMappings", "EdgeService/AcceptConfiguration"];

#[test]
fn every_rpc_that_writes_is_tried() {
    let mut writing: Vec<_> = methods().iter().filter(|method| !reads(method)).map(short_name).collect();
    let mut tried: Vec<_> = WRITES.iter().map(|(name, _)| *name).chain(ELSEWHERE).collect();
    writing.sort_unstable();
    tried.sort_unstable();
    assert_eq!(writing, tried, "an RPC that writes is tried here");
}

/// All that there is to change, as an admin sees it.
async fn state(plane: &ControlPlane, admin: &str) -> Vec<DynamicMessage> {
    let mut state = Vec::new();
    for (name, request) in [
        ("ManifestService/ExportManifest", r#"{"withEndpointTokens": true}"#),
        ("AccessTokenService/ListAccessTokens", "{}"),
        ("AuditService/ListAuditEntries", "{}"),
    ] {
        let method = method(name);
        let mut found = call(plane, admin, &message(method.input(), request), &method).await.unwrap();
        if name.ends_with("Tokens") {
            forget_use(&mut found);
        }
        state.push(found);
    }
    state
}

/// When a token was last used changes with this very call.
fn forget_use(listed: &mut DynamicMessage) {
    let tokens = listed.get_field_by_name_mut("access_tokens").unwrap();
    for token in tokens.as_list_mut().unwrap() {
        token.as_message_mut().unwrap().clear_field_by_name("last_used_time");
    }
}

#[tokio::test]
async fn every_write_can_be_tried_and_repeated() {
    let mut plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let mut revisions = BTreeMap::new();
    let mut answered = Vec::new();
    for (name, request) in WRITES {
        let method = method(name);
        let request = filled(request, &revisions);
        let request = |id: &str, validate_only| {
            let mut request = message(method.input(), &request);
            request.set_field_by_name("request_id", Value::String(id.to_owned()));
            request.set_field_by_name("validate_only", Value::Bool(validate_only));
            request
        };
        let before = state(&plane, &admin).await;
        call(&plane, &admin, &request(name, true), &method)
            .await
            .unwrap_or_else(|status| panic!("{name}: {status}"));
        assert!(state(&plane, &admin).await == before, "{name}: validate_only changes nothing");

        let first = call(&plane, &admin, &request(name, false), &method).await;
        let first = first.unwrap_or_else(|status| panic!("{name}: {status}"));
        let after = state(&plane, &admin).await;
        assert!(after != before, "{name}: it changes something");
        let again = call(&plane, &admin, &request(name, false), &method).await.unwrap();
        assert!(without_secret(&first) == again, "{name}: a repeat is answered as the first");
        assert!(state(&plane, &admin).await == after, "{name}: a repeat changes nothing");

        let revision = field(&first, "revision").as_i64().unwrap();
        revisions.insert(method.name().to_owned(), revision);
        let request = request(name, false);
        answered.push((method, request, again));
    }
    // Also after a restart, each for its own request alone.
    plane.restart().await;
    let after = state(&plane, &admin).await;
    for (index, (method, request, answer)) in answered.iter().enumerate() {
        let again = call(&plane, &admin, request, method).await.unwrap();
        assert!(again == *answer, "{}: a repeat after a restart", method.name());
        let (_, other, _) = &answered[(index + 1) % answered.len()];
        let mut reused = request.clone();
        reused.set_field_by_name("request_id", field(other, "request_id"));
        let refused = said(call(&plane, &admin, &reused, method).await.map(drop));
        assert_eq!(refused.reason, "REQUEST_ID_REUSED", "{} as {}", method.name(), text(other, "request_id"));
    }
    assert!(state(&plane, &admin).await == after);
}

fn filled(request: &str, revisions: &BTreeMap<String, i64>) -> String {
    let fill = |request: String, (method, revision): (&String, &i64)| {
        request.replace(&format!("\"${method}\""), &format!("\"{revision}\""))
    };
    revisions.iter().fold(request.to_owned(), fill)
}

fn without_secret(answer: &DynamicMessage) -> DynamicMessage {
    let mut answer = answer.clone();
    if answer.has_field_by_name("secret") {
        answer.clear_field_by_name("secret");
    }
    answer
}
