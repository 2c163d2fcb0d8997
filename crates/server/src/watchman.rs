//! Goes its rounds: sends the canary, wakes every shard, and says how the node is.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tracing::{info, warn};
use wavecast_hub::{ChannelOptions, JoinQuery, PublishError, ShardId};

use crate::canary::{CANARY, Canary, Failing, NotTaken, Vitals};
use crate::node::Node;

/// How long another interval may wait to be noticed.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Node {
    /// How this node is. Looks at what is known, waits for nobody.
    #[must_use]
    pub fn vitals(&self) -> Vitals {
        let (canary, health) = (self.canary(), &self.config().health);
        let turns = |shard: usize| self.remotes.get(shard).map_or(0, |remote| remote.traffic().turns);
        Vitals {
            keeps_from_ready: canary.keeps_from_ready(health.canary_interval, health.canary_timeout),
            does_not_live: canary.do_not_turn(health.live_timeout, turns),
            last_round: canary.last_round(),
            is_leaving: self.departure().has_begun(),
        }
    }

    /// Every shard is sent what is published into the channel of canaries.
    pub(crate) fn join_canary(&self) {
        for shard in 0..self.remotes.len() {
            // At most SHARDS_MAX of them. There is no limit for channels of the server's own.
            let (shard, query) = (ShardId(shard as u16), JoinQuery::default());
            self.hub().join(CANARY, shard, query, &ChannelOptions::default(), self.now_ms(), drop).ok();
        }
    }

    /// One round.
    pub(crate) fn send_canary(&self) {
        let canary = self.canary();
        for (shard, remote) in self.remotes.iter().enumerate() {
            canary.wakes(shard, remote.traffic().turns);
        }
        let sent = self.publish_canary(canary);
        if sent.is_err() {
            self.remotes.iter().for_each(wavecast_net::shard::Remote::wake);
        }
        canary.sent(sent);
    }

    fn publish_canary(&self, canary: &Canary) -> Result<(), NotTaken> {
        if self.memory().refuses_publications() {
            return Err(NotTaken::Memory);
        }
        match self.hub().publish(CANARY, canary.next(), &ChannelOptions::default(), self.now_ms()) {
            // The channel has subscribers, so it needs no place among the channels.
            Ok(_) | Err(PublishError::ChannelLimit) => Ok(()),
            Err(PublishError::Busy { shard, .. }) => Err(NotTaken::Inbox(shard)),
        }
    }
}

/// Goes round as long as the node lives.
pub(crate) async fn watch(node: Arc<Node>) {
    node.join_canary();
    let mut told = false;
    loop {
        // Before the next one is sent: what the one before has come to. Shards of a node that leaves end one by one.
        if !node.departure().has_begun() {
            told = tell(&node.vitals(), told);
        }
        node.send_canary();
        let sent = Instant::now();
        // A reload may bring another interval.
        while let Some(rest) = node.config().health.canary_interval.checked_sub(sent.elapsed()) {
            sleep(rest.min(LOOK_AGAIN)).await;
        }
    }
}

/// The operator reads when a node stops to be well, and when it is again. Says whether it is not.
fn tell(vitals: &Vitals, told: bool) -> bool {
    let failing = vitals.does_not_live.iter().chain(&vitals.keeps_from_ready);
    let failing: Vec<Failing> =
        failing.filter(|failing| !matches!(failing, Failing::Starting)).copied().collect();
    let is_ill = !failing.is_empty();
    if is_ill != told {
        // It may be the log that holds up a shard, and must not hold up the answers about it as well.
        let write = move || match is_ill {
            true => failing.iter().for_each(|failing| warn!(what = failing.name(), "not well: {failing}")),
            false => info!("well again: canary publications come back from every shard"),
        };
        drop(thread::Builder::new().name("watchman".into()).spawn(write));
    }
    is_ill
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::thread::sleep;
    use std::time::Duration;

    use wavecast_hub::{Namespaces, Publication, Publish};
    use wavecast_net::Options;
    use wavecast_net::shard::{Mailbox, mailbox};

    use super::*;
    use crate::clock::Clock;
    use crate::config::{Config, Health, Profile};
    use crate::node::Parts;
    use crate::session::Verifiers;
    use crate::shard_event::ShardEvent;

    const TIMEOUT: Duration = Duration::from_secs(1);
    const INTERVAL: Duration = Duration::from_millis(700);

    /// A node whose shards do not run, with so much room in their inboxes.
    fn node(shards: usize, room: usize, memory_max: usize) -> (Node, Vec<Mailbox<ShardEvent>>) {
        let options = Options { events_max: room, ..Options::default() };
        let (remotes, mailboxes) = (0..shards).map(|_| mailbox(&options)).unzip();
        let mut config = Config::default();
        config.memory.max = memory_max;
        config.health = Health {
            canary_interval: INTERVAL,
            canary_timeout: TIMEOUT,
            live_timeout: TIMEOUT,
            ..Health::default()
        };
        let node = Node::new(Parts {
            config: Arc::new(config),
            profile: Profile::Configured,
            namespaces: Namespaces::default(),
            remotes,
            verifiers: Verifiers::default(),
            clock: Clock::System,
            seed: 7,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        });
        node.join_canary();
        (node, mailboxes)
    }

    /// What has come to a shard, as if it had taken it.
    fn returns(node: &Node, shard: u16, publish: Publish) {
        let publication = Publication {
            channel: CANARY.into(),
            offset: 0,
            data: publish.data,
            is_json: false,
            info: None,
            tags: None,
            time_ms: 0,
            delta: false,
            exclude: None,
            delta_slot: Default::default(),
        };
        node.canary().returned(ShardId(shard), &publication);
    }

    fn words(failing: &[Failing]) -> Vec<(&'static str, Option<u16>)> {
        failing.iter().map(|failing| (failing.name(), failing.shard())).collect()
    }

    #[test]
    fn a_shard_that_does_not_return_the_canary_is_named() {
        let (node, _mailboxes) = node(2, 64, 0);
        assert_eq!(words(&node.vitals().keeps_from_ready), [("starting", None)]);
        let first = node.canary().next();
        node.send_canary();
        returns(&node, 0, first.clone());
        assert_eq!(words(&node.vitals().keeps_from_ready), [("starting", None)], "one is not all");
        returns(&node, 1, first);
        assert_eq!(node.vitals().keeps_from_ready, []);
        let round = node.vitals().last_round.unwrap();
        assert!(round.shards.len() == 2 && round.trip < Duration::from_secs(5), "{round:?}");

        // From now on shard 1 is stuck; further canaries do not make it younger.
        let given_up = Instant::now() + 2 * TIMEOUT;
        // The last round comes directly before the vitals, so that shard 0 has none to return.
        loop {
            let is_last = Instant::now() >= given_up;
            let next = node.canary().next();
            node.send_canary();
            returns(&node, 0, next);
            if is_last {
                break;
            }
            sleep(TIMEOUT / 10);
        }
        let failing = node.vitals().keeps_from_ready;
        assert_eq!(words(&failing), [("canary_not_returned", Some(1))], "{failing:?}");
        assert!(failing[0].time().is_some_and(|time| time > TIMEOUT), "{failing:?}");
        // It is back, with all that it had waiting.
        let next = node.canary().next();
        node.send_canary();
        returns(&node, 0, next.clone());
        returns(&node, 1, next);
        assert_eq!(node.vitals().keeps_from_ready, []);
    }

    #[test]
    fn what_does_not_take_the_canary_is_named() {
        let (node, _mailboxes) = node(2, 3, 0);
        for _ in 0..4 {
            node.send_canary();
        }
        sleep(TIMEOUT + INTERVAL + Duration::from_millis(30));
        node.send_canary();
        let failing = words(&node.vitals().keeps_from_ready);
        assert_eq!(failing[0], ("canary_not_published", Some(0)), "its inbox is full: {failing:?}");
        assert!(failing.contains(&("canary_not_returned", Some(1))), "{failing:?}");

        let (node, _mailboxes) = self::node(1, 3, 16 << 20);
        let held = crate::memory::Held { history: 17 << 20, ..Default::default() };
        node.memory().is_held(&held);
        node.send_canary();
        sleep(TIMEOUT + INTERVAL + Duration::from_millis(30));
        assert_eq!(words(&node.vitals().keeps_from_ready), [("memory", None)]);
    }

    #[test]
    fn an_event_loop_that_does_not_turn_lives_no_longer() {
        let (node, _mailboxes) = node(1, 16, 0);
        assert_eq!(node.vitals().does_not_live, [], "nobody has asked");
        node.send_canary();
        assert_eq!(node.vitals().does_not_live, [], "it has time");
        sleep(2 * TIMEOUT);
        node.send_canary();
        let failing = node.vitals().does_not_live;
        assert_eq!(words(&failing), [("shard_not_turning", Some(0))]);
        assert!(failing[0].time().is_some_and(|time| time > TIMEOUT), "{failing:?}");
        // One that has turned since it was woken is well, however long ago that was.
        let turns = |_: usize| 1;
        assert_eq!(node.canary().do_not_turn(TIMEOUT, turns), []);
    }

    #[test]
    fn nobody_sees_the_canary() {
        let (node, _mailboxes) = node(2, 16, 0);
        node.send_canary();
        assert_eq!(node.info().num_channels, 0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(node.channels(10, &|_| true)), Ok(Vec::new()));
        assert_eq!(crate::metrics::Source::ALL.map(|source| node.metrics().published(source).get()), [0; 3]);
        assert!(runtime.block_on(node.publish_data(CANARY, b"1")).is_err(), "and nobody imitates it");
    }
}
