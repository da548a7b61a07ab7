//! Everything, as edges get it.

use std::ops::ControlFlow;

use bytes::BytesMut;
use pointsman_proto::edge::v1::Resource;
use pointsman_routing::{deployment::DeploymentSpec, integration::IntegrationSpec};

use crate::{
    domain::{AnyResource, CustomerSpec},
    grpc::convert::edge,
    store::{Snapshot, StoreError},
};

/// Hands out all resources: what is named before what names it, so that edges can share the names.
pub(super) fn for_each<E: From<StoreError>>(
    view: &Snapshot<'_>,
    mut each: impl FnMut(Resource) -> Result<ControlFlow<()>, E>,
) -> Result<(), E> {
    let mut is_wanted = true;
    let mut each = |resource: Resource| {
        let flow = if is_wanted { each(resource)? } else { ControlFlow::Break(()) };
        is_wanted = flow.is_continue();
        Ok(flow)
    };
    view.for_each_of::<CustomerSpec, E>(|resource| each(edge::resource(&AnyResource::Customer(resource))))?;
    view.for_each_of::<IntegrationSpec, E>(|resource| {
        each(edge::resource(&AnyResource::Integration(resource)))
    })?;
    let mut bodies = BytesMut::new();
    view.for_each_mapping_row(|row| each(edge::customer_mapping(row, &mut bodies)))?;
    view.for_each_of::<DeploymentSpec, E>(|resource| each(edge::resource(&AnyResource::Deployment(resource))))
}
