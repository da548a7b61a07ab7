use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use pointsman_proto::preprocess::v1::PreprocessRequest;
use tokio::{sync::Notify, task::JoinHandle};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::{v1, v1alpha};

use super::*;
use crate::{Refusal, Request, Results, from_fn, testkit::Remote};

/// No test takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("an end")
}

/// A server that runs until it is told to stop.
struct Running {
    address: Listen,
    stop: Arc<Notify>,
    end: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(server: Server, listen: Listen) -> Self {
        let bound = server.bind(&listen).await.expect("an address");
        let address = bound.address().clone();
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let end = tokio::spawn(bound.serve_until(async move { stopped.notified().await }));
        Self { address, stop, end }
    }

    async fn call(&self, body: impl Into<bytes::Bytes>) -> Result<Results, Refusal> {
        let remote = Remote::connect(&self.address.url()).await.expect("a connection");
        let message = PreprocessRequest { body: body.into(), ..PreprocessRequest::default() };
        remote.preprocess(Request::from(message)).await
    }

    async fn stop(self) {
        self.stop.notify_one();
        soon(self.end).await.expect("no panic").expect("a clean end");
    }
}

fn any_port() -> Listen {
    Listen::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn length() -> Server {
    Server::new(from_fn(async |request: Request| Ok(Results::new().set("length", request.body().len()))))
}

#[tokio::test]
async fn tcp_with_port_0_is_served_at_the_address_that_is_told() {
    let server = Running::start(length(), any_port()).await;
    assert!(!server.address.to_string().ends_with(":0"), "{}", server.address);
    assert_eq!(soon(server.call("12345")).await, Ok(Results::new().set("length", "5")));
    server.stop().await;
}

#[tokio::test]
async fn a_unix_socket_is_served_and_its_file_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    let server = Running::start(length(), Listen::Unix(path.clone())).await;
    assert_eq!(soon(server.call("12345")).await, Ok(Results::new().set("length", "5")));
    server.stop().await;
    assert!(!path.exists());
}

#[tokio::test]
async fn a_stale_unix_socket_is_replaced_and_a_live_one_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("socket");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists(), "the file of a server that was killed");
    let listen = Listen::Unix(path.clone());
    let server = Running::start(length(), listen.clone()).await;
    assert_eq!(soon(server.call("1")).await, Ok(Results::new().set("length", "1")));

    let taken = length().bind(&listen).await.expect_err("the socket is taken");
    assert!(matches!(taken, ListenError::Taken { .. }), "{taken}");
    assert_eq!(soon(server.call("12")).await, Ok(Results::new().set("length", "2")));
    server.stop().await;
}

#[tokio::test]
async fn a_file_that_is_no_socket_is_left_alone() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = length().bind(&Listen::Unix(file.path().to_owned())).await.expect_err("not a socket");
    assert!(matches!(error, ListenError::NotASocket { .. }), "{error}");
    assert!(file.path().exists());
}

#[tokio::test]
async fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = length().bind(&Listen::Tcp(address)).await.expect_err("the port is taken");
    assert!(error.to_string().starts_with(&format!("cannot listen on {address}: ")), "{error}");
}

#[test]
fn addresses_to_listen_on() {
    assert_eq!("unix:/run/a b".parse::<Listen>().expect("a path").url(), "unix:/run/a b");
    assert_eq!("[::1]:0".parse::<Listen>().expect("an address").url(), "http://[::1]:0");
    for wrong in
        ["", "unix:", "unix:relative", "localhost:1", "127.0.0.1", "127.0.0.1:99999", "http://127.0.0.1:1"]
    {
        let error = wrong.parse::<Listen>().expect_err(wrong).to_string();
        assert!(error.starts_with(&format!("{wrong:?} is not an address to listen on")), "{error}");
    }
}

#[tokio::test]
async fn a_body_beyond_grpcs_usual_limit_arrives() {
    let server = Running::start(length(), any_port()).await;
    let body = vec![7_u8; 6 * 1024 * 1024 + 1];
    let expected = Results::new().set("length", body.len());
    assert_eq!(soon(server.call(body)).await, Ok(expected));
    server.stop().await;
}

#[tokio::test]
async fn a_message_beyond_the_servers_limit_is_refused() {
    let server = Running::start(length().max_message_bytes(1000), any_port()).await;
    let refusal = soon(server.call(vec![7_u8; 1000])).await.expect_err("too long");
    assert_eq!(refusal.code(), Code::OutOfRange);
    assert_eq!(soon(server.call("1")).await, Ok(Results::new().set("length", "1")));
    server.stop().await;
}

#[tokio::test]
async fn a_panic_is_internal_and_the_server_goes_on() {
    let preprocessor = from_fn(async |request: Request| {
        assert!(!request.body().is_empty(), "a bug");
        Ok(Results::new())
    });
    let server = Running::start(Server::new(preprocessor), any_port()).await;
    let refusal = soon(server.call("")).await.expect_err("a panic");
    assert_eq!((refusal.code(), refusal.message()), (Code::Internal, "the preprocessor panicked"));
    assert_eq!(soon(server.call("1")).await, Ok(Results::new()));
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_keeps_its_code_and_message() {
    let preprocessor = from_fn(async |_| Err(Refusal::not_found("no customer \"é\"")));
    let server = Running::start(Server::new(preprocessor), any_port()).await;
    assert_eq!(soon(server.call("")).await, Err(Refusal::not_found("no customer \"é\"")));
    server.stop().await;
}

#[tokio::test]
async fn results_that_no_reader_takes_are_a_fault() {
    let preprocessor = from_fn(async |_| {
        Ok((0..Results::DEPTH_MAX).fold(Results::new(), |inner, _| Results::new().set("a", inner)))
    });
    let server = Running::start(Server::new(preprocessor), any_port()).await;
    let refusal = soon(server.call("")).await.expect_err("too deep");
    assert_eq!((refusal.code(), refusal.message()), (Code::Internal, "results are nested more than 24 deep"));
    server.stop().await;
}

#[tokio::test]
async fn no_more_calls_run_at_a_time_than_allowed() {
    let (running, most, calls) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), 20);
    let (counter, peak) = (Arc::clone(&running), Arc::clone(&most));
    let preprocessor = from_fn(move |_| {
        let (counter, peak) = (Arc::clone(&counter), Arc::clone(&peak));
        async move {
            peak.fetch_max(counter.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            counter.fetch_sub(1, Ordering::SeqCst);
            Ok(Results::new())
        }
    });
    let server = Running::start(Server::new(preprocessor).max_concurrent(3), any_port()).await;
    let answers = soon(futures::future::join_all((0..calls).map(|_| server.call("")))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(most.load(Ordering::SeqCst), 3);
    server.stop().await;
}

#[tokio::test]
async fn calls_that_wait_do_not_take_the_room_of_those_that_run() {
    let server = Running::start(length().max_concurrent(2), any_port()).await;
    let remote = Remote::connect(&server.address.url()).await.expect("a connection");
    let body = bytes::Bytes::from(vec![7; 2 * 1024 * 1024]);
    let calls = (0..40).map(|_| {
        let message = PreprocessRequest { body: body.clone(), ..PreprocessRequest::default() };
        remote.preprocess(Request::from(message))
    });
    for answer in soon(futures::future::join_all(calls)).await {
        assert_eq!(answer, Ok(Results::new().set("length", body.len())));
    }
    server.stop().await;
}

/// Tells when a call has begun, waits until it is released, and tells when it is dropped.
#[derive(Default)]
struct Held {
    begun: Notify,
    release: Notify,
    dropped: AtomicBool,
}

struct SetOnDrop(Arc<Held>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::SeqCst);
        self.0.release.notify_waiters();
    }
}

fn holding(held: &Arc<Held>) -> Server {
    let held = Arc::clone(held);
    Server::new(from_fn(move |_| {
        let held = SetOnDrop(Arc::clone(&held));
        async move {
            held.0.begun.notify_one();
            held.0.release.notified().await;
            Ok(Results::new().set("finished", true))
        }
    }))
}

#[tokio::test]
async fn a_call_under_way_finishes_when_the_server_stops() {
    let held = Arc::new(Held::default());
    let server = Running::start(holding(&held), any_port()).await;
    let remote = Remote::connect(&server.address.url()).await.expect("a connection");
    let address = server.address.url();
    let call = tokio::spawn(async move { remote.preprocess(PreprocessRequest::default().into()).await });
    soon(held.begun.notified()).await;
    let stopping = tokio::spawn(server.stop());
    // No further connection is taken, which is how we know that it is stopping.
    soon(async { while Remote::connect(&address).await.is_ok() {} }).await;
    held.release.notify_one();
    assert_eq!(soon(call).await.expect("no panic"), Ok(Results::new().set("finished", true)));
    soon(stopping).await.expect("a clean end");
}

#[tokio::test]
async fn a_call_that_does_not_finish_is_cut_when_the_drain_is_over() {
    let held = Arc::new(Held::default());
    let server = Running::start(holding(&held).drain(Duration::from_millis(1)), any_port()).await;
    let remote = Remote::connect(&server.address.url()).await.expect("a connection");
    let call = tokio::spawn(async move { remote.preprocess(PreprocessRequest::default().into()).await });
    soon(held.begun.notified()).await;
    let dropped = held.release.notified();
    server.stop().await;
    let refusal = soon(call).await.expect("no panic").expect_err("a cut connection");
    assert_ne!(refusal.code(), Code::Ok);
    soon(dropped).await;
    assert!(held.dropped.load(Ordering::SeqCst), "the call is gone, not left behind");
}

#[tokio::test]
async fn a_call_ends_with_its_deadline() {
    let held = Arc::new(Held::default());
    let server = Running::start(holding(&held), any_port()).await;
    let channel = transport::Endpoint::from_shared(server.address.url()).expect("a URL").connect_lazy();
    let mut client =
        pointsman_proto::preprocess::v1::preprocess_service_client::PreprocessServiceClient::new(channel);
    let mut call = tonic::Request::new(PreprocessRequest::default());
    call.set_timeout(Duration::from_millis(50));
    let dropped = held.release.notified();
    soon(client.preprocess(call)).await.expect_err("the deadline is over");
    soon(dropped).await;
    server.stop().await;
}

#[tokio::test]
async fn health_is_told() {
    let server = Running::start(length(), any_port()).await;
    let channel = transport::Endpoint::from_shared(server.address.url()).expect("a URL").connect_lazy();
    let mut health = HealthClient::new(channel);
    for service in ["", "pointsman.preprocess.v1.PreprocessService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = soon(health.check(request)).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let watched = HealthCheckRequest { service: "pointsman.preprocess.v1.PreprocessService".to_owned() };
    let mut watch = soon(health.watch(watched)).await.expect("a stream").into_inner();
    let first = soon(watch.message()).await.expect("a message").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);
    server.stop.notify_one();
    let second = soon(watch.message()).await.expect("a message").expect("a status");
    assert_eq!(second.status(), ServingStatus::NotServing);
    drop(watch);
    drop(health);
    server.stop().await;
}

#[tokio::test]
async fn reflection_lists_what_is_served_and_nothing_else() {
    let server = Running::start(length(), any_port()).await;
    let channel = transport::Endpoint::from_shared(server.address.url()).expect("a URL").connect_lazy();
    let expected = ["grpc.health.v1.Health", "pointsman.preprocess.v1.PreprocessService"];

    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let request = v1::ServerReflectionRequest {
        message_request: Some(v1::server_reflection_request::MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let mut answers = soon(client.server_reflection_info(futures::stream::iter([request])))
        .await
        .expect("a stream")
        .into_inner();
    let answer = soon(answers.message()).await.expect("a message").expect("a message").message_response;
    let Some(v1::server_reflection_response::MessageResponse::ListServicesResponse(list)) = answer else {
        panic!("{answer:?}");
    };
    let mut names = list.service.into_iter().map(|service| service.name).collect::<Vec<_>>();
    names.sort();
    names.retain(|name| !name.starts_with("grpc.reflection."));
    assert_eq!(names, expected);

    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let symbol = "pointsman.preprocess.v1.PreprocessService".to_owned();
    let request = v1alpha::ServerReflectionRequest {
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(
            symbol,
        )),
        ..Default::default()
    };
    let mut answers = soon(client.server_reflection_info(futures::stream::iter([request])))
        .await
        .expect("a stream")
        .into_inner();
    let answer = soon(answers.message()).await.expect("a message").expect("a message").message_response;
    assert!(
        matches!(
            answer,
            Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(_))
        ),
        "{answer:?}"
    );
    drop(answers);
    server.stop().await;
}

#[tokio::test]
async fn a_server_whose_future_is_dropped_leaves_nothing_behind() {
    let held = Arc::new(Held::default());
    let server = Running::start(holding(&held), any_port()).await;
    let remote = Remote::connect(&server.address.url()).await.expect("a connection");
    let call = tokio::spawn(async move { remote.preprocess(PreprocessRequest::default().into()).await });
    soon(held.begun.notified()).await;
    let dropped = held.release.notified();
    server.end.abort();
    soon(dropped).await;
    soon(call).await.expect("no panic").expect_err("a cut connection");
}
