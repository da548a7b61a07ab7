//! The Preprocess service: parses the body, looks up its customer and type.

use std::{collections::HashMap, error::Error, fs, path::PathBuf};

use clap::Parser;
use pointsman_sdk::{Listen, Preprocessor, Refusal, Request, Results, Server, async_trait};
use serde::Deserialize;

#[derive(Parser)]
struct Flags {
    /// `127.0.0.1:50061` or `unix:/path`.
    #[arg(long)]
    listen: Listen,
    /// A JSON object from the third party's customer ids to external IDs.
    #[arg(long)]
    customers: PathBuf,
}

struct Router {
    customers: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Webhook {
    #[serde(rename = "customerId")]
    customer_id: String,
    r#type: String,
}

#[async_trait]
impl Preprocessor for Router {
    async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
        let Webhook { customer_id, r#type } = request.json()?;
        let external_id =
            self.customers.get(&customer_id).ok_or_else(|| Refusal::not_found("no such customer"))?;
        let flow = match r#type.as_str() {
            "inventory_update" => "Update Inventory",
            "create_order" => "Create Order",
            _ => return Err(Refusal::not_found("no such type")),
        };
        Ok(Results::new().set("customerExternalId", external_id).set("flowName", flow))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let flags = Flags::parse();
    let customers = serde_json::from_slice(&fs::read(&flags.customers)?)?;
    Server::new(Router { customers }).bind(&flags.listen).await?.serve_until_signal().await?;
    Ok(())
}
