//! The flow endpoint: answers 200 to everything, and says whose request it was.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Starts it for as long as this process runs, and says at which URL.
pub(crate) async fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("a bound port");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    });
    format!("http://{addr}")
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let customer = request.headers().get("pointsman-customer").cloned();
    let _ = request.into_body().collect().await;
    let mut response = Response::new(Full::default());
    if let Some(customer) = customer {
        response.headers_mut().insert("x-customer", customer);
    }
    Ok(response)
}
