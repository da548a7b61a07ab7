mod property;

use pointsman_routing::directory::Directory as _;

use super::*;
use crate::sync::fixtures::{self, EPOCH, chunk, commit, customer, deployment, integration, junk, resource};

const INTEGRATION: &str = "integrations/acme";
const DEPLOYMENT: &str = "integrations/acme/deployments/bowlers";
const CUSTOMER: &str = "customers/bowlers";

/// A holder of Acme's integration, deployed to Bowlers.
fn holder() -> Holder {
    let mut holder = Holder::default();
    let resources = vec![
        resource(INTEGRATION, 1, &integration(&["shared"])),
        resource(CUSTOMER, 2, &customer("progix-1")),
        resource(DEPLOYMENT, 3, &deployment(CUSTOMER, "http://old.example/")),
    ];
    holder.apply(commit(chunk(3, true, resources, &[]))).unwrap();
    holder
}

fn upsert(holder: &mut Holder, resource: v1::Resource) {
    let revision = resource.revision;
    assert_eq!(holder.apply(commit(chunk(revision, false, vec![resource], &[]))), Ok(Applied::Taken));
}

/// The URL that the deployment's flow runs at, as requests see it.
fn url(holder: &Holder) -> Option<String> {
    let served = holder.served();
    let customer = served.table.customer_by_external_id("progix-1").unwrap()?;
    let integration = &served.table.endpoint("shared")?.integration;
    let deployment = served.table.deployment_for(&integration.id, &customer.id).unwrap()?;
    deployment.flow_endpoints.values().next().map(|endpoint| endpoint.url.to_string())
}

fn rejection(holder: &Holder) -> (String, i64, bool) {
    let [rejection] = &holder.ack().rejections[..] else { panic!("{:?}", holder.ack().rejections) };
    (rejection.name.clone(), rejection.revision, rejection.serving_previous)
}

#[test]
fn a_snapshot_and_changes_are_served() {
    let mut holder = holder();
    assert_eq!(url(&holder).unwrap(), "http://old.example/");
    assert_eq!((holder.served().revision, holder.served().epoch.as_str(), holder.len()), (3, EPOCH, 3));
    upsert(&mut holder, resource(DEPLOYMENT, 4, &deployment(CUSTOMER, "http://new.example/")));
    assert_eq!(url(&holder).unwrap(), "http://new.example/");
    holder.apply(commit(chunk(5, false, vec![], &[DEPLOYMENT]))).unwrap();
    assert_eq!(url(&holder), None);
    assert_eq!((holder.len(), holder.revision()), (2, 5));
}

#[test]
fn what_is_not_in_a_snapshot_is_gone() {
    let mut holder = holder();
    let rest = vec![resource(INTEGRATION, 1, &integration(&["shared"]))];
    let hash = fixtures::hash(&rest);
    holder.apply(commit(chunk(3, true, rest, &[]))).unwrap();
    assert_eq!((holder.len(), holder.hash()), (1, hash));
    assert_eq!(holder.served().table.len(), 1);
    holder.apply(commit(chunk(9, true, vec![], &[]))).unwrap();
    assert!(holder.served().table.is_empty());
    assert_eq!(holder.hash(), ConfigHash::default());
}

#[test]
fn an_empty_configuration_is_one() {
    let mut holder = Holder::default();
    assert_eq!(holder.apply(commit(chunk(0, true, vec![], &[]))), Ok(Applied::Taken));
    assert_eq!(holder.served().epoch, EPOCH);
}

#[test]
fn the_hash_is_over_all_that_was_received() {
    let mut holder = holder();
    let bad = junk("customers/bad", 4);
    let replaced = resource(CUSTOMER, 5, &customer("progix-2"));
    upsert(&mut holder, bad.clone());
    upsert(&mut holder, replaced.clone());
    holder.apply(commit(chunk(6, false, vec![], &[DEPLOYMENT]))).unwrap();
    let left = [resource(INTEGRATION, 1, &integration(&["shared"])), bad, replaced];
    assert_eq!(holder.hash(), fixtures::hash(&left));
    assert_eq!(holder.ack().hash, fixtures::hash(&left).to_wire());
}

#[test]
fn what_is_unusable_is_rejected_alone() {
    let mut holder = holder();
    let resources = vec![
        junk("customers/bad", 4),
        resource(DEPLOYMENT, 4, &deployment(CUSTOMER, "http://new.example/")),
        resource("unknown/kind", 4, &customer("x")),
    ];
    holder.apply(commit(chunk(4, false, resources, &[]))).unwrap();
    assert_eq!(url(&holder).unwrap(), "http://new.example/");
    let ack = holder.ack();
    let names: Vec<_> = ack.rejections.iter().map(|rejection| rejection.name.as_str()).collect();
    assert_eq!((names, ack.revision), (vec!["customers/bad", "unknown/kind"], 4));
    assert!(
        ack.rejections.iter().all(|rejection| !rejection.serving_previous && !rejection.reason.is_empty())
    );
}

#[test]
fn a_rejected_update_leaves_the_last_good_form_until_the_next_good_one() {
    let mut holder = holder();
    for revision in 4..6 {
        upsert(&mut holder, resource(DEPLOYMENT, revision, &deployment(CUSTOMER, "ftp://new.example/")));
        assert_eq!(url(&holder).unwrap(), "http://old.example/");
        assert_eq!(rejection(&holder), (DEPLOYMENT.to_owned(), revision, true));
    }
    // In a snapshot it is no different.
    let all = vec![
        resource(INTEGRATION, 1, &integration(&["shared"])),
        resource(CUSTOMER, 2, &customer("progix-1")),
        resource(DEPLOYMENT, 6, &deployment(CUSTOMER, "ftp://new.example/")),
    ];
    holder.apply(commit(chunk(6, true, all, &[]))).unwrap();
    assert_eq!(url(&holder).unwrap(), "http://old.example/");

    upsert(&mut holder, resource(DEPLOYMENT, 7, &deployment(CUSTOMER, "http://new.example/")));
    assert_eq!(url(&holder).unwrap(), "http://new.example/");
    assert_eq!(holder.ack().rejections, []);
}

#[test]
fn a_rejected_update_that_changes_whose_requests_these_are_ends_the_service() {
    let bad = || deployment(CUSTOMER, "ftp://new.example/");
    let tokens = || vec!["other".to_owned()];
    let mut with_flow_token = bad();
    with_flow_token.flow_endpoints.get_mut("orders").unwrap().endpoint_tokens = tokens();
    for (case, update) in [
        ("customer", resource(DEPLOYMENT, 4, &deployment("customers/others", "ftp://new.example/"))),
        ("malformed customer", resource(DEPLOYMENT, 4, &deployment("others", "http://new.example/"))),
        ("state", resource(DEPLOYMENT, 4, &v1::Deployment { paused: true, ..bad() })),
        ("tokens", resource(DEPLOYMENT, 4, &v1::Deployment { endpoint_tokens: tokens(), ..bad() })),
        ("tokens of a flow", resource(DEPLOYMENT, 4, &with_flow_token)),
        ("cannot be told", junk(DEPLOYMENT, 4)),
    ] {
        let mut holder = holder();
        upsert(&mut holder, update);
        assert_eq!(url(&holder), None, "{case}");
        assert_eq!(rejection(&holder), (DEPLOYMENT.to_owned(), 4, false), "{case}");
        // Going back to what once was good helps only where all of it is good.
        upsert(&mut holder, resource(DEPLOYMENT, 5, &bad()));
        assert_eq!(url(&holder), None, "{case}");
        upsert(&mut holder, resource(DEPLOYMENT, 6, &deployment(CUSTOMER, "http://new.example/")));
        assert_eq!(url(&holder).unwrap(), "http://new.example/", "{case}");
    }
}

#[test]
fn an_integration_s_last_good_form_stays_only_while_customers_are_found_the_same_way() {
    let reference = |text: &str| v1::ValueSource {
        source: Some(v1::value_source::Source::Reference(text.to_owned())),
        ..Default::default()
    };
    let good = || integration(&["shared"]);
    for (case, update, stays) in [
        ("flows", v1::Integration { flows: vec![], ..good() }, true),
        ("flow name", v1::Integration { flow_name: Some(reference("results..")), ..good() }, true),
        ("body limit", v1::Integration { max_body_bytes: -1, ..good() }, true),
        (
            "customer, malformed",
            v1::Integration { external_customer_id: Some(reference("results..")), ..good() },
            false,
        ),
        (
            "customer, and a fault elsewhere",
            v1::Integration {
                external_customer_id: Some(reference("results.headers.x-other")),
                max_body_bytes: -1,
                ..good()
            },
            false,
        ),
        (
            "user",
            v1::Integration { external_customer_user_id: Some(reference("results..")), ..good() },
            false,
        ),
        ("type", v1::Integration { endpoint_type: 99, ..good() }, false),
        ("tokens", v1::Integration { max_body_bytes: -1, ..integration(&["other"]) }, false),
        (
            "service",
            v1::Integration {
                preprocess: Some(v1::Preprocess { address: "gopher:".to_owned(), ..Default::default() }),
                ..good()
            },
            false,
        ),
    ] {
        let mut holder = holder();
        upsert(&mut holder, resource(INTEGRATION, 4, &update));
        assert_eq!(url(&holder).is_some(), stays, "{case}: {:?}", holder.ack().rejections);
        assert_eq!(rejection(&holder), (INTEGRATION.to_owned(), 4, stays), "{case}");
    }
}

#[test]
fn customers_and_mappings_that_cannot_be_read_are_not_served_as_they_were() {
    let mut holder = holder();
    upsert(&mut holder, resource(CUSTOMER, 4, &customer("")));
    assert_eq!(url(&holder), None);
    assert_eq!(rejection(&holder), (CUSTOMER.to_owned(), 4, false));
}

#[test]
fn pauses_and_removals_always_apply() {
    let mut holder = holder();
    upsert(&mut holder, resource(DEPLOYMENT, 4, &deployment(CUSTOMER, "ftp://new.example/")));
    holder.apply(commit(chunk(5, false, vec![], &[DEPLOYMENT]))).unwrap();
    assert_eq!((url(&holder), holder.ack().rejections), (None, vec![]));

    let mut holder = self::holder();
    let paused = v1::Deployment { paused: true, ..deployment(CUSTOMER, "http://old.example/") };
    upsert(&mut holder, resource(DEPLOYMENT, 4, &paused));
    let served = holder.served();
    let integration = &served.table.endpoint("shared").unwrap().integration;
    let customer = served.table.customer_by_external_id("progix-1").unwrap().unwrap();
    assert!(served.table.deployment_for(&integration.id, &customer.id).unwrap().unwrap().paused);
}

#[test]
fn old_and_repeated_commits_change_nothing() {
    let mut holder = holder();
    let newest = chunk(5, false, vec![resource(CUSTOMER, 5, &customer("progix-2"))], &[]);
    assert_eq!(holder.apply(commit(newest.clone())), Ok(Applied::Taken));
    let hash = holder.hash();
    let old = chunk(4, false, vec![resource(CUSTOMER, 4, &customer("progix-1"))], &[DEPLOYMENT]);
    for again in [newest, old] {
        assert_eq!(holder.apply(commit(again)), Ok(Applied::Old));
        assert_eq!((holder.revision(), holder.hash(), holder.len()), (5, hash, 3));
    }
    // A commit that is new, with a resource that is not.
    upsert(&mut holder, resource("customers/new", 6, &customer("new")));
    let stale = chunk(7, false, vec![resource(CUSTOMER, 4, &customer("progix-1"))], &[]);
    holder.apply(commit(stale)).unwrap();
    assert!(holder.served().table.customer_by_external_id("progix-2").unwrap().is_some());
}

#[test]
fn another_database_comes_as_a_snapshot_or_not_at_all() {
    let mut holder = holder();
    let before = holder.hash();
    let change = v1::Chunk { epoch: "epoch-2".to_owned(), ..chunk(9, false, vec![], &[DEPLOYMENT]) };
    assert!(matches!(holder.apply(commit(change)), Err(ApplyError::OtherDatabase { .. })));
    assert_eq!((holder.hash(), holder.epoch()), (before, EPOCH));

    // Its revisions count from anew, and what it cannot serve it does not serve from the other one.
    let resources = vec![
        resource(INTEGRATION, 1, &integration(&["shared"])),
        resource(CUSTOMER, 1, &customer("progix-1")),
        resource(DEPLOYMENT, 1, &deployment(CUSTOMER, "ftp://new.example/")),
    ];
    let snapshot = v1::Chunk { epoch: "epoch-2".to_owned(), ..chunk(1, true, resources, &[]) };
    holder.apply(commit(snapshot)).unwrap();
    assert_eq!((holder.epoch(), holder.revision(), url(&holder)), ("epoch-2", 1, None));
    assert!(!rejection(&holder).2);
}

#[test]
fn changes_before_any_snapshot_are_refused() {
    let mut holder = Holder::default();
    assert!(holder.apply(commit(chunk(1, false, vec![], &[]))).is_err());
    assert_eq!(holder.served().epoch, "");
}

#[test]
fn an_acknowledgement_has_a_bound() {
    let mut holder = Holder::default();
    let resources =
        (0..20_000).map(|n| junk(&format!("customers/a-customer-with-a-long-name-{n}"), 1)).collect();
    holder.apply(commit(chunk(1, true, resources, &[]))).unwrap();
    let ack = holder.ack();
    assert_eq!(holder.rejected(), 20_000);
    assert!(prost::Message::encoded_len(&ack) <= MAX_ACK_BYTES + 100);
    assert!(ack.rejections.len() > 1_000);
}
