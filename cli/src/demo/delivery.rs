//! Posting a webhook over a real socket, and checking what arrives.

use std::{str::FromStr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pointsman_proto::admin::v1::{SampleHeader, SampleRequest, TestEndpointRequest, TestEndpointResponse};
use pointsman_sdk::admin::{AdminClient, AdminError};
use serde::Deserialize;
use tokio::net::TcpStream;

use super::{
    acme::{Chapter, flow_url},
    payloads::Payload,
};
use crate::receiver::{Arrival, Receiver};

const CONTENT_TYPE: &str = "application/json";
/// How long an answer, and a webhook, may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// A webhook that arrived as it should.
#[derive(Debug)]
pub(super) struct Delivery {
    /// What the flow answered, as the sender saw it.
    pub(super) status: u16,
    /// Why it went there.
    pub(super) trace: TestEndpointResponse,
    pub(super) arrival: Arrival,
}

/// A webhook that was refused as it should.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) detail: String,
}

/// Why a webhook did not end as it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error("{what}: cannot be sent: {reason}")]
    NotSent { what: String, reason: String },
    #[error("{what}: the answer is {status}: {body}")]
    Answer { what: String, status: u16, body: String },
    #[error("{what}: nothing arrived at any flow within {} s", TIMEOUT.as_secs())]
    NotArrived { what: String },
    #[error("{what}: {field} is {found:?}, not {expected:?}")]
    Differs { what: String, field: &'static str, found: String, expected: String },
    #[error("{what}: what arrived is not what was sent, byte for byte")]
    Body { what: String },
    #[error("{what}: TestEndpoint failed: {source}")]
    Trace { what: String, source: AdminError },
}

/// Sends a webhook to the one URL and checks that it arrives at the right flow, byte for byte.
pub(super) async fn deliver(
    admin: &AdminClient,
    flows: &mut Receiver,
    chapter: &Chapter,
    payload: &Payload,
) -> Result<Delivery, DeliveryError> {
    let what = || format!("{} to {}", payload.file, chapter.integration);
    let (answer, body) = post(&chapter.url, Bytes::from_static(payload.body))
        .await
        .map_err(|reason| DeliveryError::NotSent { what: what(), reason })?;
    let status = answer.status().as_u16();
    if !answer.status().is_success() {
        return Err(DeliveryError::Answer { what: what(), status, body });
    }
    let arrival = tokio::time::timeout(TIMEOUT, flows.next())
        .await
        .map_err(|_| DeliveryError::NotArrived { what: what() })?;
    check(&what(), &answer, &arrival, chapter, payload)?;
    let trace = trace(admin, chapter, payload)
        .await
        .map_err(|source| DeliveryError::Trace { what: what(), source })?;
    Ok(Delivery { status, trace, arrival })
}

/// Sends a webhook that must be refused.
pub(super) async fn refused(chapter: &Chapter, body: &'static str) -> Result<Refused, DeliveryError> {
    let what = || format!("a customer that nobody knows to {}", chapter.integration);
    let (answer, body) = post(&chapter.url, Bytes::from_static(body.as_bytes()))
        .await
        .map_err(|reason| DeliveryError::NotSent { what: what(), reason })?;
    let status = answer.status().as_u16();
    match serde_json::from_str::<Problem>(&body) {
        Ok(Problem { code, detail }) if status == 422 && code == "customer_unknown" => {
            Ok(Refused { status, code, detail })
        }
        _ => Err(DeliveryError::Answer { what: what(), status, body }),
    }
}

/// What we read of a refusal.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: String,
}

/// Compares all that says whose webhook it is.
fn check(
    what: &str,
    answer: &Response<()>,
    arrival: &Arrival,
    chapter: &Chapter,
    payload: &Payload,
) -> Result<(), DeliveryError> {
    let url = flow_url(&chapter.flow_base, payload.deployment, payload.flow);
    let path = Uri::from_str(&url).map(|uri| uri.path().to_owned()).unwrap_or_default();
    let execution = answer.headers().get("pointsman-execution-id").and_then(|id| id.to_str().ok());
    let integration = chapter.integration.trim_start_matches("integrations/");
    let header =
        |name: &'static str, expected: &str| (name, arrival.header(name).to_owned(), expected.to_owned());
    let fields = [
        ("the path", arrival.uri.to_string(), path),
        ("the method", arrival.method.to_string(), Method::POST.to_string()),
        header("content-type", CONTENT_TYPE),
        header("pointsman-execution-id", execution.unwrap_or("one in the answer")),
        header("pointsman-integration", integration),
        header("pointsman-deployment", payload.deployment),
        header("pointsman-customer", payload.customer_external_id),
        header("pointsman-flow", payload.flow),
    ];
    if let Some((field, found, expected)) = fields.into_iter().find(|(_, found, expected)| found != expected)
    {
        return Err(DeliveryError::Differs { what: what.to_owned(), field, found, expected });
    }
    if arrival.body != payload.body {
        return Err(DeliveryError::Body { what: what.to_owned() });
    }
    Ok(())
}

/// Asks why a webhook goes where it goes.
async fn trace(
    admin: &AdminClient,
    chapter: &Chapter,
    payload: &Payload,
) -> Result<TestEndpointResponse, AdminError> {
    let content_type = SampleHeader { name: "content-type".to_owned(), value: CONTENT_TYPE.into() };
    let request = SampleRequest {
        headers: vec![content_type],
        body: Bytes::from_static(payload.body),
        ..SampleRequest::default()
    };
    let request = TestEndpointRequest {
        name: chapter.integration.clone(),
        request: Some(request),
        ..TestEndpointRequest::default()
    };
    admin.test_endpoint(request).await
}

/// Posts as Acme ERP would: one connection, one request.
async fn post(url: &str, body: Bytes) -> Result<(Response<()>, String), String> {
    tokio::time::timeout(TIMEOUT, exchange(url, body))
        .await
        .unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())))
}

async fn exchange(url: &str, body: Bytes) -> Result<(Response<()>, String), String> {
    let uri = Uri::from_str(url).map_err(|error| format!("{url:?}: {error}"))?;
    let authority = uri.authority().ok_or_else(|| format!("{url:?} is not a URL"))?;
    let stream = TcpStream::connect(authority.as_str()).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let request = Request::post(uri.path())
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .body(Full::new(body))
        .map_err(|error| error.to_string())?;
    let exchange = async {
        let (head, body) =
            sender.send_request(request).await.map_err(|error| error.to_string())?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| error.to_string())?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        Ok((Response::from_parts(head, ()), body))
    };
    tokio::pin!(exchange);
    tokio::select! {
        answer = &mut exchange => answer,
        // The connection may end before the answer was taken from it.
        _ = connection => exchange.await,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;
    use crate::demo::payloads;

    fn chapter() -> Chapter {
        Chapter {
            title: "",
            integration: "integrations/acme-erp".to_owned(),
            url: "http://edge/hooks/x".to_owned(),
            flow_base: "http://flows/acme-erp".to_owned(),
        }
    }

    fn arrived() -> Arrival {
        let headers = [
            ("content-type", CONTENT_TYPE),
            ("pointsman-execution-id", "e1"),
            ("pointsman-integration", "acme-erp"),
            ("pointsman-deployment", "bowlers-inc"),
            ("pointsman-customer", "progix-1001"),
            ("pointsman-flow", "update-inventory"),
        ];
        let headers: HeaderMap = headers
            .into_iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Arrival {
            method: Method::POST,
            uri: Uri::from_static("/acme-erp/bowlers-inc/update-inventory"),
            headers,
            body: Bytes::from_static(payloads::ALL[0].body),
        }
    }

    fn checked(arrival: &Arrival) -> Result<(), DeliveryError> {
        let answer = Response::builder().header("pointsman-execution-id", "e1").body(()).expect("a response");
        check("it", &answer, arrival, &chapter(), &payloads::ALL[0])
    }

    #[test]
    fn what_arrives_as_it_should_is_accepted() {
        checked(&arrived()).expect("accepted");
    }

    #[test]
    fn another_byte_is_told() {
        let arrival = Arrival { body: Bytes::from_static(payloads::ALL[1].body), ..arrived() };
        assert!(matches!(checked(&arrival), Err(DeliveryError::Body { .. })));
    }

    #[test]
    fn another_flow_or_customer_is_told() {
        let path = Uri::from_static("/acme-erp/pencils-co/update-inventory");
        let said = checked(&Arrival { uri: path, ..arrived() }).expect_err("refused").to_string();
        assert!(
            said.starts_with("it: the path is \"/acme-erp/pencils-co/update-inventory\", not "),
            "{said}"
        );
        let headers = arrived().headers;
        for name in headers.keys() {
            let mut headers = headers.clone();
            headers.insert(name, HeaderValue::from_static("other"));
            let said = checked(&Arrival { headers, ..arrived() }).expect_err("refused").to_string();
            assert!(said.starts_with(&format!("it: {name} is \"other\", not ")), "{said}");
        }
    }
}
