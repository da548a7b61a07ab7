//! Making an access token without a control plane: the first one, which no other could make.

use std::{path::Path, time::SystemTime};

use pointsman_proto::admin::v1::{CreateAccessTokenRequest, CreateAccessTokenResponse};
use pointsman_routing::fault::Fault;
use tokio::task;

use super::{answer_with, read};
use crate::{
    access::{Access, Reach},
    domain::Caller,
    registry::{AccessTokens, Call, Error, Refused, Registry},
    store::{OpenError, Store},
};

/// What the audit calls it.
const METHOD: &str = "pointsman token create";

/// Why an access token cannot be made offline.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// The database: most likely a control plane is running on it.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// What is wrong with what was asked for.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Faulty(Vec<Fault>),
    /// It cannot be made.
    #[error(transparent)]
    Failed(Error),
}

/// Makes an access token in the database in the folder `data`, which is made where it is missing and of which no control
/// plane may be running. It is open for no longer than that.
pub async fn create_offline(
    data: &Path,
    request: CreateAccessTokenRequest,
) -> Result<CreateAccessTokenResponse, OfflineError> {
    // Before anything is made.
    let (id, spec) = read(request).map_err(OfflineError::Faulty)?;
    let data = data.to_owned();
    let opening = task::spawn_blocking(move || Store::open_without_keys(&data)).await;
    let store = opening.map_err(|error| OpenError::Thread(error.into()))??;
    let access = Access::load(store.clone(), SystemTime::now, Reach::OtherMachines).await;
    let created = match access {
        Ok(access) => {
            let tokens = AccessTokens::new(Registry::new(store.clone(), SystemTime::now), access);
            let call = Call::new(Caller::local(), METHOD);
            let answer = answer_with(call.keep);
            tokens.create(call, id, spec, answer).await
        }
        Err(error) => Err(error.into()),
    };
    store.close().await;
    created.map_err(|error| match error {
        Error::Refused(Refused { faults, .. }) => OfflineError::Faulty(faults),
        error => OfflineError::Failed(error),
    })
}
