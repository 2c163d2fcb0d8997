//! The game demo's back end: an arena that the server alone decides over, thirty states a second.
//!
//!     cargo run --package wavecast --features server --example demo_game
//!
//! A page calls `game.join` for a token, connects with it, subscribes to `arena:main` and calls `game.steer` with four bytes
//! whenever its ship shall go elsewhere. Every state is one binary publication; who reads slowly gets the newest. Players
//! are those present in the channel; who only watches is not.

use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wavecast::server::config::{ChannelSettings, Config, HANDLER_ENDPOINT, Named, load};
use wavecast::server::hooks::{
    Answer, Event, Handlers, Hook, Overrides, RpcCall, RpcGrant, SubscribeCall, SubscribeGrant, Unsubscribed,
    Wants,
};
use wavecast::server::protocol::centrifuge::Error;
use wavecast::server::token::{Algorithm, Signer};
use wavecast::server::{Node, PushServer};

use self::arena::{Arena, Input};

#[path = "demo_arena.rs"]
mod arena;

const CHANNEL: &str = "arena:main";
const NAME_CHARS_MAX: usize = 16;

pub(crate) struct Game {
    node: Arc<Node>,
    signer: Signer,
    arena: Mutex<Arena>,
    /// Ships that were given away: the number of the last.
    ships: AtomicU16,
}

impl Game {
    pub(crate) fn start(node: Arc<Node>, signer: Signer) -> Arc<Self> {
        let arena = Mutex::new(Arena::new(2_026));
        let game = Arc::new(Self { node, signer, arena, ships: AtomicU16::new(0) });
        tokio::spawn(Arc::clone(&game).run());
        game
    }

    // [how The channel, the states and the inputs
    pub(crate) fn configure(config: &mut Config) {
        let settings = ChannelSettings {
            publication_data_format: "binary".into(),
            slow_consumer: "latest".into(),
            presence: true,
            force_push_join_leave: true,
            allow_presence_for_client: true,
            allow_presence_for_anonymous: true,
            subscribe_proxy_enabled: true,
            unsubscribed_proxy_enabled: true,
            ..ChannelSettings::default()
        };
        config.channel.namespaces.push(Named { name: "arena".into(), settings });
        config.channel.proxy.subscribe.endpoint = HANDLER_ENDPOINT.into();
        config.channel.proxy.unsubscribed.endpoint = HANDLER_ENDPOINT.into();
        config.rpc.without_namespace.proxy_enabled = true;
        config.rpc.proxy.endpoint = HANDLER_ENDPOINT.into();
    }

    async fn run(self: Arc<Self>) {
        let mut steps = tokio::time::interval(Duration::from_secs(1) / arena::STEPS_PER_SECOND);
        steps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        loop {
            steps.tick().await;
            // Nobody watches: the arena stands still.
            if self.node.has_subscribers(CHANNEL) {
                let state = self.arena().step();
                // What finds no room in time is as good as missed: the next state has everything again.
                self.node.publish_data(CHANNEL, &state).await.ok();
            }
        }
    }

    fn steer(&self, call: &RpcCall) -> Option<RpcGrant> {
        let (ship, input) = (ship_of(&call.caller.user)?, Input::decode(call.data.as_deref()?)?);
        let mut arena = self.arena();
        // Who was silent for long has lost the ship, and gets one again.
        (arena.enter(ship) && arena.steer(ship, input)).then(RpcGrant::default)
    }
    // how]

    /// A number and a token for who gives a name; the ship comes with the subscription.
    fn join(&self, call: &RpcCall) -> Result<RpcGrant, Error> {
        let wish: Value = call.json()?;
        let name = wish["name"].as_str().map_or("", str::trim);
        if !(1..=NAME_CHARS_MAX).contains(&name.chars().count()) {
            return Err(Error::BAD_REQUEST);
        }
        let ship = self.ships.fetch_add(1, Relaxed) % 60_000 + 1;
        let claims = json!({ "sub": format!("game-{ship}"), "info": { "name": name, "ship": ship } });
        let token = self.signer.sign(&claims, None).map_err(|_| Error::INTERNAL)?;
        RpcGrant::json(&json!({ "ship": ship, "token": token }))
    }

    fn arena(&self) -> MutexGuard<'_, Arena> {
        self.arena.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ship_of(user: &str) -> Option<u16> {
    user.strip_prefix("game-")?.parse().ok()
}

impl Handlers for Game {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Subscribe).and(Hook::Rpc).and(Hook::Unsubscribed)
    }

    async fn subscribe(&self, call: SubscribeCall) -> Answer<SubscribeGrant> {
        let ship = ship_of(&call.caller.user);
        // Who only watches is told of those who come and go, and others are not told of them.
        let is_seen = Some(ship.is_some());
        let overrides = Overrides { presence: is_seen, join_leave: is_seen, ..Overrides::default() };
        match ship {
            _ if &*call.channel != CHANNEL => Error::UNKNOWN_CHANNEL.into(),
            Some(ship) if !self.arena().enter(ship) => Error::LIMIT_EXCEEDED.into(),
            _ => Answer::Ok(SubscribeGrant { overrides, ..SubscribeGrant::default() }),
        }
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        match &*call.method {
            "game.join" => self.join(&call).into(),
            "game.steer" => self.steer(&call).ok_or(Error::BAD_REQUEST).into(),
            _ => Error::METHOD_NOT_FOUND.into(),
        }
    }

    async fn unsubscribed(&self, _: &Event, what: &Unsubscribed) -> Result<(), String> {
        ship_of(&what.user).into_iter().for_each(|ship| self.arena().leave(ship));
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = load(None, &Default::default())?;
    loaded.config.client.token.hmac_secret_key = "only for this example".into();
    Game::configure(&mut loaded.config);
    let signer = Signer::hmac(Algorithm::Hs256, &loaded.config.client.token.hmac_secret_key)?;
    let server = PushServer::start_with(loaded, |node| Game::start(node, signer))?;
    println!("players connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}
