//! The back end of the demo application at `/demo/notifications`: to everybody, to one user, and the steps of an order.
//!
//!     cargo run --package wavecast --features server --example demo_notifications

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use wavecast::server::config::{ChannelSettings, Config, Named, Overrides, load};
use wavecast::server::hooks::{Answer, Handlers, Hook, RpcCall, RpcGrant, Wants};
use wavecast::server::hub::Publish;
use wavecast::server::protocol::centrifuge::Error;
use wavecast::server::token::{Algorithm, Signer};
use wavecast::server::{Node, PushServer, as_json};

/// The steps of an order: how many half seconds after the one before, and what is said of it.
const STEPS: [(u32, &str, &str); 5] = [
    (0, "Order received", "The shop has it. Close this tab if you like: nothing will be lost."),
    (4, "Paid", "The payment went through."),
    (5, "Packed", "Wrapped, labelled, and waiting at the door."),
    (5, "On its way", "The courier has left the shop."),
    (14, "Delivered", "It is at your door. Enjoy it!"),
];
const ORDERS_MAX: usize = 500;
/// What a history keeps a hundred of for every user is short: more than any form on the page can send.
const CALL_BYTES_MAX: usize = 4096;

pub(crate) struct Notifications {
    node: Arc<Node>,
    signer: Signer,
    orders: Arc<Semaphore>,
}

impl Notifications {
    pub(crate) fn start(node: Arc<Node>, signer: Signer) -> Arc<Self> {
        let welcome = json!({"title": "Welcome", "text": "What concerns everybody arrives here."});
        let orders = Arc::new(Semaphore::new(ORDERS_MAX));
        let notifications = Arc::new(Self { node: Arc::clone(&node), signer, orders });
        tokio::spawn(async move { publish(&node, "notify:all", welcome, false).await });
        notifications
    }

    pub(crate) fn configure(config: &mut Config) {
        // [how What the server keeps, and for whom
        let notify = ChannelSettings {
            history_size: 100,
            history_ttl: Duration::from_secs(24 * 3600),
            force_recovery: true,
            allow_subscribe_for_client: true,
            allow_history_for_subscriber: true,
            allow_user_limited_channels: true, // notify:user#ann is for ann alone
            ..ChannelSettings::default()
        };
        let read = ChannelSettings {
            history_size: 1,
            force_recovery_mode: "cache".into(), // the newest state is all that a device needs
            auto_cache_recover: true,
            allow_publish_for_subscriber: true,
            ..notify.clone()
        };
        // how]
        config.channel.namespaces.push(Named { name: "notify".into(), settings: notify });
        config.channel.namespaces.push(Named { name: "notify_read".into(), settings: read });
        config.rpc.proxy.endpoint = "handler:".into();
        config.rpc.without_namespace.proxy_enabled = true;
    }

    // [how The steps of an order
    fn order(&self, user: &str, item: &str) -> Result<Value, Error> {
        let place = Arc::clone(&self.orders).try_acquire_owned().map_err(|_| Error::TOO_MANY_REQUESTS)?;
        let (node, channel) = (Arc::clone(&self.node), format!("notify:user#{user}"));
        let mut order = json!({"id": format!("{:x}", now_ms()), "item": item});
        tokio::spawn(async move {
            for (step, (ticks, title, text)) in STEPS.into_iter().enumerate() {
                for tick in 0..ticks {
                    order["way"] = (f64::from(tick) / f64::from(ticks)).into();
                    publish(&node, &channel, json!({"order": order}), true).await.ok();
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                (order["step"], order["way"]) = (step.into(), 0.into());
                let data = json!({"title": title, "text": text, "order": order});
                publish(&node, &channel, data, false).await.ok();
            }
            drop(place);
        });
        Ok(json!({}))
    }
    // how]
}

impl Handlers for Notifications {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Rpc)
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        let data: Value = call.json().unwrap_or_default();
        let text = |name: &str| data[name].as_str().unwrap_or_default();
        let outcome = match &*call.method {
            _ if call.data.as_ref().is_some_and(|data| data.len() > CALL_BYTES_MAX) => {
                Err(Error::BAD_REQUEST)
            }
            "notify.login" => login(&self.signer, text("name")),
            _ if call.caller.user.is_empty() => Err(Error::PERMISSION_DENIED),
            "notify.order" => self.order(&call.caller.user, text("item")),
            "notify.send" => {
                let note = json!({"title": text("title"), "text": text("text"), "from": &*call.caller.user});
                let to = if text("to").is_empty() { "all".into() } else { format!("user#{}", text("to")) };
                publish(&self.node, &format!("notify:{to}"), note, false).await
            }
            _ => Err(Error::METHOD_NOT_FOUND),
        };
        outcome.and_then(|data| RpcGrant::json(&data)).into()
    }
}

/// A real application has asked for a password before.
fn login(signer: &Signer, name: &str) -> Result<Value, Error> {
    let user = name.trim().to_lowercase();
    if user.is_empty() || user.len() > 24 || !user.chars().all(|c| c.is_alphanumeric() || c == '-') {
        return Err(Error::BAD_REQUEST);
    }
    let claims = json!({"sub": user, "exp": now_ms() / 1000 + 24 * 3600});
    let token = signer.sign(&claims, None).map_err(|_| Error::INTERNAL)?;
    Ok(json!({"user": user, "token": token}))
}

/// What skips the history is for those who look at this moment.
async fn publish(node: &Node, channel: &str, mut data: Value, skip_history: bool) -> Result<Value, Error> {
    data["at"] = now_ms().into();
    let publish = Publish { skip_history, ..as_json(&data)? };
    node.publish(channel, publish).await.map(|_| json!({}))
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = load(None, &Overrides::default())?;
    loaded.config.client.token.hmac_secret_key = "only for this example".into();
    Notifications::configure(&mut loaded.config);
    let signer = Signer::hmac(Algorithm::Hs256, &loaded.config.client.token.hmac_secret_key)?;
    let server = PushServer::start_with(loaded, |node| Notifications::start(node, signer))?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}
