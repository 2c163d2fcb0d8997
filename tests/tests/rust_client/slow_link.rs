//! A link that is held up while more is published than may wait: what the namespace says is what the reader sees.

use serde_json::{Value, json};
use wavecast_client::{Client, Encoding, Gap, GapCause, SubscriptionEvent};
use wavecast_tests::api;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;
use wavecast_tests::token::SECRET;

use crate::person::{Listener, Reader, connected, somebody};

in_both_encodings!(
    what_was_dropped_is_counted,
    what_was_dropped_of_a_subscription_of_the_server_is_counted,
    the_latest_comes_and_nothing_is_said_of_the_others,
    who_can_recover_misses_nothing,
);

/// May wait for one client, in bytes.
const QUEUE_BYTES: usize = 64 * 1024;
/// Each is so long that they are far more than what may wait, together with what the kernel takes.
const PAYLOAD_BYTES: usize = 8 * 1024;
const COUNT: u64 = 200;

fn configuration() -> Value {
    let namespace = |name: &str, policy: &str| json!({ "name": name, "slow_consumer": policy, "allow_subscribe_for_client": true });
    let kept = |mut namespace: Value| {
        namespace["history_size"] = 1_000.into();
        namespace["history_ttl"] = "60s".into();
        namespace["force_recovery"] = true.into();
        namespace
    };
    json!({
        "client": {
            "token": { "hmac_secret_key": SECRET },
            "queue_max_size": QUEUE_BYTES,
            "recovery_max_publication_limit": 1_000,
        },
        "http_api": { "insecure": true },
        "channel": { "namespaces": [
            namespace("oldest", "drop_oldest"),
            namespace("newest", "drop_newest"),
            namespace("latest", "latest"),
            kept(namespace("recover", "drop_oldest")),
            kept(namespace("cut", "disconnect")),
        ] },
    })
}

fn publish(server: &Program, channel: &str, number: u64) {
    let data = json!({ "number": number, "filler": "x".repeat(PAYLOAD_BYTES) });
    api::call(server.address(), "publish", &json!({ "channel": channel, "data": data }));
}

/// Publishes more than can wait while the link is held up.
fn publish_too_much(server: &Program, proxy: &Proxy, channel: &str) {
    proxy.hold_up();
    (0..COUNT).for_each(|number| publish(server, channel, number));
    proxy.go_on();
}

async fn behind_a_link(server: &Program, encoding: Encoding) -> (Client, Proxy) {
    let proxy = Proxy::start(server.address());
    let (client, _) = connected(proxy.address(), somebody(encoding, &json!({ "sub": "ann" }))).await;
    (client, proxy)
}

/// What a reader has seen of what was published.
#[derive(Default)]
struct Account {
    heard: Vec<u64>,
    dropped: u64,
}

impl Account {
    fn take(&mut self, event: SubscriptionEvent) {
        match event {
            SubscriptionEvent::Publication(publication) => {
                let number = publication.json::<Value>().expect("JSON")["number"].as_u64();
                self.heard.push(number.expect("a number"));
            }
            SubscriptionEvent::Gap(Gap { cause: GapCause::Dropped(count), .. }) => self.dropped += count,
            other => panic!("behind {} publications: {other:?}", self.heard.len()),
        }
    }

    fn is_settled(&self) -> bool {
        self.heard.len() as u64 + self.dropped == COUNT
    }

    fn assert_in_order(&self) {
        assert!(self.heard.is_sorted_by(|one, other| one < other), "{:?}", self.heard);
    }
}

async fn what_was_dropped_is_counted(encoding: Encoding) {
    let server = Program::start(&configuration());
    for (channel, edge) in [("oldest:a", COUNT - 1), ("newest:a", 0)] {
        let (client, proxy) = behind_a_link(&server, encoding).await;
        let mut reader = Reader::of(&client, channel).await;
        publish_too_much(&server, &proxy, channel);
        let mut account = Account::default();
        while !account.is_settled() {
            account.take(reader.next().await);
        }
        account.assert_in_order();
        assert!(account.dropped > 0 && account.heard.contains(&edge), "{channel}: {:?}", account.heard);
        publish(&server, channel, COUNT);
        account.take(reader.next().await);
        assert_eq!(account.heard.last(), Some(&COUNT), "{channel}: it goes on");
    }
}

async fn what_was_dropped_of_a_subscription_of_the_server_is_counted(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, proxy) = behind_a_link(&server, encoding).await;
    let mut events = Listener::of(&client).await;
    api::call(server.address(), "subscribe", &json!({ "user": "ann", "channel": "oldest:b" }));
    events.subscribed("oldest:b").await;
    publish_too_much(&server, &proxy, "oldest:b");
    let mut account = Account::default();
    while !account.is_settled() {
        account.take(events.next_of("oldest:b").await);
    }
    account.assert_in_order();
    assert!(account.dropped > 0 && account.heard.contains(&(COUNT - 1)), "{:?}", account.heard);
}

async fn the_latest_comes_and_nothing_is_said_of_the_others(encoding: Encoding) {
    let server = Program::start(&configuration());
    let (client, proxy) = behind_a_link(&server, encoding).await;
    let mut reader = Reader::of(&client, "latest:a").await;
    publish_too_much(&server, &proxy, "latest:a");
    let mut account = Account::default();
    while account.heard.last() != Some(&(COUNT - 1)) {
        account.take(reader.next().await);
    }
    publish(&server, "latest:a", COUNT);
    account.take(reader.next().await);
    account.assert_in_order();
    assert_eq!((account.heard.last(), account.dropped), (Some(&COUNT), 0));
    assert!((account.heard.len() as u64) < COUNT, "something was left out");
}

async fn who_can_recover_misses_nothing(encoding: Encoding) {
    let server = Program::start(&configuration());
    for channel in ["recover:a", "cut:a"] {
        let (client, proxy) = behind_a_link(&server, encoding).await;
        let mut reader = Reader::of(&client, channel).await;
        publish_too_much(&server, &proxy, channel);
        let (mut account, mut causes) = (Account::default(), Vec::new());
        while account.heard.len() as u64 != COUNT {
            match reader.next().await {
                SubscriptionEvent::Interrupted(cause) => causes.push(cause.code),
                SubscriptionEvent::Subscribed { was_recovering, recovered, .. } => {
                    assert!(was_recovering && recovered, "{channel}");
                }
                event => account.take(event),
            }
        }
        account.assert_in_order();
        let expected: &[u32] = if channel == "recover:a" { &[2500] } else { &[3008] };
        assert_eq!(causes, expected, "{channel}");
    }
}
