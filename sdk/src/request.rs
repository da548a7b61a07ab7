//! The webhook that a preprocessor is called with.

use std::time::SystemTime;

use bytes::Bytes;
use percent_encoding::percent_decode;
use pointsman_proto::preprocess::v1::{EndpointType as WireEndpointType, PreprocessRequest};
use serde::de::DeserializeOwned;
use tonic::metadata::MetadataMap;

use crate::Refusal;

/// A webhook, as it arrived at an edge.
///
/// What asks for *the* value of a header or a query parameter refuses a webhook that has several: two readers of such
/// a webhook could see two different customers.
#[derive(Clone, Debug)]
pub struct Request {
    message: PreprocessRequest,
    metadata: MetadataMap,
}

/// What kind of endpoint was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointType {
    /// One endpoint for all customers of the integration.
    Shared,
    /// One endpoint for each deployment.
    InstanceSpecific,
    /// One endpoint for each flow of each deployment.
    FlowSpecific,
    /// One that this version of the SDK does not know, or none was given.
    Unknown,
}

/// Who is called, and how.
impl Request {
    /// The id of this execution. The flow endpoint and the sender see the same one.
    #[must_use]
    pub fn execution_id(&self) -> &str {
        &self.message.execution_id
    }

    /// The integration, `integrations/{integration}`.
    #[must_use]
    pub fn integration(&self) -> &str {
        &self.message.integration
    }

    /// The type of the endpoint that was called.
    #[must_use]
    pub fn endpoint_type(&self) -> EndpointType {
        match self.message.endpoint_type() {
            WireEndpointType::Shared => EndpointType::Shared,
            WireEndpointType::InstanceSpecific => EndpointType::InstanceSpecific,
            WireEndpointType::FlowSpecific => EndpointType::FlowSpecific,
            WireEndpointType::Unspecified => EndpointType::Unknown,
        }
    }

    /// The deployment, `integrations/{integration}/deployments/{deployment}`; none on a shared endpoint.
    #[must_use]
    pub fn deployment(&self) -> Option<&str> {
        given(&self.message.deployment)
    }

    /// The external ID of the deployment's customer; none on a shared endpoint.
    #[must_use]
    pub fn customer_external_id(&self) -> Option<&str> {
        given(&self.message.customer_external_id)
    }

    /// The flow's key; only on a flow-specific endpoint.
    #[must_use]
    pub fn flow(&self) -> Option<&str> {
        given(&self.message.flow)
    }

    /// When the edge had received the webhook's head.
    #[must_use]
    pub fn receive_time(&self) -> Option<SystemTime> {
        self.message.receive_time.and_then(|time| SystemTime::try_from(time).ok())
    }

    /// A value of the call's gRPC metadata, which the integration's configuration sets: for example a secret by which
    /// the service knows its edges. None where it is missing, given twice or not visible ASCII.
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&str> {
        let mut values = self.metadata.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        value.to_str().ok()
    }
}

/// The head of the webhook.
impl Request {
    /// The HTTP method, in capitals.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.message.method
    }

    /// The path behind the endpoint's token, raw, without its leading `/`.
    #[must_use]
    pub fn path_fragment(&self) -> &str {
        &self.message.path_fragment
    }

    /// The query, raw, without its leading `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.message.query
    }

    /// The query's parameters in order, decoded (`+` stands for a space).
    pub fn query_parameters(&self) -> Result<Vec<(String, String)>, Refusal> {
        let pairs = self.message.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decoded(name)?, decoded(value)?))
            })
            .collect()
    }

    /// The one value of a query parameter. Refuses the webhook where there are several.
    pub fn query_parameter(&self, name: &str) -> Result<Option<String>, Refusal> {
        let found = self.query_parameters()?.into_iter().filter(|(found, _)| found == name);
        only(found.map(|(_, value)| value), || format!("the query parameter {name:?}"))
    }

    /// All header fields in order, with their names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.message.headers.iter().map(|header| (header.name.as_str(), &header.value[..]))
    }

    /// All values of a header, in order. Names match without regard to case.
    pub fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers().filter(move |(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The one value of a header, as bytes. Refuses the webhook where there are several.
    pub fn header_bytes(&self, name: &str) -> Result<Option<&[u8]>, Refusal> {
        only(self.header_values(name), || format!("the header {name:?}"))
    }

    /// The one value of a header, as text. Refuses the webhook where there are several, or it is not UTF-8.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let text = |value| str::from_utf8(value).map_err(|_| not_utf8(format!("the header {name:?}")));
        self.header_bytes(name)?.map(text).transpose()
    }

    /// As [`Request::header`], and refuses the webhook where the header is missing or empty.
    pub fn require_header(&self, name: &str) -> Result<&str, Refusal> {
        let value = self.header(name)?.filter(|value| !value.is_empty());
        value.ok_or_else(|| Refusal::invalid(format!("the header {name:?} is missing")))
    }
}

/// The body of the webhook; empty where the integration asks for none.
impl Request {
    /// The body's bytes.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.message.body
    }

    /// The body as text. Refuses one that is not UTF-8.
    pub fn text(&self) -> Result<&str, Refusal> {
        str::from_utf8(&self.message.body).map_err(|_| not_utf8("the body".to_owned()))
    }

    /// The body, read as JSON. Refuses one that is not what `T` says, and says where, but never what stands there: the
    /// message goes to the sender, and into logs.
    ///
    /// A struct that derives [`serde::Deserialize`] refuses a body that has one of its fields twice; a
    /// [`serde_json::Value`] takes the last one, so prefer a struct for what tells customers apart.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        let body = &self.message.body[..];
        if body.is_empty() {
            return Err(Refusal::invalid("the body is empty, and JSON was expected"));
        }
        serde_json::from_slice(body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)).map_err(|error| {
            Refusal::invalid(format!("the body is not the JSON that was expected: {}", fault(&error)))
        })
    }
}

/// From the wire and to it.
impl Request {
    pub(crate) fn new(message: PreprocessRequest, metadata: MetadataMap) -> Self {
        Self { message, metadata }
    }

    pub(crate) fn into_parts(self) -> (PreprocessRequest, MetadataMap) {
        (self.message, self.metadata)
    }
}

/// For tests: a request without metadata.
impl From<PreprocessRequest> for Request {
    fn from(message: PreprocessRequest) -> Self {
        Self::new(message, MetadataMap::new())
    }
}

fn given(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let spaced = text.replace('+', " ");
    let bytes = percent_decode(spaced.as_bytes()).collect::<Vec<u8>>();
    String::from_utf8(bytes).map_err(|_| not_utf8("the query".to_owned()))
}

fn only<T>(mut values: impl Iterator<Item = T>, what: impl Fn() -> String) -> Result<Option<T>, Refusal> {
    let value = values.next();
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Refusal::invalid(format!("{} is given more than once", what()))),
    }
}

/// What is wrong with JSON, without a value out of it. Of the faults that types find, serde's words for most quote the
/// value; a field's name is the type's own.
fn fault(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let names_a_field = ["missing field ", "duplicate field "].iter().any(|start| words.starts_with(start));
    if error.is_data() && !names_a_field {
        return format!(
            "a value is not what was expected at line {} column {}",
            error.line(),
            error.column()
        );
    }
    words
}

fn not_utf8(what: String) -> Refusal {
    Refusal::invalid(format!("{what} is not UTF-8"))
}

#[cfg(test)]
mod tests;
