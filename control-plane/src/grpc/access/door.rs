//! The door: every call passes it, and ends when its caller's token does.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use http_body::{Body as _, Frame, SizeHint};
use tonic::{
    Status,
    body::Body,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};
use tower::{Layer, Service};

use super::{Requirement, requirement};
use crate::{
    access::{Access, Credentials, Denied, Pass},
    domain::{Caller, Role},
    grpc::status,
};

/// Longer than any token, in bytes.
const CREDENTIALS_BYTES_MAX: usize = 4_096;
/// Its own calls may end the token that they came with. They are short, are still answered, and look at the token in
/// their transaction.
const NEVER_CUT: &str = "pointsman.admin.v1.AccessTokenService/";

/// Puts a door in front of the services.
#[derive(Clone, Debug)]
pub(crate) struct DoorLayer {
    access: Access,
}

impl DoorLayer {
    pub(crate) fn new(access: Access) -> Self {
        Self { access }
    }
}

impl<S> Layer<S> for DoorLayer {
    type Service = Door<S>;

    fn layer(&self, inner: S) -> Door<S> {
        Door { access: self.access.clone(), inner }
    }
}

/// Services behind a door.
#[derive(Clone, Debug)]
pub(crate) struct Door<S> {
    access: Access,
    inner: S,
}

impl<S> Service<Request<Body>> for Door<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let pass = match admit(&self.access, &request) {
            Ok(pass) => pass,
            Err(refused) => return Box::pin(std::future::ready(Ok(refused.into_http()))),
        };
        // Nobody further in has a use for the secret.
        request.headers_mut().remove(AUTHORIZATION);
        let cut = pass.is_some() && !request.uri().path()[1..].starts_with(NEVER_CUT);
        if let Some(pass) = &pass {
            request.extensions_mut().insert(pass.caller.clone());
        }
        let answer = self.inner.call(request);
        match pass.filter(|_| cut) {
            None => Box::pin(answer),
            Some(pass) => Box::pin(until_over(answer, pass)),
        }
    }
}

/// The pass of a call; none for one that needs none.
fn admit(access: &Access, request: &Request<Body>) -> Result<Option<Pass>, Status> {
    let path = request.uri().path();
    let Some(requirement) = path.strip_prefix('/').and_then(requirement) else {
        return Err(status::unknown_method());
    };
    let Requirement::Roles(roles) = requirement else { return Ok(None) };
    let peer = peer(request);
    let pass = access.admit(credentials(request.headers()), peer).map_err(status::denied)?;
    check_role(&pass.caller, roles, path)?;
    Ok(Some(pass))
}

fn check_role(caller: &Caller, roles: &[Role], path: &str) -> Result<(), Status> {
    match roles.contains(&caller.role) {
        true => Ok(()),
        false => Err(status::role_not_enough(roles, path.rsplit('/').next().unwrap_or_default())),
    }
}

fn credentials(headers: &HeaderMap) -> Credentials<'_> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), another) = (values.next(), values.next()) else { return Credentials::Nothing };
    let secret =
        value.to_str().ok().filter(|value| value.len() <= CREDENTIALS_BYTES_MAX && another.is_none());
    let secret = secret.and_then(|value| value.split_once(' '));
    match secret {
        Some((scheme, secret)) if scheme.eq_ignore_ascii_case("bearer") && !secret.trim().is_empty() => {
            Credentials::Secret(secret.trim())
        }
        _ => Credentials::Malformed,
    }
}

fn peer(request: &Request<Body>) -> Option<std::net::SocketAddr> {
    let extensions = request.extensions();
    let tls = extensions.get::<TlsConnectInfo<TcpConnectInfo>>().map(TlsConnectInfo::get_ref);
    extensions.get::<TcpConnectInfo>().or(tls).and_then(TcpConnectInfo::remote_addr)
}

/// The answer, unless the pass is over before it or in the middle of it.
async fn until_over<F>(answer: F, pass: Pass) -> Result<Response<Body>, Infallible>
where
    F: Future<Output = Result<Response<Body>, Infallible>>,
{
    let answer = tokio::select! {
        biased;
        denied = pass.over() => return Ok(status::denied(denied).into_http()),
        answer = answer => answer?,
    };
    Ok(answer.map(|body| {
        if body.is_end_stream() {
            return body;
        }
        let over = Box::pin(async move { pass.over().await });
        Body::new(Cut { body: Some(body), over })
    }))
}

/// A body that is cut off when the caller's pass is over: its end says why.
struct Cut {
    /// None once it has ended.
    body: Option<Body>,
    over: BoxFuture<'static, Denied>,
}

impl http_body::Body for Cut {
    type Data = bytes::Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Status>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        if let Poll::Ready(denied) = this.over.as_mut().poll(context) {
            this.body = None;
            let mut trailers = HeaderMap::new();
            let added = status::denied(denied).add_header(&mut trailers);
            return Poll::Ready(Some(added.map(|()| Frame::trailers(trailers))));
        }
        Pin::new(body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
