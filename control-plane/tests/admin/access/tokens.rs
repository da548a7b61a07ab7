//! The service of access tokens.

use std::time::{Duration, SystemTime};

use pointsman_proto::admin::v1::{access_token::Role, *};
use tonic::Code;

use super::bearer::{create, expiring, token};
use crate::harness::{ControlPlane, said};

fn named(name: &str) -> String {
    format!("accessTokens/{name}")
}

async fn get(plane: &ControlPlane, secret: &str, id: &str) -> AccessToken {
    let request = GetAccessTokenRequest { name: named(id) };
    plane.tokens(secret).get_access_token(request).await.unwrap().into_inner().access_token.unwrap()
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let request = CreateAccessTokenRequest {
        request_id: "once".into(),
        ..create("ci", AccessToken { display_name: "CI".into(), ..token(Role::Editor, &["a", "b"]) })
    };
    let made = plane.tokens(&admin).create_access_token(request.clone()).await.unwrap().into_inner();
    assert!(made.secret.starts_with("pmt_") && made.secret.len() == 47, "{} long", made.secret.len());
    let shown = made.access_token.clone().unwrap();
    assert_eq!((shown.name.as_str(), shown.display_name.as_str()), ("accessTokens/ci", "CI"));
    assert_eq!(shown.integrations, ["integrations/a", "integrations/b"]);
    assert!(made.secret.starts_with(&shown.prefix) && shown.prefix.len() == 10, "{}", shown.prefix);
    assert_eq!(plane.reads(&made.secret).await, Ok(()));

    // The repeat makes no second one, and tells the secret no more.
    let again = plane.tokens(&admin).create_access_token(request).await.unwrap().into_inner();
    assert_eq!(again, CreateAccessTokenResponse { secret: String::new(), ..made.clone() });
    let listed = plane.tokens(&admin).list_access_tokens(ListAccessTokensRequest::default()).await.unwrap();
    let names: Vec<_> = listed.get_ref().access_tokens.iter().map(|token| token.name.as_str()).collect();
    assert_eq!(names, ["accessTokens/admin", "accessTokens/ci"]);
    assert_eq!(get(&plane, &admin, "ci").await, shown);

    for file in std::fs::read_dir(plane.data()).unwrap() {
        let file = file.unwrap().path();
        let bytes = std::fs::read(&file).unwrap();
        for secret in [&admin, &made.secret] {
            let found = bytes.windows(20).any(|window| window == &secret.as_bytes()[10..30]);
            assert!(!found, "a secret is in {}", file.display());
        }
    }
}

#[tokio::test]
async fn a_dry_run_makes_no_token() {
    let plane = ControlPlane::start().await;
    let request = CreateAccessTokenRequest { validate_only: true, ..create("a", token(Role::Admin, &[])) };
    let made = plane.tokens("").create_access_token(request).await.unwrap().into_inner();
    assert_eq!((made.secret.as_str(), made.revision), ("", 0));
    assert_eq!(plane.reads("").await, Ok(()), "it is still open");
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_with_all_its_faults() {
    let plane = ControlPlane::start().await;
    let past = expiring(token(Role::Viewer, &[]), Duration::ZERO);
    let edge =
        |role: Role| AccessToken { edge: "edges/a".into(), role: role.into(), ..AccessToken::default() };
    for (id, token, expected) in [
        ("", AccessToken::default(), vec!["access_token.role", "access_token_id"]),
        ("-", token(Role::Admin, &["a"]), vec!["access_token.integrations", "access_token_id"]),
        ("x", token(Role::Preprocess, &[]), vec!["access_token.integrations"]),
        ("x", AccessToken { edge: String::new(), ..edge(Role::Edge) }, vec!["access_token.edge"]),
        ("x", AccessToken { edge: "a".into(), ..edge(Role::Edge) }, vec!["access_token.edge"]),
        (
            "x",
            AccessToken { integrations: vec!["integrations/a".into()], ..edge(Role::Edge) },
            vec!["access_token.integrations"],
        ),
        ("x", edge(Role::Editor), vec!["access_token.edge"]),
        (
            "x",
            token(Role::Viewer, &["a", "-", "a"]),
            vec!["access_token.integrations[1]", "access_token.integrations[2]"],
        ),
        ("x", token(Role::Viewer, &["a"; 101]), vec!["access_token.integrations"]),
        ("x", AccessToken { role: 99, ..AccessToken::default() }, vec!["access_token.role"]),
        (
            "x",
            AccessToken { display_name: "x".repeat(256), ..token(Role::Viewer, &[]) },
            vec!["access_token.display_name"],
        ),
        ("x", past, vec!["access_token.expire_time"]),
    ] {
        let refused = said(plane.tokens("").create_access_token(create(id, token.clone())).await);
        assert_eq!(refused.code, Code::InvalidArgument, "{token:?}");
        assert_eq!(refused.fields(), expected, "{token:?}");
    }
    let nothing = CreateAccessTokenRequest { access_token: None, ..create("x", AccessToken::default()) };
    assert_eq!(said(plane.tokens("").create_access_token(nothing).await).fields(), ["access_token"]);
    assert_eq!(plane.reads("").await, Ok(()), "it is still open");
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_names_can_be_used_again() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let first = plane.make(&admin, "ci", token(Role::Editor, &[])).await;
    let taken = said(plane.tokens(&admin).create_access_token(create("ci", token(Role::Editor, &[]))).await);
    assert_eq!((taken.code, taken.reason.as_str()), (Code::AlreadyExists, "ALREADY_EXISTS"));

    let delete =
        |etag: &str| DeleteAccessTokenRequest { name: named("ci"), etag: etag.into(), ..Default::default() };
    let refused = said(plane.tokens(&admin).delete_access_token(delete("")).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::FailedPrecondition, "IN_USE"));
    assert_eq!(refused.preconditions[0].1, "accessTokens/ci");

    let seen = get(&plane, &admin, "ci").await;
    let stale = RevokeAccessTokenRequest { name: named("ci"), etag: "stale".into(), ..Default::default() };
    let refused = said(plane.tokens(&admin).revoke_access_token(stale).await);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    assert_eq!(plane.reads(&first).await, Ok(()));
    let dry = RevokeAccessTokenRequest { name: named("ci"), validate_only: true, ..Default::default() };
    plane.tokens(&admin).revoke_access_token(dry).await.unwrap();
    assert_eq!(plane.reads(&first).await, Ok(()));

    let revoked = plane.revoke(&admin, "ci").await;
    assert_ne!(revoked.etag, seen.etag);
    assert_eq!(get(&plane, &admin, "ci").await, revoked);
    assert_eq!(plane.revoke(&admin, "ci").await, revoked, "once is enough");

    plane.tokens(&admin).delete_access_token(delete(&revoked.etag)).await.unwrap();
    let gone = said(plane.tokens(&admin).delete_access_token(delete("")).await);
    assert_eq!((gone.code, gone.resource.as_deref()), (Code::NotFound, Some("accessTokens/ci")));
    let second = plane.make(&admin, "ci", token(Role::Editor, &[])).await;
    assert_eq!(plane.reads(&first).await, Err("TOKEN_UNKNOWN".to_owned()));
    assert_eq!(plane.reads(&second).await, Ok(()));
    assert_ne!(get(&plane, &admin, "ci").await.uid, seen.uid);
}

#[tokio::test]
async fn an_expired_token_can_be_deleted() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let secret =
        plane.make(&admin, "short", expiring(token(Role::Viewer, &[]), Duration::from_millis(300))).await;
    while plane.reads(&secret).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let delete = DeleteAccessTokenRequest { name: named("short"), ..Default::default() };
    plane.tokens(&admin).delete_access_token(delete).await.unwrap();
}

#[tokio::test]
async fn lists_have_pages_that_are_bound_to_their_request() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    for id in ["a", "b", "c"] {
        plane.make(&admin, id, token(Role::Viewer, &[])).await;
    }
    let mut names = Vec::new();
    let mut request = ListAccessTokensRequest { page_size: 1, ..Default::default() };
    loop {
        let page = plane.tokens(&admin).list_access_tokens(request.clone()).await.unwrap().into_inner();
        names.extend(page.access_tokens.into_iter().map(|token| token.name));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(names, ["a", "admin", "b", "c"].map(named));
    let other = ListCustomersRequest { page_token: request.page_token, ..Default::default() };
    let mut client =
        customer_service_client::CustomerServiceClient::new(super::bearer::with(plane.channel(), &admin));
    assert_eq!(said(client.list_customers(other).await).reason, "PAGE_TOKEN_INVALID");
}

#[tokio::test]
async fn when_a_token_was_last_used_is_known_after_a_stop() {
    let mut plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let before = SystemTime::now();
    assert_eq!(get(&plane, &admin, "admin").await.last_used_time, None, "no write for each call");
    let etag = get(&plane, &admin, "admin").await.etag;
    plane.restart().await;
    let admin_token = get(&plane, &admin, "admin").await;
    let used = SystemTime::try_from(admin_token.last_used_time.expect("a time")).unwrap();
    assert!(used >= before - Duration::from_millis(1), "{used:?}");
    assert_eq!(admin_token.etag, etag, "use is no change");
}

#[tokio::test]
async fn what_happens_to_tokens_is_in_the_audit_without_their_secrets() {
    let plane = ControlPlane::start().await;
    let admin = plane.close().await;
    let secret = plane.make(&admin, "ci", token(Role::Editor, &["a"])).await;
    plane.revoke(&admin, "ci").await;
    let delete = DeleteAccessTokenRequest { name: named("ci"), ..Default::default() };
    plane.tokens(&admin).delete_access_token(delete).await.unwrap();
    let channel = super::bearer::with(plane.channel(), &admin);
    let mut audit = audit_service_client::AuditServiceClient::new(channel);
    let entries = audit.list_audit_entries(ListAuditEntriesRequest::default()).await.unwrap().into_inner();
    let told: Vec<_> = entries
        .audit_entries
        .iter()
        .map(|entry| (entry.caller.as_str(), entry.resource.as_str(), entry.action()))
        .collect();
    use audit_entry::Action;
    assert_eq!(
        told,
        [
            ("accessTokens/admin", "accessTokens/ci", Action::Removed),
            ("accessTokens/admin", "accessTokens/ci", Action::Revoked),
            ("accessTokens/admin", "accessTokens/ci", Action::Created),
            ("", "accessTokens/admin", Action::Created),
        ]
    );
    let made: Vec<_> = entries.audit_entries[2].changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(made, ["role", "integrations[0]"]);
    assert!(entries.audit_entries[0].peer.starts_with("127.0.0.1:"), "{:?}", entries.audit_entries[0]);
    let said = format!("{entries:?}");
    assert!(!said.contains(&secret[10..]) && !said.contains(&admin[10..]), "{said}");
}
