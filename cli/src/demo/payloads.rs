//! What Acme ERP sends: the tutorial's two webhooks, and one of a customer that nobody knows.

/// A webhook, and where it must arrive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payload {
    /// The name of its file in `examples/payloads`.
    pub(super) file: &'static str,
    pub(super) body: &'static [u8],
    /// What of it says whose it is.
    pub(super) says: &'static str,
    /// The customer that it is about, by our external ID.
    pub(super) customer_external_id: &'static str,
    /// The customer's deployment.
    pub(super) deployment: &'static str,
    /// The flow that it must reach, by its key.
    pub(super) flow: &'static str,
}

/// What is sent, in this order.
pub(super) const ALL: &[Payload] = &[
    Payload {
        file: "acme-inventory-update.json",
        body: include_bytes!("../../../examples/payloads/acme-inventory-update.json"),
        says: r#"{"customerId": "A06DFFAC", "type": "inventory_update", …}"#,
        customer_external_id: "progix-1001",
        deployment: "bowlers-inc",
        flow: "update-inventory",
    },
    Payload {
        file: "acme-create-order.json",
        body: include_bytes!("../../../examples/payloads/acme-create-order.json"),
        says: r#"{"customerId": "C3E72B0C", "type": "create_order", …}"#,
        customer_external_id: "progix-1002",
        deployment: "pencils-co",
        flow: "create-order",
    },
];

/// A webhook for a customer that is not ours.
pub(super) const UNKNOWN_CUSTOMER: &str = r#"{"customerId": "FFFFFFFF", "type": "create_order"}"#;
