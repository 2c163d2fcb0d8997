//! The back end of the demo at `/demo/push-or-poll`: one curve, told at six rates, for whichever way a page listens.
//!
//!     cargo run --package wavecast --features server --example demo_push_or_poll
//!
//! The rate is in the channel's name: `pace:60` has sixty values a minute. So a visitor who wants another one follows another
//! channel, and changes nothing for anybody else.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use wavecast::server::config::{ChannelSettings, Config, Namespace, Overrides, load};
use wavecast::server::hooks::{Handlers, Wants};
use wavecast::server::{Node, PushServer};

/// Values a minute. As `web/demo/push-or-poll/steps.ts` has them.
const RATES: [u64; 6] = [6, 30, 60, 120, 300, 600];
const TURN: Duration = Duration::from_millis(100);
const TURNS_PER_MINUTE: u64 = 600;

pub(crate) struct Pace;

/// Nothing is decided here: who may listen is in the configuration.
impl Handlers for Pace {
    fn wants(&self) -> Wants {
        Wants::NOTHING
    }
}

impl Pace {
    pub(crate) fn configure(config: &mut Config) {
        // [how The back end: a history, and whoever polls misses nothing
        let pace = ChannelSettings {
            history_size: 300, // ten seconds between two polls are a hundred values at most
            history_ttl: Duration::from_secs(120),
            force_recovery: true,
            allow_subscribe_for_client: true,
            allow_subscribe_for_anonymous: true,
            ..ChannelSettings::default()
        };
        // how]
        config.channel.namespaces.push(Namespace { name: "pace".into(), settings: pace });
    }

    pub(crate) fn start(node: Arc<Node>) -> Arc<Self> {
        tokio::spawn(async move { tell(&node).await });
        Arc::new(Self)
    }
}

// [how The back end: the same curve at six rates, while somebody listens
async fn tell(node: &Node) {
    let mut turns = interval(TURN);
    turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for turn in 0_u64.. {
        turns.tick().await;
        for rate in RATES {
            let channel = format!("pace:{rate}");
            if turn.is_multiple_of(TURNS_PER_MINUTE / rate) && node.has_subscribers(&channel) {
                let now = now_ms();
                let value = json!({"v": curve(now), "at": now}).to_string();
                node.publish_data(&channel, value.as_bytes()).await.ok();
            }
        }
    }
}
// how]

/// Two waves, between 0 and 100.
fn curve(now_ms: u64) -> f64 {
    let seconds = (now_ms % 86_400_000) as f64 / 1000.0;
    let value = 50.0 + 30.0 * (seconds / 2.1).sin() + 14.0 * (seconds / 0.83).sin();
    (value * 10.0).round() / 10.0
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut loaded = load(None, &Overrides::default())?;
    Pace::configure(&mut loaded.config);
    let server = PushServer::start_with(loaded, |node| Pace::start(node))?;
    println!("clients connect to ws://{}/connection/websocket", server.address());
    Ok(server.join()?)
}
