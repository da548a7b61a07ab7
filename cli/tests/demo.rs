//! `pointsman demo --once`: the main job through the binary.

use std::process::{Command, Stdio};

#[test]
fn the_demo_ends_well_and_says_where_each_webhook_went() {
    let output = Command::new(env!("CARGO_BIN_EXE_pointsman"))
        .args(["demo", "--once"])
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{errors}");
    assert_eq!(errors, "", "nothing to complain about");
    assert!(!said.contains('\u{1b}'), "no colours without a terminal: {said}");
    for line in [
        "→ {customerExternalId: \"progix-1001\", flowName: \"Update Inventory\"}",
        "customer     results.customerExternalId = \"progix-1002\" → customers/pencils-co",
        "customer     results.body.data.customerId = \"A06DFFAC\" → customers/bowlers-inc by \
         integrations/acme-erp-lite/customerMappings/a06dffac",
        "flow         results.body.data.type = \"create_order\" → create-order by values",
        "/acme-erp/bowlers-inc/update-inventory",
        "/acme-erp/pencils-co/create-order",
        "/acme-erp-lite/bowlers-inc/update-inventory",
        "/acme-erp-lite/pencils-co/create-order",
        "refused with 422 customer_unknown",
    ] {
        assert!(said.contains(line), "{line} in {said}");
    }
    assert_eq!(
        said.matches("as sent, for customer progix-1001 and flow update-inventory").count(),
        2,
        "{said}"
    );
    assert_eq!(said.matches("as sent, for customer progix-1002 and flow create-order").count(), 2, "{said}");
    assert!(said.ends_with("✓ All 5 webhooks ended where they should.\n"), "{said}");
}
