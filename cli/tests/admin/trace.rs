//! `pointsman test`: each outcome that a dry run can reach, as an operator reads it.

use std::{
    net::TcpListener,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
};

use async_trait::async_trait;
use pointsman_sdk::{Preprocessor, Refusal, Request, Results, Server};

use crate::harness::{Ran, Up, of_repository};

/// Does what the header `x-act` says.
struct Service;

#[async_trait]
impl Preprocessor for Service {
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        let results = Results::new().set("customer", "progix-1001").set("flow", "One");
        match request.header("x-act")?.unwrap_or_default() {
            "refuse" => Err(Refusal::not_found("no shop 7")),
            "ask" => Err(Refusal::unauthenticated("who?")),
            "forbid" => Err(Refusal::permission_denied("no")),
            "fail" => Err(Refusal::internal("the shop is on fire")),
            "slow" => std::future::pending().await,
            "mistype" => Ok(results.set("flow", "Onne")),
            "forget" => Ok(Results::new().set("flow", "One").set("customerId", "progix-1001")),
            _ => Ok(results),
        }
    }
}

/// The address of the service, in a thread that ends with the tests.
fn service() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let server =
                Server::new(Service).bind(&"127.0.0.1:0".parse().expect("one")).await.expect("bound");
            sender.send(server.address().to_string()).expect("told");
            server.serve_until(std::future::pending()).await.expect("it serves");
        });
    });
    receiver.recv().expect("its address")
}

/// An address that nobody listens at.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address").to_string()
}

/// One for all tests that run at a time: a dry run changes nothing. It ends with the last of them.
fn up() -> Arc<Up> {
    static UP: Mutex<Weak<Up>> = Mutex::new(Weak::new());
    let mut shared = UP.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let up = Arc::new(Up::start());
        up.apply(&of_repository("examples/acme-erp.yaml"));
        let (service, dead) = (service(), nobody());
        up.apply(&format!(
            r#"
integrations:
- name: integrations/pre
  flows: [{{key: one, name: One}}, {{key: two, name: Two}}]
  endpoint:
    type: ENDPOINT_TYPE_SHARED
    preprocess: {{address: "http://{service}", timeout: 1s}}
    externalCustomerId: {{reference: results.customer}}
    flowName: {{reference: results.flow}}
- name: integrations/dead
  flows: [{{key: a}}]
  endpoint: {{type: ENDPOINT_TYPE_SHARED, preprocess: {{address: "http://{dead}"}}, externalCustomerId: {{reference: results.c}}}}
- name: integrations/barred
  flows: [{{key: a}}]
  endpoint: {{type: ENDPOINT_TYPE_SHARED, preprocess: {{address: "http://169.254.169.254"}}, externalCustomerId: {{reference: results.c}}}}
- name: integrations/instance
  flows: [{{key: one, name: One}}, {{key: two, name: Two}}]
  endpoint:
    type: ENDPOINT_TYPE_INSTANCE_SPECIFIC
    flowName: {{reference: results.headers.x-flow}}
    externalCustomerUserId: {{reference: results.headers.x-user}}
- name: integrations/flow
  flows: [{{key: one, name: One}}, {{key: two, name: Two}}]
  endpoint: {{type: ENDPOINT_TYPE_FLOW_SPECIFIC}}
- name: integrations/xml
  flows: [{{key: a}}]
  endpoint: {{type: ENDPOINT_TYPE_SHARED, externalCustomerId: {{reference: results.body.data.order.buyer}}}}
- name: integrations/form
  flows: [{{key: a}}]
  endpoint: {{type: ENDPOINT_TYPE_SHARED, externalCustomerId: {{reference: json(results.body.data.payload).team.id}}}}
- name: integrations/parts
  flows: [{{key: a}}]
  endpoint: {{type: ENDPOINT_TYPE_SHARED, externalCustomerId: {{reference: results.body.data.shop}}}}
customers: [{{name: customers/none, externalId: progix-1009}}]
deployments:
- {{name: integrations/pre/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{one: {{url: "http://127.0.0.1:9/one"}}}}}}
- {{name: integrations/instance/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{one: {{url: "http://127.0.0.1:9/one?src=a"}}}}}}
- {{name: integrations/instance/deployments/p, customer: customers/pencils-co, state: STATE_PAUSED, flowEndpoints: {{one: {{url: "http://127.0.0.1:9/one"}}}}}}
- {{name: integrations/flow/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{one: {{url: "http://127.0.0.1:9/one"}}}}}}
- {{name: integrations/xml/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{a: {{url: "http://127.0.0.1:9/xml"}}}}}}
- {{name: integrations/form/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{a: {{url: "http://127.0.0.1:9/form"}}}}}}
- {{name: integrations/parts/deployments/b, customer: customers/bowlers-inc, flowEndpoints: {{a: {{url: "http://127.0.0.1:9/parts"}}}}}}
"#
        ));
        *shared = Arc::downgrade(&up);
        up
    })
}

/// Tests with a body; `-f -` is added.
fn test(args: &[&str], body: &str) -> Ran {
    up().run_with(&[&["test"], args, &["-f", "-"]].concat(), body)
}

/// What an operator reads of a request that would go somewhere.
fn routed(args: &[&str], body: &str) -> String {
    let ran = test(args, body);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{}", ran.stdout);
    ran.stdout
}

/// What an operator reads below the steps of one that would not.
fn refused(args: &[&str], body: &str) -> String {
    let ran = test(args, body);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(4), ""), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "no colours without a terminal: {}", ran.stdout);
    let place = ran.stdout.find("refused").unwrap_or_else(|| panic!("no refusal: {}", ran.stdout));
    ran.stdout[place..].to_owned()
}

const JSON: [&str; 2] = ["-H", "content-type: application/json"];

#[test]
fn a_route_is_shown_from_what_was_read_to_the_url() {
    assert_eq!(
        routed(&["acme-erp"], &of_repository("examples/payloads/acme-inventory-update.json")),
        "✓ customer    results.body.data.customerId  \"A06DFFAC\"          → customers/bowlers-inc  by \
         customerMappings/a06dffac\n\
         ✓ deployment  of this customer                                  → deployments/bowlers-inc\n\
         ✓ flow        results.body.data.type        \"inventory_update\"  → update-inventory  by values\n\
         \n\
         goes to  http://127.0.0.1:9001/bowlers-inc/inventory\n\
         for      customers/bowlers-inc (progix-1001)\n"
    );
}

#[test]
fn the_service_is_shown_with_its_answer_and_its_time() {
    let said = routed(&["pre"], "{}");
    let first = said.lines().next().expect("a line");
    assert!(first.starts_with("✓ preprocess  http://127.0.0.1:") && first.ends_with(" ms"), "{said}");
    assert!(said.contains("\n              {customer: \"progix-1001\", flow: \"One\"}\n"), "{said}");
    assert!(said.contains("\ngoes to  http://127.0.0.1:9/one\n"), "{said}");
}

#[test]
fn endpoints_of_each_type_are_tested() {
    let said = routed(
        &[
            "instance",
            "--deployment",
            "b",
            "-H",
            "x-flow: One",
            "-H",
            "x-user: u-1",
            "--path",
            "/deep",
            "--query",
            "q=1",
        ],
        "",
    );
    assert!(said.contains("goes to  http://127.0.0.1:9/one/deep?src=a&q=1\n"), "{said}");
    assert!(said.contains("user     u-1\n"), "{said}");
    let said = routed(&["flow", "--deployment", "b", "--flow", "one"], "");
    assert!(said.contains("✓ flow        the endpoint's  → one\n"), "{said}");
}

#[test]
fn bodies_of_each_kind_are_read() {
    let xml = "<order><buyer>progix-1001</buyer></order>";
    assert!(routed(&["xml", "-H", "content-type: text/xml"], xml).contains("\"progix-1001\""));
    let form = "payload=%7B%22team%22%3A%7B%22id%22%3A%22progix-1001%22%7D%7D";
    routed(&["form", "-H", "content-type: application/x-www-form-urlencoded"], form);
    let parts = "--b\r\ncontent-disposition: form-data; name=\"shop\"\r\n\r\nprogix-1001\r\n--b--\r\n";
    routed(&["parts", "-H", "content-type: multipart/form-data; boundary=b"], parts);
}

#[test]
fn a_mistyped_customer_is_answered_with_the_nearest_and_what_to_do() {
    assert_eq!(
        refused(&["acme-erp"], r#"{"customerId": "A06DFFAX", "type": "create_order"}"#),
        "refused  customer_unknown\n\
         why      integrations/acme-erp has no customer mapping for \"A06DFFAX\".\n\
         nearest  \"A06DFFAC\"  customers/bowlers-inc\n\
         to do    Correct the sender, if \"A06DFFAC\" (customers/bowlers-inc) is meant.\n\
         or       Add a customer mapping for \"A06DFFAX\".\n\
         run      printf 'source_customer_id,customer\\nA06DFFAX,customers/ID\\n' | pointsman import-mappings acme-erp --format \
         csv -f -\n"
    );
    let said = refused(&["acme-erp"], r#"{"customerId": "progix-1001", "type": "create_order"}"#);
    assert!(said.contains("to do    It is the external ID of customers/bowlers-inc: leave out "), "{said}");
    let said = refused(&["xml", "-H", "content-type: text/xml"], "<order><buyer>progix-1O01</buyer></order>");
    assert!(said.contains("nearest  \"progix-1001\"  customers/bowlers-inc\n"), "{said}");
    let said = refused(&["xml", "-H", "content-type: text/xml"], "<order><buyer>bowlers-inc</buyer></order>");
    assert!(
        said.contains("is a customer's name and no external ID; its external ID is \"progix-1001\""),
        "{said}"
    );
}

/// The command that is proposed is one that works, once it is told which customer is meant.
#[test]
fn the_proposed_command_works() {
    let up = Up::start();
    up.apply(&of_repository("examples/acme-erp.yaml"));
    let body = r#"{"customerId": "NEW-7", "type": "create_order"}"#;
    let said = up.run_with(&["test", "acme-erp", "-f", "-"], body).stdout;
    let command = said.lines().find_map(|line| line.strip_prefix("run      printf ")).expect("a command");
    let (rows, import) = command.split_once(" | pointsman ").expect("a pipe");
    let rows = rows.trim_matches('\'').replace("\\n", "\n").replace("customers/ID", "customers/bowlers-inc");
    let imported = up.run_with(&import.split(' ').collect::<Vec<_>>(), &rows);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let ran = up.run_with(&["test", "acme-erp", "-f", "-"], body);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn a_mistyped_flow_is_answered_with_the_nearest() {
    let said = refused(&["acme-erp"], r#"{"customerId": "A06DFFAC", "type": "create_ordr"}"#);
    assert!(
        said.starts_with("refused  flow_unknown\nwhy      endpoint.flowName.values does not hold"),
        "{said}"
    );
    assert!(said.contains("nearest  \"create_order\"  Create Order\n"), "{said}");
    let said = refused(&["pre", "-H", "x-act: mistype"], "");
    assert!(said.contains("its flows are \"One\" (one), \"Two\" (two).\nnearest  \"One\"  one\n"), "{said}");
    assert!(said.contains("to do    Correct the service, if \"One\" is meant.\n"), "{said}");
}

#[test]
fn a_reference_that_finds_nothing_is_answered_with_what_is_there() {
    let said = refused(&["acme-erp"], r#"{"customerID": "A06DFFAC", "type": "create_order"}"#);
    assert!(said.contains("results.body.data holds customerID, type.\n"), "{said}");
    assert!(said.contains("nearest  \"results.body.data.customerID\"  \"A06DFFAC\"\n"), "{said}");
    let said = refused(&["acme-erp", "-H", "content-type: text/plain"], r#"{"customerId": "A06DFFAC"}"#);
    assert!(said.contains("A body of the Content-Type text/plain is not read"), "{said}");
    assert!(said.contains("it looks like JSON: that would be application/json"), "{said}");
    assert!(refused(&["acme-erp"], "").contains("The request has no body."));
    let said = refused(&["pre", "-H", "x-act: forget"], "");
    assert!(said.contains("results holds customerId, flow.\n"), "{said}");
    assert!(said.contains("nearest  \"results.customerId\"  \"progix-1001\"\n"), "{said}");
    let said = refused(&["instance", "--deployment", "b", "-H", "x-flow: One", "-H", "x-usr: u"], "");
    assert!(said.starts_with("refused  customer_user_not_resolved\n"), "{said}");
    assert!(said.contains("nearest  \"results.headers.x-usr\"  \"u\"\n"), "{said}");
}

#[test]
fn a_malformed_body_is_shown_where_it_is_wrong() {
    let said = refused(&[&["acme-erp"], &JSON[..]].concat(), "{\n  \"customerId\": \"A06DFFAC\",,\n}");
    assert!(said.starts_with("refused  body_malformed\n"), "{said}");
    assert!(
        said.contains("line 2, column 28, where `customerId\": \"A06DFFAC\",` is followed by `,\\n}`."),
        "{said}"
    );
    let said = refused(&["xml"], "<order/>");
    assert!(
        said.contains("There is no Content-Type, so it is read as JSON, and it looks like XML"),
        "{said}"
    );
    let said = refused(&["acme-erp"], r#"{"customerId": "A", "customerId": "B"}"#);
    assert!(said.contains("has this key twice"), "{said}");
}

#[test]
fn what_an_edge_turns_away_at_the_door_is_turned_away() {
    let body = r#"{"customerId": "A06DFFAC", "type": "create_order"}"#;
    let large = format!("{body}{}", " ".repeat(6 * 1024 * 1024));
    for (args, body, code, to_do) in [
        (&["acme-erp", "-X", "TRACE"][..], body, "method_not_allowed", "Have the sender use one of GET, "),
        (
            &["acme-erp", "--path", "a/../b"],
            body,
            "path_invalid",
            "Have the sender leave that out of the path",
        ),
        (
            &["acme-erp"],
            &large,
            "body_too_large",
            "Have the sender send less, or raise endpoint.maxBodyBytes",
        ),
        (
            &["acme-erp", "-H", "content-type: a/b", "-H", "content-type: a/b"],
            body,
            "request_ambiguous",
            "Have the sender say once",
        ),
        (
            &["instance", "--deployment", "b", "-H", "x-user: a", "-H", "x-user: b"],
            "",
            "request_ambiguous",
            "Have the sender send it once",
        ),
    ] {
        let said = refused(args, body);
        assert!(said.starts_with(&format!("refused  {code}\nwhy      ")), "{said}");
        assert!(said.contains(&format!("\nto do    {to_do}")), "{said}");
    }
}

#[test]
fn a_deployment_that_does_not_serve_says_why() {
    let said = refused(&["instance", "--deployment", "p", "-H", "x-flow: One", "-H", "x-user: u"], "");
    assert!(
        said.starts_with(
            "refused  deployment_paused\nwhy      integrations/instance/deployments/p is paused.\n"
        ),
        "{said}"
    );
    assert!(said.ends_with("run      pointsman resume integrations/instance/deployments/p\n"), "{said}");
    let said = refused(&["xml", "-H", "content-type: text/xml"], "<order><buyer>progix-1009</buyer></order>");
    assert!(
        said.starts_with(
            "refused  deployment_not_found\nwhy      customers/none has no deployment of integrations/xml.\n"
        ),
        "{said}"
    );
    let said = refused(&["instance", "--deployment", "b", "-H", "x-flow: Two", "-H", "x-user: u"], "");
    assert!(said.contains("has no URL for the flow \"two\"; it has one for \"one\".\n"), "{said}");
    assert!(
        said.contains("to do    Add flowEndpoints.two.url to integrations/instance/deployments/b.\n"),
        "{said}"
    );
}

#[test]
fn a_service_that_does_not_serve_says_what_happened() {
    for (act, code, why) in [
        ("refuse", "preprocess_refused", "It answered NotFound: no shop 7."),
        ("ask", "preprocess_unauthenticated", "It answered Unauthenticated: who?"),
        ("forbid", "preprocess_forbidden", "It answered PermissionDenied: no."),
        ("fail", "preprocess_failed", "It answered Internal: the shop is on fire."),
        ("slow", "preprocess_timeout", "No answer within 1s."),
    ] {
        let said = refused(&["pre", "-H", &format!("x-act: {act}")], "");
        assert!(said.starts_with(&format!("refused  {code}\nwhy      {why}\nto do    ")), "{said}");
    }
    let said = refused(&["dead"], "");
    assert!(
        said.contains("why      No connection: 127.0.0.1:") && said.contains("Connection refused"),
        "{said}"
    );
    assert!(
        said.contains("to do    Check that the service runs, and that it listens at http://127.0.0.1:"),
        "{said}"
    );
    let said = refused(&["barred"], "");
    assert!(said.contains("may not be dialled: it is link-local"), "{said}");
}

#[test]
fn a_proposal_is_tested_without_being_applied() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let config = file.path().to_str().expect("a path");
    let propose = |text: &str| std::fs::write(file.path(), text).expect("written");
    propose(
        "flows: [{key: create-order}]\n\
         endpoint: {type: ENDPOINT_TYPE_SHARED, externalCustomerId: {reference: results.headers.x-shop}}\n",
    );
    let said = routed(&["acme-erp", "--config", config, "-H", "x-shop: progix-1001"], "");
    assert!(said.contains("✓ flow        the only one"), "{said}");
    assert_eq!(test(&["acme-erp", "-H", "x-shop: progix-1001"], "").code, Some(4), "nothing was applied");

    propose(
        "flows: [{key: a b}]\nendpoint: {type: ENDPOINT_TYPE_SHARED, externalCustomerId: {reference: result.x}}\n",
    );
    let ran = test(&["acme-erp", "--config", config], "");
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(3), ""));
    assert!(
        ran.stderr.starts_with("error: 2 faults (INVALID_ARGUMENT)\n  proposed.flows[0].key: "),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("\n  proposed.endpoint.external_customer_id.reference: "), "{ran:?}");
    assert!(ran.stderr.contains(&format!("\nhint: mend {config}")), "{ran:?}");
    propose("flows: [{kee: a}]\n");
    let ran = test(&["acme-erp", "--config", config], "");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("line 1: flows[0]: unknown field `kee`; did you mean `key`?"), "{ran:?}");
}

#[test]
fn a_test_that_cannot_be_made_says_how_it_can() {
    for (args, code, hint) in [
        (&["acme-er"][..], 1, "did you mean acme-erp?"),
        (&["no-such-thing"], 1, "`pointsman get integrations` lists"),
        (
            &["instance"],
            3,
            "name it with --deployment ID; `pointsman get integrations/instance/deployments` lists",
        ),
        (&["instance", "--deployment", "c"], 1, "`pointsman get integrations/instance/deployments` lists"),
        (&["flow", "--deployment", "b"], 3, "name it with --flow KEY"),
        (&["flow", "--deployment", "b", "--flow", "two"], 3, "mend the flags"),
        (&["acme-erp", "--deployment", "b"], 3, "mend the flags"),
        (&["acme-erp", "--query", "a b"], 3, "mend the flags"),
    ] {
        let ran = test(args, "{}");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(code), ""), "{ran:?}");
        assert!(ran.stderr.contains(&format!("\nhint: {hint}")), "{ran:?}");
    }
}

#[test]
fn programs_get_the_whole_answer() {
    let body = r#"{"customerId": "A06DFFAX", "type": "create_order"}"#;
    let ran = test(&["acme-erp", "-o", "json"], body);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(4), ""));
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(answer["steps"][0]["found"], "A06DFFAX");
    assert_eq!(answer["refusal"]["code"], "customer_unknown");
    assert_eq!(answer["refusal"]["candidates"][0]["standsFor"], "customers/bowlers-inc");
    assert_eq!(answer["refusal"]["advice"].as_array().expect("a list").len(), 2);
    let ran = test(&["acme-erp", "-o", "yaml"], body);
    assert!(ran.stdout.starts_with("steps:\n- stage: STAGE_CUSTOMER\n"), "{ran:?}");
}
