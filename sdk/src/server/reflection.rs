//! Reflection: what the server offers, for grpcurl and its like.

use pointsman_proto::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic_reflection::server::{
    Builder, Error,
    v1::{ServerReflection, ServerReflectionServer},
    v1alpha,
};

pub(super) fn v1() -> Result<ServerReflectionServer<impl ServerReflection>, Error> {
    builder()?.build_v1()
}

/// The older version, which many clients still ask for.
pub(super) fn v1alpha() -> Result<v1alpha::ServerReflectionServer<impl v1alpha::ServerReflection>, Error> {
    builder()?.build_v1alpha()
}

fn builder<'a>() -> Result<Builder<'a>, Error> {
    let mut descriptors = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET)?;
    descriptors.file.retain(|file| {
        file.name().starts_with("pointsman/preprocess/") || file.name().starts_with("google/protobuf/")
    });
    Ok(Builder::configure()
        .register_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET))
}
