//! The JSON of a file of cases.

use std::{collections::BTreeMap, fs, path::Path, path::PathBuf, time::SystemTime};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use pointsman_proto::preprocess::v1::EndpointType;
use prost_types::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};

use super::{Sample, SampleError};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FileText<E> {
    /// For people.
    #[serde(default, rename = "comment")]
    _comment: String,
    pub(super) manifest: Option<PathBuf>,
    pub(super) cases: Vec<CaseText<E>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CaseText<E> {
    pub(super) name: String,
    pub(super) request: SampleText,
    pub(super) expect: E,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SampleText {
    execution_id: Option<String>,
    #[serde(default)]
    integration: String,
    endpoint_type: Option<String>,
    #[serde(default)]
    deployment: String,
    #[serde(default)]
    customer_external_id: String,
    #[serde(default)]
    flow: String,
    method: Option<String>,
    #[serde(default)]
    path_fragment: String,
    #[serde(default)]
    query: String,
    #[serde(default)]
    headers: BTreeMap<String, HeaderValues>,
    body: Option<String>,
    #[serde(default, deserialize_with = "present")]
    body_json: Option<Box<RawValue>>,
    body_file: Option<PathBuf>,
    body_base64: Option<String>,
    receive_time: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a header is a string, {\"base64\": …}, or a list of them")]
enum HeaderValues {
    One(HeaderValue),
    Many(Vec<HeaderValue>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a header is a string or {\"base64\": …}")]
enum HeaderValue {
    Text(String),
    Base64 { base64: String },
}

impl SampleText {
    /// Takes the defaults in, and reads the body's file.
    pub(super) fn parse(self, folder: &Path) -> Result<Sample, SampleError> {
        const EXECUTION_ID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
        let endpoint_type = match self.endpoint_type {
            None => EndpointType::Shared,
            Some(name) => EndpointType::from_str_name(&name).ok_or(SampleError::EndpointType(name))?,
        };
        let receive_time = match self.receive_time {
            None => SystemTime::now(),
            Some(text) => text
                .parse::<Timestamp>()
                .ok()
                .and_then(|time| SystemTime::try_from(time).ok())
                .ok_or(SampleError::Time(text))?,
        };
        let mut headers = Vec::new();
        for (name, values) in self.headers {
            let values = match values {
                HeaderValues::One(value) => vec![value],
                HeaderValues::Many(values) => values,
            };
            for value in values {
                headers.push((name.to_ascii_lowercase(), value.parse(&name)?));
            }
        }
        // Fields of one name stand together, also where the file writes the name in two ways.
        headers.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(Sample {
            execution_id: self.execution_id.unwrap_or_else(|| EXECUTION_ID.to_owned()),
            integration: self.integration,
            endpoint_type,
            deployment: self.deployment,
            customer_external_id: self.customer_external_id,
            flow: self.flow,
            method: self.method.unwrap_or_else(|| "POST".to_owned()),
            path_fragment: self.path_fragment,
            query: self.query,
            headers,
            body: body(self.body, self.body_json, self.body_file, self.body_base64, folder)?,
            receive_time,
            metadata: metadata(self.metadata)?,
        })
    }
}

impl HeaderValue {
    fn parse(self, name: &str) -> Result<Bytes, SampleError> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Base64 { base64 } => from_base64(name, &base64),
        }
    }
}

/// `null` is a JSON body too.
fn present<'de, D: Deserializer<'de>>(json: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(json).map(Some)
}

fn body(
    text: Option<String>,
    json: Option<Box<RawValue>>,
    file: Option<PathBuf>,
    base64: Option<String>,
    folder: &Path,
) -> Result<Bytes, SampleError> {
    match (text, json, file, base64) {
        (None, None, None, None) => Ok(Bytes::new()),
        (Some(text), None, None, None) => Ok(text.into()),
        (None, Some(json), None, None) => Ok(json.get().to_owned().into()),
        (None, None, Some(file), None) => {
            let path = folder.join(file);
            fs::read(&path).map(Bytes::from).map_err(|source| SampleError::BodyFile { path, source })
        }
        (None, None, None, Some(base64)) => from_base64("bodyBase64", &base64),
        _ => Err(SampleError::Bodies),
    }
}

fn from_base64(field: &str, base64: &str) -> Result<Bytes, SampleError> {
    match BASE64_STANDARD.decode(base64) {
        Ok(bytes) => Ok(bytes.into()),
        Err(source) => Err(SampleError::Base64 { field: field.to_owned(), source }),
    }
}

fn metadata(pairs: BTreeMap<String, String>) -> Result<MetadataMap, SampleError> {
    let mut metadata = MetadataMap::new();
    for (name, value) in pairs {
        match (name.parse::<AsciiMetadataKey>(), value.parse::<AsciiMetadataValue>()) {
            (Ok(key), Ok(value)) => metadata.append(key, value),
            _ => return Err(SampleError::Metadata(name)),
        };
    }
    Ok(metadata)
}
