//! From an `ApplyManifestRequest` to what it asks for.

use pointsman_proto::admin::v1::{self as proto, ApplyManifestRequest};
use pointsman_routing::fault::Fault;
use tonic::Status;

use super::tokens;
use crate::{
    domain::Owner,
    grpc::{
        convert::{self, Admin},
        status,
    },
    registry::{ApplyOptions, Draft, Manifest},
};

/// The longest plan; ours are shorter.
const PLAN_BYTES_MAX: usize = 64;

/// What the request asks for. Its resources carry their faults themselves.
pub(in crate::grpc) fn request(
    request: ApplyManifestRequest,
) -> Result<(Manifest, ApplyOptions), Vec<Fault>> {
    let ApplyManifestRequest { manifest, owner, prune, adopt, allow_mass_removal, expected_plan, .. } =
        request;
    let mut faults = Vec::new();
    if manifest.is_none() {
        faults.push(Fault::new("manifest", "is missing"));
    }
    let owner = if owner.is_empty() { Ok(Owner::default()) } else { parse_owner(&owner) };
    let owner = owner.map_err(|fault| faults.push(fault)).unwrap_or_default();
    if expected_plan.len() > PLAN_BYTES_MAX {
        faults.push(Fault::new("expected_plan", "is no plan of an earlier answer"));
    }
    match manifest {
        Some(manifest) if faults.is_empty() => {
            let options = ApplyOptions { owner, prune, adopt, allow_mass_removal, expected_plan };
            Ok((read(manifest), options))
        }
        _ => Err(faults),
    }
}

/// The owner that an export is asked for.
pub(super) fn owner(text: &str) -> Result<Owner, Status> {
    parse_owner(text).map_err(|fault| status::from_faults(vec![fault]))
}

fn parse_owner(text: &str) -> Result<Owner, Fault> {
    text.parse().map_err(|error| Fault::new("owner", error))
}

fn read(manifest: proto::Manifest) -> Manifest {
    Manifest {
        integrations: drafts("integrations", manifest.integrations),
        customers: drafts("customers", manifest.customers),
        customer_mappings: drafts("customer_mappings", manifest.customer_mappings),
        deployments: drafts("deployments", manifest.deployments),
        endpoint_tokens: tokens::read(manifest.endpoint_tokens),
    }
}

fn drafts<K: Admin>(field: &str, messages: Vec<K::Message>) -> Vec<Draft<K>> {
    let draft = |(index, message): (usize, K::Message)| {
        let at = format!("manifest.{field}[{index}]");
        let name = convert::parse_name::<K>(&format!("{at}.name"), K::name_and_etag(&message).0);
        convert::draft::<K>(at, name.map_err(|fault| vec![fault]), message)
    };
    messages.into_iter().enumerate().map(draft).collect()
}
