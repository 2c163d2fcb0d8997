//! What axum's handlers ask for.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::Upgrade;

/// Never refuses: a request that is no handshake is answered by the shard it is sent to.
///
/// Where the connection comes from is known when the application is served with
/// `into_make_service_with_connect_info::<SocketAddr>()`.
///
/// ```no_run
/// use axum::extract::State;
/// use axum::response::IntoResponse;
/// use axum::{Router, routing::any};
/// use wavecast_net::mount::{Mount, Upgrade};
///
/// async fn chat(State(shards): State<Mount>, upgrade: Upgrade) -> impl IntoResponse {
///     upgrade.to(&shards).await
/// }
///
/// # fn app(shards: Mount) -> Router {
/// Router::new().route("/chat", any(chat)).with_state(shards)
/// # }
/// ```
impl<S: Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of_parts(parts))
    }
}
