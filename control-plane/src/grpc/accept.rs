//! Confirming what edges hold back. It is audited in a transaction as every write, and then the edges are told.

use std::sync::{Arc, Mutex, PoisonError};

use pointsman_proto::admin::v1::{
    AcceptConfigurationRequest, AcceptConfigurationResponse, AcceptedConfiguration,
};
use pointsman_routing::{fault::Fault, name::EdgeId};
use tonic::{Request, Status};

use super::{call, crud::made, edge::held_back, status};
use crate::{
    domain::{FieldChange, Revision},
    fleet::{AcceptError, Fleet, Held, Loss, Which},
    registry::{Call, Error, Registry, ViolationKind},
    store::{AuditAction, Keep, StoreError},
};

/// The name that stands for all edges.
const ALL_EDGES: &str = "edges/-";

pub(super) async fn accept(
    fleet: &Arc<Fleet>,
    registry: &Registry,
    request: Request<AcceptConfigurationRequest>,
) -> Result<AcceptConfigurationResponse, Status> {
    let (call, request) = call::open(request);
    let which = which(request).map_err(|faults| call::refused(&call, faults))?;
    // Whatever becomes of the caller: what is audited is done.
    let accepting = tokio::spawn(write(Arc::clone(fleet), registry.clone(), call, which));
    let accepted = accepting.await.map_err(|_| status::from_error(StoreError::Panicked.into()))?;
    accepted.map_err(status::from_error)
}

async fn write(
    fleet: Arc<Fleet>,
    registry: Registry,
    call: Call,
    which: Which,
) -> Result<AcceptConfigurationResponse, Error> {
    let keep = call.keep;
    // Filled by the call itself: one that was answered before tells nobody anything.
    let to_tell = Arc::new(Mutex::new(Vec::new()));
    let (found, holders) = (Arc::clone(&to_tell), Arc::clone(&fleet));
    let answer = registry
        .write(call, move |writing| {
            let held = holders.held_back(&which).map_err(refused)?;
            for held in &held {
                writing.audit(&held.edge, AuditAction::Accepted, changes(held))?;
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&held);
            let accepted = held.into_iter().map(accepted).collect();
            Ok(AcceptConfigurationResponse { accepted, revision: made(writing.revision(), keep) })
        })
        .await?;
    if keep == Keep::Changes {
        to_tell.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|held| fleet.accept(held));
    }
    Ok(answer)
}

/// What is meant, or all that is wrong with how that is said.
fn which(request: AcceptConfigurationRequest) -> Result<Which, Vec<Fault>> {
    let mut faults = Vec::new();
    let edge = match request.name.as_str() {
        ALL_EDGES => None,
        name => name.parse::<EdgeId>().map_err(|error| faults.push(Fault::new("name", error))).ok(),
    };
    if request.revision < 0 {
        faults.push(Fault::new("revision", "cannot be negative"));
    }
    let revision = (request.revision > 0).then_some(Revision::new(request.revision));
    if faults.is_empty() { Ok(Which { edge, epoch: request.epoch, revision }) } else { Err(faults) }
}

fn refused(error: AcceptError) -> Error {
    let (kind, subject) = match &error {
        AcceptError::Unknown(id) => return Error::NoEdge(id.clone()),
        AcceptError::NotConnected(id) => (ViolationKind::EdgeNotConnected, id.to_string()),
        AcceptError::NothingHeld(id) => (ViolationKind::NothingHeldBack, id.to_string()),
        AcceptError::NobodyHolds => (ViolationKind::NothingHeldBack, ALL_EDGES.to_owned()),
        AcceptError::HoldsOther { edge, .. } => (ViolationKind::OtherHeldBack, edge.to_string()),
    };
    Error::broken(kind, subject, error)
}

/// What the edge served and what it is to serve, for the audit.
fn changes(Held { epoch, revision, held_back, .. }: &Held) -> Vec<FieldChange> {
    let change = |field: &str, before: String, after: String| FieldChange {
        field: field.to_owned(),
        before: Some(before),
        after: Some(after),
        reroutes: true,
    };
    let left = |Loss { served, removed }: Loss| served.saturating_sub(removed).to_string();
    let (endpoints, deployments) = (held_back.endpoints, held_back.deployments);
    vec![
        change("epoch", epoch.clone(), held_back.epoch.clone()),
        change("revision", revision.to_string(), held_back.revision.to_string()),
        change("endpoints", endpoints.served.to_string(), left(endpoints)),
        change("deployments", deployments.served.to_string(), left(deployments)),
    ]
}

fn accepted(held: Held) -> AcceptedConfiguration {
    AcceptedConfiguration {
        edge: held.edge.to_string(),
        epoch: held.epoch,
        revision: held.revision.number(),
        held_back: Some(held_back(held.held_back)),
    }
}

#[cfg(test)]
mod tests;
