//! What goes on meanwhile: webhooks, and another admin's writes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use pointsman_proto::admin::v1::{
    Customer, UpdateCustomerRequest, customer_service_client::CustomerServiceClient,
};
use pointsman_tests::{
    acme,
    sandbox::Sandbox,
    sender::{self, Version},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Third parties that post at a time.
const SENDERS: usize = 4;
/// Between two webhooks of one of them, and between two writes.
const PAUSE: Duration = Duration::from_millis(10);

/// What was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    pub(crate) count: u64,
    pub(crate) failed: u64,
    pub(crate) longest: Duration,
}

/// Something that is done again and again.
#[derive(Debug, Default)]
struct Repeated {
    done: Arc<Mutex<Done>>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Repeated {
    /// `act` says whether it went well.
    fn add<F: Future<Output = bool> + Send>(&self, act: impl Fn(u64) -> F + Send + Sync + 'static) {
        let (done, stop) = (Arc::clone(&self.done), self.stop.clone());
        self.tasks.spawn(async move {
            for round in 0.. {
                let started = Instant::now();
                let well = act(round).await;
                let took = started.elapsed();
                {
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.count += 1;
                    done.failed += u64::from(!well);
                    done.longest = done.longest.max(took);
                }
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        });
    }

    fn so_far(&self) -> Done {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn stop(self) -> Done {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.so_far()
    }
}

/// Third parties that post webhooks of a customer who was there before.
#[derive(Debug)]
pub(crate) struct Webhooks(Repeated);

impl Webhooks {
    pub(crate) async fn start(sandbox: &Sandbox) -> Self {
        let (addr, hook) = (sandbox.edge_addr().await, sandbox.hook("integrations/acme-erp").await);
        let repeated = Repeated::default();
        for _ in 0..SENDERS {
            let hook = hook.clone();
            repeated.add(move |_| {
                let body = Full::new(Bytes::from_static(acme::INVENTORY_UPDATE.as_bytes()));
                let request = Request::post(&hook).header("content-type", "application/json").body(body);
                async move {
                    let answer = sender::try_send(addr, Version::Http1, request.expect("a request")).await;
                    answer.is_ok_and(|answer| answer.status == StatusCode::OK)
                }
            });
        }
        Self(repeated)
    }

    pub(crate) fn so_far(&self) -> Done {
        self.0.so_far()
    }

    pub(crate) async fn stop(self) -> Done {
        self.0.stop().await
    }
}

/// Another admin, who changes a customer again and again.
#[derive(Debug)]
pub(crate) struct Writer(Repeated);

impl Writer {
    pub(crate) fn start(sandbox: &Sandbox) -> Self {
        let client = CustomerServiceClient::new(sandbox.admin());
        let repeated = Repeated::default();
        repeated.add(move |round| {
            let mut client = client.clone();
            let customer = Customer {
                name: "customers/bowlers-inc".to_owned(),
                display_name: format!("Bowlers {round}"),
                ..Customer::default()
            };
            let request = UpdateCustomerRequest {
                customer: Some(customer),
                update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
                ..UpdateCustomerRequest::default()
            };
            async move { client.update_customer(request).await.is_ok() }
        });
        Self(repeated)
    }

    pub(crate) async fn stop(self) -> Done {
        let done = self.0.stop().await;
        assert_eq!(done.failed, 0, "writes of another admin failed");
        done
    }
}
