//! A push server inside a program: hooks as Rust functions, and publishing from inside the process.
//!
//!     cargo run --package wavecast --features server --example push_server_hooks
//!
//! Clients connect with data `{"user":"ann"}`, and may subscribe to `clock`, and to their own channel, here `room-ann`, in
//! which they may also publish.

use std::sync::Arc;
use std::time::Duration;

use wavecast::server::config::{Overrides, load};
use wavecast::server::hooks::{
    Answer, ConnectCall, ConnectGrant, Handlers, Hook, PublishCall, PublishGrant, SubscribeCall,
    SubscribeGrant, Wants,
};
use wavecast::server::protocol::centrifuge::{Disconnect, Error};
use wavecast::server::{Node, PushServer};

struct Rooms;

#[derive(serde::Deserialize)]
struct Visitor {
    user: Box<str>,
}

impl Handlers for Rooms {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Connect).and(Hook::Subscribe).and(Hook::Publish)
    }

    async fn connect(&self, call: ConnectCall) -> Answer<ConnectGrant> {
        match call.json() {
            Ok(Visitor { user }) => Answer::Ok(ConnectGrant { user, ..ConnectGrant::default() }),
            Err(_) => Answer::Disconnect(Disconnect { code: 4501, reason: "who are you?".into() }),
        }
    }

    async fn subscribe(&self, call: SubscribeCall) -> Answer<SubscribeGrant> {
        let is_own = *call.channel == *format!("room-{}", call.caller.user);
        if is_own || &*call.channel == "clock" {
            return Answer::Ok(SubscribeGrant::default());
        }
        Error::PERMISSION_DENIED.into()
    }

    async fn publish(&self, call: PublishCall) -> Answer<PublishGrant> {
        let is_own = *call.channel == *format!("room-{}", call.caller.user);
        if is_own { Answer::Ok(PublishGrant::default()) } else { Error::PERMISSION_DENIED.into() }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = [
        ("http_server.address", "127.0.0.1"),
        ("client.proxy.connect.enabled", "true"),
        ("client.proxy.connect.endpoint", "handler:"),
        ("channel.proxy.subscribe.endpoint", "handler:"),
        ("channel.proxy.publish.endpoint", "handler:"),
        ("channel.without_namespace.subscribe_proxy_enabled", "true"),
        ("channel.without_namespace.publish_proxy_enabled", "true"),
    ];
    let values = keys.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let loaded = load(None, &Overrides { values, insecure: false })?;
    let server = PushServer::start_with(loaded, |node| {
        tokio::spawn(tick(node));
        Arc::new(Rooms)
    })?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}

async fn tick(node: Arc<Node>) {
    for seconds in 0_u64.. {
        // What has no room now is no news a second later.
        node.publish_json("clock", &seconds).await.ok();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
