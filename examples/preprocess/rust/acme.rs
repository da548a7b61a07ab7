//! What Acme ERP's webhooks mean: the tutorial's preprocess flow.

use std::collections::BTreeMap;

use pointsman_sdk::{Preprocessor, Refusal, Request, Results, async_trait};
use serde::Deserialize;

/// Turns Acme ERP's customer ids into external IDs, and its types of webhook into names of flows.
#[derive(Debug)]
pub(crate) struct Acme {
    /// Acme ERP's id for a customer → ours.
    customers: BTreeMap<String, String>,
}

impl Acme {
    /// For these customers, from Acme ERP's id to our external ID.
    pub(crate) fn new(customers: BTreeMap<String, String>) -> Self {
        Self { customers }
    }
}

/// The tutorial's two customers.
impl Default for Acme {
    fn default() -> Self {
        let customers = [("A06DFFAC", "progix-1001"), ("C3E72B0C", "progix-1002")];
        Self::new(customers.map(|(theirs, ours)| (theirs.to_owned(), ours.to_owned())).into())
    }
}

/// What we read of a webhook.
#[derive(Deserialize)]
struct Webhook {
    #[serde(rename = "customerId")]
    customer_id: String,
    r#type: String,
}

#[async_trait]
impl Preprocessor for Acme {
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        let Webhook { customer_id, r#type } = request.json()?;
        let external_id = self
            .customers
            .get(&customer_id)
            .ok_or_else(|| Refusal::not_found(format!("no customer has the Acme ERP id {customer_id:?}")))?;
        let flow_name = match r#type.as_str() {
            "inventory_update" => "Update Inventory",
            "create_order" => "Create Order",
            other => return Err(Refusal::not_found(format!("no flow is for webhooks of type {other:?}"))),
        };
        Ok(Results::new().set("customerExternalId", external_id).set("flowName", flow_name))
    }
}
