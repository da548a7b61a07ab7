//! Configuration as files: the canonical JSON of the admin API's messages, as YAML or JSON.
//!
//! The way in: text → [`Node`] (with the line of everything) → [`shape::check`] against the message's descriptor, which
//! names the path and line of all faults → the message. The way out: message → canonical JSON → [`Node`] in the order of
//! the fields' numbers → text.

use std::fmt;

use pointsman_proto::{admin::v1, descriptor_pool};
use prost_reflect::{DynamicMessage, MessageDescriptor, ReflectMessage as _};
use serde::Serialize as _;

pub(crate) use self::{
    flat::flat,
    node::{Node, Value},
    shape::{Fault, kind_of},
    source::Source,
    stream::{read_manifest, write_manifest},
};
use crate::output::Format;

mod fields;
mod flat;
mod node;
mod output_only;
mod shape;
mod source;
mod stream;

/// A message of the admin API that files or answers hold.
pub(crate) trait Document: prost::Message + Default {
    /// Its full name.
    const NAME: &'static str;
}

macro_rules! documents {
    ($($message:ident)*) => {
        $(impl Document for v1::$message {
            const NAME: &'static str = concat!("pointsman.admin.v1.", stringify!($message));
        })*
    };
}

documents! {
    Manifest ApplyManifestResponse Integration Customer CustomerMapping Deployment Edge ListEdgesResponse
    TestEndpointResponse ListAuditEntriesResponse ListIntegrationRevisionsResponse RollbackIntegrationResponse
    IntegrationServiceRotateEndpointTokenResponse DeploymentServiceRotateEndpointTokenResponse
    PauseDeploymentResponse ResumeDeploymentResponse LookupCustomerResponse
    AccessToken CreateAccessTokenResponse ListAccessTokensResponse DeleteAccessTokenResponse
    ImportCustomerMappingsResponse AcceptConfigurationResponse
}

/// A text that is not a document of its kind, or a message that cannot be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    /// Neither YAML nor JSON.
    #[error("{file}: {reason}")]
    Syntax {
        /// Where it was read.
        file: String,
        /// What is wrong and where.
        reason: String,
    },
    /// Not of the right shape: all faults.
    #[error("{file}: {}", Faults(faults))]
    Shape {
        /// Where it was read.
        file: String,
        /// What is wrong.
        faults: Vec<Fault>,
    },
    /// It does not say what it is asked for.
    #[error("{file}: {reason}")]
    Missing {
        /// Where it was read.
        file: String,
        /// What is missing.
        reason: String,
    },
    /// What is written cannot be.
    #[error(transparent)]
    Output(std::io::Error),
    /// A message of a newer version.
    #[error("cannot write {name}: {reason}")]
    Write {
        /// The message's full name, or what else it is.
        name: &'static str,
        /// Why not.
        reason: String,
    },
}

struct Faults<'a>(&'a [Fault]);

impl fmt::Display for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [fault] => fault.fmt(f),
            faults => {
                write!(f, "{} faults", faults.len())?;
                faults.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

/// Reads the integration of this name: the document itself, or one of a manifest.
pub(crate) fn read_integration(
    text: &str,
    source: &Source,
    name: &str,
) -> Result<v1::Integration, ManifestError> {
    let node = parse(text, source)?;
    let missing = |reason: String| ManifestError::Missing { file: source.to_string(), reason };
    if node.has_key("endpoint") || node.has_key("flows") {
        let mut integration: v1::Integration = from_node(&node, source)?;
        if integration.name.is_empty() {
            name.clone_into(&mut integration.name);
        }
        return if integration.name == name {
            Ok(integration)
        } else {
            Err(missing(format!("it holds {}, not {name}", integration.name)))
        };
    }
    let manifest: v1::Manifest = from_node(&node, source)?;
    let held: Vec<_> = manifest.integrations.iter().map(|held| held.name.clone()).collect();
    manifest.integrations.into_iter().find(|integration| integration.name == name).ok_or_else(|| {
        missing(match held.as_slice() {
            [] => "it holds no integration".to_owned(),
            held => format!("it holds {}, not {name}", held.join(", ")),
        })
    })
}

/// Writes everything that a message holds.
pub(crate) fn write<T: Document>(message: &T, format: Format) -> Result<String, ManifestError> {
    write_dynamic::<T>(&to_dynamic(message)?, format)
}

/// Writes everything that a message holds as JSON in one line.
pub(crate) fn write_line<T: Document>(message: &T) -> Result<String, ManifestError> {
    let json = to_dynamic(message)?.serialize(serde_json::value::Serializer).map_err(write_error::<T>)?;
    Ok(format!("{json}\n"))
}

fn parse(text: &str, source: &Source) -> Result<Node, ManifestError> {
    Node::parse(text).map_err(|reason| ManifestError::Syntax { file: source.to_string(), reason })
}

fn from_node<T: Document>(node: &Node, source: &Source) -> Result<T, ManifestError> {
    let shape = |faults| ManifestError::Shape { file: source.to_string(), faults };
    let descriptor = descriptor::<T>()?;
    let faults = shape::check(node, &descriptor);
    if !faults.is_empty() {
        return Err(shape(faults));
    }
    let whole = |error: &dyn fmt::Display| shape(vec![Fault::of_document(error)]);
    let dynamic = match node.value {
        // An empty file.
        Value::Null => DynamicMessage::new(descriptor),
        _ => DynamicMessage::deserialize(descriptor, node.to_json()).map_err(|error| whole(&error))?,
    };
    dynamic.transcode_to().map_err(|error| whole(&error))
}

fn descriptor<T: Document>() -> Result<MessageDescriptor, ManifestError> {
    descriptor_pool()
        .get_message_by_name(T::NAME)
        .ok_or_else(|| ManifestError::Write { name: T::NAME, reason: "it is not known".to_owned() })
}

fn to_dynamic<T: Document>(message: &T) -> Result<DynamicMessage, ManifestError> {
    DynamicMessage::decode(descriptor::<T>()?, message.encode_to_vec().as_slice()).map_err(write_error::<T>)
}

fn write_dynamic<T: Document>(message: &DynamicMessage, format: Format) -> Result<String, ManifestError> {
    let json = message.serialize(serde_json::value::Serializer).map_err(write_error::<T>)?;
    let node = fields::ordered(json, &message.descriptor());
    node.write(format).map_err(|reason| ManifestError::Write { name: T::NAME, reason })
}

/// Writes a document of our own.
pub(crate) fn write_node(node: &Node, format: Format) -> Result<String, ManifestError> {
    node.write(format).map_err(|reason| ManifestError::Write { name: "the document", reason })
}

fn write_error<T: Document>(error: impl fmt::Display) -> ManifestError {
    ManifestError::Write { name: T::NAME, reason: error.to_string() }
}

#[cfg(test)]
mod tests;
