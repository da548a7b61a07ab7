//! Compiles the protos with protox, so that no protoc is needed.

use std::{env, fs, path::PathBuf};

use prost::Message as _;

const PROTOS: [&str; 16] = [
    "pointsman/admin/v1/access_token_service.proto",
    "pointsman/admin/v1/audit_service.proto",
    "pointsman/admin/v1/change.proto",
    "pointsman/admin/v1/customer.proto",
    "pointsman/admin/v1/customer_mapping.proto",
    "pointsman/admin/v1/customer_mapping_service.proto",
    "pointsman/admin/v1/customer_service.proto",
    "pointsman/admin/v1/deployment.proto",
    "pointsman/admin/v1/deployment_service.proto",
    "pointsman/admin/v1/edge_service.proto",
    "pointsman/admin/v1/endpoint_token.proto",
    "pointsman/admin/v1/integration_service.proto",
    "pointsman/admin/v1/manifest_service.proto",
    "pointsman/edge/v1/config.proto",
    "pointsman/edge/v1/resource.proto",
    "pointsman/preprocess/v1/preprocess.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=pointsman");
    let descriptors = protox::compile(PROTOS, ["."])?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("pointsman.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        // Bodies are shared, not copied.
        .bytes(".")
        // Ordered maps: the same message is always the same bytes, which configuration hashes rely on.
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
