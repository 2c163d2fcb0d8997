//! Live monitoring: a market, the weather, this machine, and a relay that makes one viewer slow.
//!
//!     cargo run --package wavecast --features server --example demo_monitoring
//!
//! | channel | each message is | a second | who is behind gets |
//! | --- | --- | --- | --- |
//! | `market:<sector>` | the prices of the whole sector | 50 | the newest only (`latest`) |
//! | `quotes:board` | symbol, open, high and low of every instrument, as a delta | 1 | the newest, on entering, too |
//! | `weather:map` | what every station measures, as a delta | 1 | the newest, on entering, too |
//! | `machine:now` | processors, memory, network | 2 | all of it, from the history |

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use wavecast::server::config::{ChannelSettings, Config, Namespace, Overrides, load};
use wavecast::server::hooks::{Answer, Handlers, Hook, RpcCall, RpcGrant, Wants};
use wavecast::server::protocol::centrifuge::Error;
use wavecast::server::{Node, PushServer};

#[path = "demo_machine.rs"]
mod machine;
#[path = "demo_market.rs"]
mod market;
#[path = "demo_relay.rs"]
mod relay;
#[path = "demo_weather.rs"]
mod weather;

pub(crate) struct Monitoring {
    relay: relay::Relay,
}

#[derive(serde::Deserialize)]
struct Rate {
    bytes_per_second: u64,
}

impl Handlers for Monitoring {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Rpc)
    }

    /// `monitoring.relay` with `{"bytes_per_second": 8000}`: where to connect to in order to be slow.
    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        match call.json::<Rate>().map(|asked| self.relay.place(asked.bytes_per_second)) {
            _ if &*call.method != "monitoring.relay" => Error::METHOD_NOT_FOUND.into(),
            Ok(Some(place)) => RpcGrant::json(&place).into(),
            Ok(None) => Error::NOT_AVAILABLE.into(),
            Err(refused) => refused.into(),
        }
    }
}

impl Monitoring {
    // [how The back end: what becomes of who is behind
    pub(crate) fn configure(config: &mut Config) {
        let open = ChannelSettings {
            allow_subscribe_for_client: true,
            allow_subscribe_for_anonymous: true,
            ..ChannelSettings::default()
        };
        let latest = ChannelSettings { slow_consumer: "latest".into(), ..open.clone() };
        let stream = ChannelSettings {
            history_size: 240,
            history_ttl: Duration::from_secs(300),
            force_recovery: true,
            allow_history_for_client: true,
            allow_history_for_anonymous: true,
            ..open
        };
        let deltas = ChannelSettings {
            history_size: 1,
            force_recovery_mode: "cache".into(),
            auto_cache_recover: true,
            allowed_delta_types: vec!["fossil".into()],
            delta_publish: true,
            ..stream.clone()
        };
        let all = [("market", latest), ("quotes", deltas.clone()), ("weather", deltas), ("machine", stream)];
        let named = all.map(|(name, settings)| Namespace { name: name.into(), settings });
        config.channel.namespaces.extend(named);
        config.rpc.without_namespace.proxy_enabled = true;
        config.rpc.proxy.endpoint = "handler:".into();
        // What the kernel holds cannot be replaced by a newer price any more: a slow viewer would be that much behind.
        config.client.unsent_max_size = config.client.unsent_max_size.min(16 * 1024);
    }
    // how]

    pub(crate) fn start(node: Arc<Node>) -> Arc<Self> {
        let monitoring = Arc::new(Self { relay: relay::Relay::default() });
        let own = Arc::clone(&monitoring);
        tokio::spawn(async move { tokio::join!(prices(&node), surroundings(&node), own.relay.run(&node)) });
        monitoring
    }
}

// [how The back end: every turn the whole state of each sector
async fn prices(node: &Node) {
    let mut market = market::Market::new();
    let channels = market::SECTORS.map(|name| format!("market:{name}"));
    let mut turns = every(20);
    for turn in 0_u64.. {
        turns.tick().await;
        if turn.is_multiple_of(50) {
            publish(node, "quotes:board", &market.quotes()).await; // what a page begins with, so always there
        }
        if !channels.iter().any(|channel| node.has_subscribers(channel)) {
            continue; // Nobody watches: the market is closed.
        }
        market.trade();
        // All sectors in one go: what waits for a viewer at the end of the server's turn leaves in one piece.
        for (sector, channel) in channels.iter().enumerate() {
            publish(node, channel, &market.prices(sector)).await;
        }
    }
}
// how]

async fn surroundings(node: &Node) {
    let (mut machine, mut weather) = (machine::Machine::default(), weather::Weather::new());
    let mut turns = every(500);
    for turn in 0_u64.. {
        turns.tick().await;
        publish(node, "machine:now", &machine.read(&node.info().process.unwrap_or_default())).await;
        if turn.is_multiple_of(2) {
            weather.change();
            publish(node, "weather:map", &weather.map()).await;
        }
    }
}

/// What has no room is lost: the next one says all of it again.
async fn publish(node: &Node, channel: &str, state: &str) {
    node.publish_data(channel, state.as_bytes()).await.ok();
}

fn every(ms: u64) -> Interval {
    let mut turns = interval(Duration::from_millis(ms));
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    turns
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = load(None, &Overrides::default())?;
    Monitoring::configure(&mut loaded.config);
    let server = PushServer::start_with(loaded, |node| Monitoring::start(node))?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}
