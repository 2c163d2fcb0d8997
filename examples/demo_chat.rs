//! The back end of the demo application at `/demo/chat`: names, and what is allowed in a room.
//!
//!     cargo run --package wavecast --features server --example demo_chat
//!
//! `wavecast serve` has it inside the process in the development profile.

use std::sync::Arc;

use wavecast::server::Node;
use wavecast::server::config::{ChannelSettings, Config, Named};
use wavecast::server::hooks::{Answer, Handlers, Hook, RpcCall, RpcGrant, Wants};
use wavecast::server::protocol::centrifuge::Error;
use wavecast::server::token::Signer;

/// What a room's visitors are signed in with, and what they may do.
pub(crate) struct Chat {
    signer: Signer,
}

impl Chat {
    pub(crate) fn new(signer: Signer) -> Self {
        Self { signer }
    }

    /// Declares the namespace of the rooms, and says that calls of methods come here.
    pub(crate) fn configure(config: &mut Config) {
        let settings = ChannelSettings { allow_subscribe_for_client: true, ..ChannelSettings::default() };
        config.channel.namespaces.push(Named { name: "chat".into(), settings });
        config.rpc.proxy.endpoint = "handler:".into();
        config.rpc.without_namespace.proxy_enabled = true;
    }

    /// Publishes nothing by itself.
    pub(crate) async fn run(self: Arc<Self>, _node: Arc<Node>) {
        std::future::pending().await
    }

    // [how The demo's own login: a name becomes a token
    fn login(&self, data: &[u8]) -> Option<String> {
        let asked: serde_json::Value = serde_json::from_slice(data).ok()?;
        let user = asked["name"].as_str()?.trim();
        let claims = serde_json::json!({ "sub": user, "info": { "name": user } });
        let token = self.signer.sign(claims.as_object()?, None).ok()?;
        Some(serde_json::json!({ "user": user, "token": token }).to_string())
    }
    // how]
}

impl Handlers for Chat {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Rpc)
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        match &*call.method {
            "chat.login" => match self.login(&call.data.unwrap_or_default()) {
                Some(data) => Answer::Ok(RpcGrant { data: Some(data.into_bytes().into()) }),
                None => Error::BAD_REQUEST.into(),
            },
            _ => Error::METHOD_NOT_FOUND.into(),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    use wavecast::server::config::{Overrides, load};
    use wavecast::server::{PushServer, token::Algorithm};

    let mut loaded = load(None, &Overrides::default())?;
    loaded.config.client.token.hmac_secret_key = "only for this example".into();
    Chat::configure(&mut loaded.config);
    let signer = Signer::hmac(Algorithm::Hs256, &loaded.config.client.token.hmac_secret_key)?;
    let chat = Arc::new(Chat::new(signer));
    let server = PushServer::start_with(loaded, Some(chat.clone()))?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(chat.run(Arc::clone(server.node())));
    Ok(())
}
