//! Files of cases.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use bytes::Bytes;
use pointsman_proto::preprocess::v1::{EndpointType, Header, PreprocessRequest};
use serde::de::DeserializeOwned;
use tonic::metadata::MetadataMap;

use super::text::{FileText, SampleText};
use crate::Request;

/// A file of cases that expect an `E`.
#[derive(Clone, Debug)]
pub struct CaseFile<E> {
    /// Where it was read.
    pub path: PathBuf,
    /// `manifest`: the configuration that the cases are about, where the file names one.
    pub manifest: Option<PathBuf>,
    /// `cases`, or the only case that the file holds.
    pub cases: Vec<Case<E>>,
}

/// A request, and what is expected of it.
#[derive(Clone, Debug)]
pub struct Case<E> {
    /// What the case is about.
    pub name: String,
    /// The request.
    pub request: Sample,
    /// What is expected.
    pub expect: E,
}

/// A webhook as a sender would send it, and what an edge would say about it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// `executionId`; a fixed one where the file names none.
    pub execution_id: String,
    /// `integration`, `integrations/{integration}`; may be empty.
    pub integration: String,
    /// `endpointType`, as `ENDPOINT_TYPE_SHARED`, which it is where the file names none.
    pub endpoint_type: EndpointType,
    /// `deployment`, for instance- and flow-specific endpoints.
    pub deployment: String,
    /// `customerExternalId`, for instance- and flow-specific endpoints.
    pub customer_external_id: String,
    /// `flow`, the key, for flow-specific endpoints.
    pub flow: String,
    /// `method`; `POST` where the file names none.
    pub method: String,
    /// `pathFragment`: the path behind the endpoint's token, raw, without its leading `/`.
    pub path_fragment: String,
    /// `query`, raw, without its leading `?`.
    pub query: String,
    /// `headers`: names in lower case, fields of one name together. Nothing is added to what the file says.
    pub headers: Vec<(String, Bytes)>,
    /// `body` (text), `bodyJson` (JSON, byte for byte as it stands in the file), `bodyFile` (relative to the file's
    /// folder) or `bodyBase64`; empty without one.
    pub body: Bytes,
    /// `receiveTime`, in RFC 3339; the current time where the file names none.
    pub receive_time: SystemTime,
    /// `metadata`: the gRPC metadata of the call.
    pub metadata: MetadataMap,
}

impl<E: DeserializeOwned> CaseFile<E> {
    /// Reads a file, and the files that its bodies stand in.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, CaseFileError> {
        let path = path.as_ref().to_owned();
        let text =
            fs::read_to_string(&path).map_err(|source| CaseFileError::Read { path: path.clone(), source })?;
        let file: FileText<E> = serde_json::from_str(&text)
            .map_err(|source| CaseFileError::Malformed { path: path.clone(), source })?;
        if file.cases.is_empty() {
            return Err(CaseFileError::Empty { path });
        }
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let cases = file.cases.into_iter().map(|case| match case.request.parse(&folder) {
            Ok(request) => Ok(Case { name: case.name, request, expect: case.expect }),
            Err(source) => Err(CaseFileError::Request { path: path.clone(), name: case.name, source }),
        });
        let cases = cases.collect::<Result<_, _>>()?;
        let manifest = file.manifest.map(|manifest| folder.join(manifest));
        Ok(Self { path, manifest, cases })
    }
}

impl Sample {
    /// Reads a sample from JSON: what stands under `request` in a file of cases. A `bodyFile` is relative to `folder`.
    pub fn from_json(json: &str, folder: impl AsRef<Path>) -> Result<Self, SampleError> {
        serde_json::from_str::<SampleText>(json)?.parse(folder.as_ref())
    }

    /// The request that a preprocessor is called with.
    #[must_use]
    pub fn to_request(&self) -> Request {
        let headers =
            self.headers.iter().map(|(name, value)| Header { name: name.clone(), value: value.clone() });
        let message = PreprocessRequest {
            execution_id: self.execution_id.clone(),
            integration: self.integration.clone(),
            endpoint_type: self.endpoint_type.into(),
            deployment: self.deployment.clone(),
            customer_external_id: self.customer_external_id.clone(),
            flow: self.flow.clone(),
            method: self.method.clone(),
            path_fragment: self.path_fragment.clone(),
            query: self.query.clone(),
            headers: headers.collect(),
            body: self.body.clone(),
            receive_time: Some(self.receive_time.into()),
        };
        Request::new(message, self.metadata.clone())
    }
}

/// Why a file of cases cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaseFileError {
    /// It cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is not the JSON of a file of cases.
    #[error("{}: {source}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// It holds no case, so it would test nothing.
    #[error("{}: there are no cases", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A case's request is none.
    #[error("{}: {name}: {source}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// The case.
        name: String,
        /// What is wrong.
        source: SampleError,
    },
}

/// Why a sample cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// It is not the JSON of a sample.
    #[error(transparent)]
    Malformed(#[from] serde_json::Error),
    /// Two of the fields that a body can stand in.
    #[error("a request has one of body, bodyJson, bodyFile and bodyBase64")]
    Bodies,
    /// The body's file cannot be read.
    #[error("cannot read bodyFile {}: {source}", path.display())]
    BodyFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not base64.
    #[error("{field} is not base64: {source}")]
    Base64 {
        /// The field.
        field: String,
        /// What is wrong.
        source: base64::DecodeError,
    },
    /// Not a time.
    #[error("receiveTime is not a time in RFC 3339: {0:?}")]
    Time(String),
    /// Not a key or value of gRPC metadata.
    #[error("metadata: {0:?} is not a key with a value of visible ASCII")]
    Metadata(String),
    /// Not an endpoint type.
    #[error("endpointType: {0:?} is not one, as ENDPOINT_TYPE_SHARED is")]
    EndpointType(String),
}
