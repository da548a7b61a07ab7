//! Pointsman's three APIs, generated from the `.proto` files beside this crate.
//!
//! - [`admin::v1`]: what admins call.
//! - [`edge::v1`]: how edges get their configuration; [`edge::hash`]: the hash that both sides compare.
//! - [`preprocess::v1`]: what vendors implement.
//! - [`duration`]: how all of them read durations.
//!
//! [`FILE_DESCRIPTOR_SET`] holds their descriptors with all comments, for reflection; [`descriptor_pool`] reads them,
//! for canonical JSON.

use std::sync::LazyLock;

use prost_reflect::DescriptorPool;

pub mod duration;

/// `pointsman.admin`.
pub mod admin {
    /// `pointsman.admin.v1`.
    #[allow(clippy::allow_attributes_without_reason, reason = "generated code")]
    pub mod v1 {
        tonic::include_proto!("pointsman.admin.v1");
    }
}

/// `pointsman.edge`.
pub mod edge {
    pub mod hash;

    /// `pointsman.edge.v1`.
    #[allow(clippy::allow_attributes_without_reason, reason = "generated code")]
    pub mod v1 {
        tonic::include_proto!("pointsman.edge.v1");
    }
}

/// `pointsman.preprocess`.
pub mod preprocess {
    /// `pointsman.preprocess.v1`.
    #[allow(clippy::allow_attributes_without_reason, reason = "generated code")]
    pub mod v1 {
        tonic::include_proto!("pointsman.preprocess.v1");
    }
}

/// The serialized `google.protobuf.FileDescriptorSet` of all three packages and what they import.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/pointsman.bin"));

/// The descriptors of all three packages, read once.
#[must_use]
pub fn descriptor_pool() -> &'static DescriptorPool {
    static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
        DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("the descriptors that the build made")
    });
    &POOL
}
