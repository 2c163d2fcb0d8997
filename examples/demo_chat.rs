//! The back end of the chat demo: who you are, what may be said, and a greeting where nobody speaks.
//!
//!     cargo run --package wavecast --features server --example demo_chat
//!
//! Its channels: `chat:ROOM` (what was said), `chat-here:ROOM` (who is there), `chat-me:#USER` (one user's devices).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use serde_json::{Value, json};
use wavecast::server::config::{Config, ConfigError, Format, Overrides, load};
use wavecast::server::hooks::{Answer, Handlers, Hook, PublishCall, PublishGrant, RpcCall, RpcGrant, Wants};
use wavecast::server::hub::HistoryQuery;
use wavecast::server::protocol::centrifuge::Error;
use wavecast::server::token::{Algorithm, Signer};
use wavecast::server::{Node, PushServer};

const ROOMS: [(&str, &str); 4] = [
    ("chat:lobby", "Welcome! Open this page in a second window, under another name, and write to yourself."),
    ("chat:ideas", "What would you build, if every change reached everybody at once?"),
    ("chat:coffee", "No work in here. What are you drinking?"),
    ("chat:help", "Ask away. Say “spam” to meet the hook that reads along."),
];

pub(crate) struct Chat {
    node: Arc<Node>,
    signer: Signer,
    /// The next user's number. It begins with the time, so that none is given out again after a restart.
    next_user: AtomicU64,
    paces: Mutex<HashMap<Box<str>, Instant>>, // when what they said will have taken its time
}

impl Chat {
    pub(crate) fn start(node: Arc<Node>, signer: Signer) -> Arc<Self> {
        let chat = Arc::new(Self { node, signer, next_user: unix_ms().into(), paces: Mutex::default() });
        tokio::spawn(Arc::clone(&chat).greet());
        chat
    }

    pub(crate) fn configure(config: &mut Config) -> Result<(), ConfigError> {
        config.extend_from_str(include_str!("demo_chat.json"), Format::Json).map(drop)
    }

    /// Greets where nothing is kept.
    async fn greet(self: Arc<Self>) {
        loop {
            for (room, welcome) in ROOMS {
                let last = self.node.history(room, HistoryQuery { limit: 1, ..HistoryQuery::default() });
                if last.is_ok_and(|page| page.publications.is_empty()) {
                    self.node.publish_json(room, &message("welcome", welcome)).await.ok(); // else in a minute
                }
            }
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }

    // [how The hook that reads along
    fn judge(&self, call: &PublishCall) -> Result<PublishGrant, Error> {
        let (user, data) = (&call.caller.user, call.json::<Value>()?);
        let text = data["text"].as_str().map(str::trim);
        let (false, Some(id), Some(text)) = (user.is_empty(), data["id"].as_str(), text) else {
            return Err(Error::PERMISSION_DENIED);
        };
        let (length, lower) = (text.chars().count(), text.to_lowercase());
        if !(1..=500).contains(&length) {
            return refuse(1000, format!("A message has 1 to 500 characters, and this one {length}."));
        } else if lower.split(|c: char| !c.is_alphanumeric()).any(|word| word == "spam") {
            return refuse(1001, "The word “spam” is not said here.");
        } else if !self.may_speak(user) {
            return refuse(1002, "Too fast: five messages at once, then one a second.");
        }
        // A message that is sent again because its answer was lost is published once.
        let idempotency_key = format!("{user}/{id}").into();
        Ok(PublishGrant { idempotency_key, ..PublishGrant::json(&message(id, text))? })
    }
    // how]

    // [how The demo's login: a name becomes a token
    fn login(&self, call: &RpcCall) -> Result<RpcGrant, Error> {
        let data: Value = call.json()?;
        let name = data["name"].as_str().map_or("", str::trim);
        if !(1..=24).contains(&name.chars().count()) || name.chars().any(char::is_control) {
            return refuse(1003, "A name has 1 to 24 characters.");
        }
        let user = format!("user-{:x}", self.next_user.fetch_add(1, Ordering::Relaxed));
        let claims = json!({"sub": user, "info": {"name": name}});
        let token = self.signer.sign(&claims, None).map_err(|_| Error::INTERNAL)?;
        RpcGrant::json(&json!({"user": user, "name": name, "token": token}))
    }
    // how]

    /// Five at once, then one a second. Who has not spoken for five seconds is forgotten.
    fn may_speak(&self, user: &str) -> bool {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        paces.retain(|_, used| *used > now);
        let used = paces.get(user).map_or(now, |used| *used) + second;
        let may = (used <= now + 5 * second).then(|| paces.insert(user.into(), used));
        may.is_some()
    }
}

impl Handlers for Chat {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Publish).and(Hook::Rpc)
    }

    async fn publish(&self, call: PublishCall) -> Answer<PublishGrant> {
        self.judge(&call).into()
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        self.login(&call).into()
    }
}

fn refuse<T>(code: u32, message: impl Into<std::borrow::Cow<'static, str>>) -> Result<T, Error> {
    Err(Error { code, message: message.into(), temporary: false })
}

fn message(id: &str, text: &str) -> Value {
    json!({"id": id, "text": text, "at": unix_ms()})
}

fn unix_ms() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or_default())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = load(None, &Overrides::default())?;
    loaded.config.client.token.hmac_secret_key = "only for this example".into();
    Chat::configure(&mut loaded.config)?;
    let signer = Signer::hmac(Algorithm::Hs256, &loaded.config.client.token.hmac_secret_key)?;
    let server = PushServer::start_with(loaded, |node| Chat::start(node, signer))?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}
