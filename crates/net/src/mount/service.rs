//! A mount as a tower service: whatever asks for one can be given it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower_service::Service;

use super::{Mount, Upgrade};

impl<B> Service<Request<B>> for Mount {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    /// Always ready: a shard that takes no connection answers 503.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let (upgrade, mount) = (Upgrade::of(&mut request), self.clone());
        Box::pin(async move { Ok(upgrade.to(&mount).await) })
    }
}
