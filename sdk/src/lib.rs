//! Write a Preprocess service, or talk to the admin API.
//!
//! - [`Preprocessor`] is what a vendor writes: a [`Request`] in, [`Results`] or a [`Refusal`] out. [`Server`] puts it on
//!   a socket.
//! - [`testkit`] tests one from a JSON file, in the same process or, in whatever language it is written, over a socket.
//! - [`admin`] is a client of `pointsman.admin.v1`.
//!
//! # A whole service
//!
//! Acme ERP sends the webhooks of all customers to one URL. This service says whose a webhook is and which flow it is
//! for; the integration refers to what it returns as `results.customerExternalId` and `results.flowName`.
//!
//! ```no_run
//! use pointsman_sdk::{Preprocessor, Refusal, Request, Results, Server, async_trait};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Webhook {
//!     customer_id: String,
//!     r#type: String,
//! }
//!
//! struct Acme;
//!
//! #[async_trait]
//! impl Preprocessor for Acme {
//!     async fn preprocess(&self, request: Request) -> Result<Results, Refusal> {
//!         // What is not such JSON is refused with INVALID_ARGUMENT, and the sender told where it is wrong.
//!         let webhook: Webhook = request.json()?;
//!         let external_id = match webhook.customer_id.as_str() {
//!             "A06DFFAC" => 1001,
//!             "C3E72B0C" => 1002,
//!             other => return Err(Refusal::not_found(format!("no customer has the Acme ERP id {other:?}"))),
//!         };
//!         // The number becomes a string: numbers on the wire are doubles.
//!         Ok(Results::new().set("customerExternalId", external_id).set("flowName", webhook.r#type))
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::new(Acme).bind(&"127.0.0.1:50061".parse()?).await?;
//!     println!("listening on {}", server.address());
//!     server.serve_until_signal().await?;
//!     Ok(())
//! }
//! ```
//!
//! Its test, with cases in the form that [`testkit`] shows:
//!
//! ```no_run
//! # struct Acme;
//! # #[pointsman_sdk::async_trait]
//! # impl pointsman_sdk::Preprocessor for Acme {
//! #     async fn preprocess(&self, _: pointsman_sdk::Request) -> Result<pointsman_sdk::Results, pointsman_sdk::Refusal> {
//! #         Ok(pointsman_sdk::Results::new())
//! #     }
//! # }
//! #[tokio::test]
//! async fn all_cases_hold() -> Result<(), Box<dyn std::error::Error>> {
//!     pointsman_sdk::testkit::check(&Acme, "tests/cases.json").await?;
//!     Ok(())
//! }
//! ```
//!
//! # A call's life
//!
//! The server takes a connection, and lets a call begin when fewer than [`Server::max_concurrent`] run. Only then is its
//! message read, into a [`Request`]. The preprocessor's answer, or its panic, becomes the reply; a fault is logged, with
//! the execution id by which the edge knows the webhook too. When the edge's deadline is over, the call is dropped.

pub use async_trait::async_trait;

pub use self::{
    preprocessor::{FromFn, Preprocessor, from_fn},
    refusal::Refusal,
    request::{EndpointType, Request},
    results::{Results, ResultsError, Value},
    server::{BoundServer, Listen, ListenError, ServeError, Server},
};

pub mod admin;
mod cause;
mod code;
mod preprocessor;
mod refusal;
mod request;
mod results;
mod server;
pub mod testkit;
