//! Commands that write: what they remove, what they wait for, and how they end.

use pointsman_proto::edge::v1::{
    Hello, StreamConfigRequest, config_service_client::ConfigServiceClient, stream_config_request::Message,
};

use crate::harness::{Up, of_repository};

fn acme() -> Up {
    let up = Up::start();
    up.apply(&of_repository("examples/acme-erp.yaml"));
    up
}

const DEPLOYMENT: &str = "integrations/acme-erp/deployments/bowlers-inc";
const MAPPING: &str = "integrations/acme-erp/customerMappings/a06dffac";
const CUSTOMER: &str = "customers/bowlers-inc";

#[test]
fn what_is_deleted_is_gone_and_the_edges_know() {
    let up = acme();
    let tried = up.run(&["delete", DEPLOYMENT, "--dry-run"]);
    assert_eq!(
        (tried.code, tried.stdout.as_str()),
        (Some(0), &*format!("would be deleted   {DEPLOYMENT}\ndry run: nothing was changed\n"))
    );
    let gone = up.run(&["delete", DEPLOYMENT, MAPPING, CUSTOMER, "--wait"]);
    assert_eq!(gone.code, Some(0), "{gone:?}");
    assert_eq!(
        gone.stdout,
        format!(
            "deleted   {DEPLOYMENT}\ndeleted   {MAPPING}\ndeleted   {CUSTOMER}\nrevision 4\n\
             revision 4 is served by edges/local\n"
        )
    );
    let missing = up.run(&["delete", CUSTOMER]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.ends_with("hint: `pointsman get customers` lists what there is\n"), "{missing:?}");
    let allowed = up.run(&["delete", CUSTOMER, "--allow-missing", "-o", "json"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    let document: serde_json::Value = serde_json::from_str(&allowed.stdout).expect("JSON");
    assert_eq!(document["names"][0]["result"], "not there");
}

#[test]
fn what_is_used_is_not_deleted_and_its_users_are_named() {
    let up = acme();
    let refused = up.run(&["delete", CUSTOMER]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(3), ""));
    assert_eq!(
        refused.stderr,
        format!(
            "error: 2 faults (FAILED_PRECONDITION, IN_USE)\n  {CUSTOMER} is used by {DEPLOYMENT}\n  {CUSTOMER} is \
             used by {MAPPING}\nhint: remove or change first what uses it; nothing was changed\n"
        )
    );
    // What was done before the fault is told, and does not count as nothing.
    let partly = up.run(&["delete", DEPLOYMENT, CUSTOMER]);
    assert_eq!(
        (partly.code, partly.stdout.as_str()),
        (Some(1), &*format!("deleted   {DEPLOYMENT}\nrevision 2\n"))
    );
    assert!(partly.stderr.starts_with("error: only a part was done: customers/"), "{partly:?}");
    assert!(partly.stderr.contains("repeat with --allow-missing"), "{partly:?}");
}

#[test]
fn an_etag_keeps_what_has_changed() {
    let up = acme();
    let read = up.run(&["get", DEPLOYMENT, "-o", "json"]).stdout;
    let etag = serde_json::from_str::<serde_json::Value>(&read).expect("JSON")["etag"]
        .as_str()
        .expect("one")
        .to_owned();
    let changed = of_repository("examples/acme-erp.yaml").replace("bowlers-inc/orders", "elsewhere");
    up.apply(&changed);
    let refused = up.run(&["delete", DEPLOYMENT, "--etag", &etag]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(refused.stderr.contains("(ABORTED, ETAG_MISMATCH)"), "{refused:?}");
    assert!(refused.stderr.contains("read it again with `pointsman get"), "{refused:?}");
}

#[test]
fn an_edge_that_does_not_serve_the_change_is_named_in_time() {
    let up = Up::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    // An edge that says hello, and acknowledges nothing.
    let _stream = runtime.block_on(async {
        let mut client = ConfigServiceClient::connect(up.server.clone()).await.expect("a connection");
        let hello = Hello { edge: "edges/mute".to_owned(), version: "0".to_owned(), ..Hello::default() };
        let (sender, receiver) = tokio::sync::mpsc::channel(1);
        let request = StreamConfigRequest { message: Some(Message::Hello(hello)) };
        sender.send(request).await.expect("sent");
        let stream = tokio_stream::wrappers::ReceiverStream::new(receiver);
        let answers = client.stream_config(stream).await.expect("a stream").into_inner();
        (sender, answers)
    });
    let manifest = of_repository("examples/acme-erp.yaml");
    let late = up.run_with(&["apply", "-f", "-", "--wait=300ms"], &manifest);
    assert_eq!(late.code, Some(5), "{late:?}");
    assert!(late.stdout.contains("revision 1 is not yet served everywhere\n  edges/mute: "), "{late:?}");
    let programs = up.run_with(&["apply", "-f", "-", "--wait=300ms", "-o", "json"], &manifest);
    assert_eq!(programs.code, Some(5), "{programs:?}");
    serde_json::from_str::<serde_json::Value>(&programs.stdout).expect("one document");
    assert!(programs.stderr.contains("edges/mute"), "{programs:?}");
}
