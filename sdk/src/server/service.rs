//! From the wire to the preprocessor and back.

use std::{panic::AssertUnwindSafe, sync::Arc};

use async_trait::async_trait;
use futures::FutureExt as _;
use pointsman_proto::preprocess::v1::{
    PreprocessRequest, PreprocessResponse, preprocess_service_server::PreprocessService,
};
use tonic::{Response, Status};

use crate::{Preprocessor, Refusal, Request, Results};

pub(super) struct Service {
    preprocessor: Arc<dyn Preprocessor>,
}

impl Service {
    pub(super) fn new(preprocessor: Arc<dyn Preprocessor>) -> Self {
        Self { preprocessor }
    }
}

#[async_trait]
impl PreprocessService for Service {
    async fn preprocess(
        &self,
        request: tonic::Request<PreprocessRequest>,
    ) -> Result<Response<PreprocessResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        let execution_id = message.execution_id.clone();
        let answer = async { self.preprocessor.preprocess(Request::new(message, metadata)).await };
        // A panic ends this call and no other. What it may have left behind is the preprocessor's own.
        let answer = match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(answer) => answer,
            Err(_) => Err(Refusal::internal("the preprocessor panicked")),
        };
        match answer.and_then(|results| Results::into_wire(results).map_err(Refusal::from)) {
            Ok(results) => Ok(Response::new(PreprocessResponse { results: Some(results) })),
            Err(refusal) => {
                log(&execution_id, &refusal);
                Err(refusal.into())
            }
        }
    }
}

/// A webhook that is refused is the sender's matter; a fault is ours.
fn log(execution_id: &str, refusal: &Refusal) {
    use tonic::Code::{FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated};
    match refusal.code() {
        FailedPrecondition | InvalidArgument | NotFound | PermissionDenied | Unauthenticated => {
            tracing::info!(execution_id, "refused: {refusal}");
        }
        _ => tracing::error!(execution_id, "failed: {refusal}"),
    }
}
