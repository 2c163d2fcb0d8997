//! The hub's accounts are exact: whatever happens, what it says it holds is what it holds, counted anew.

use super::{Hub, HubLimits, HubStats, JoinQuery};
use crate::delivery::{Delivery, Event, ShardId};
use crate::footprint::Footprint;
use crate::history::HistoryQuery;
use crate::options::ChannelOptions;
use crate::publication::{ClientInfo, Publish, Tags};
use proptest::prelude::*;
use std::sync::Arc;

struct Nowhere;

impl Delivery for Nowhere {
    fn reserve(&self, _: ShardId) -> bool {
        true
    }
    fn release(&self, _: ShardId) {}
    fn push(&self, _: ShardId, _: Event) {}
    fn wake(&self, _: ShardId) {}
}

#[derive(Debug, Clone)]
enum Step {
    Publish { channel: u8, bytes: usize, tags: usize, version: u64, delta: bool },
    Join { channel: u8, shard: u16 },
    Leave { channel: u8, shard: u16 },
    Enter { channel: u8, client: u8, user: u8, info_bytes: usize },
    Exit { channel: u8, client: u8 },
    Read { channel: u8 },
    RemoveHistory { channel: u8 },
    Pass { ms: u64 },
    Expire,
    Trim { bytes: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..12_u8;
    prop_oneof![
        8 => (channel.clone(), 0..400_usize, 0..12_usize, 0..5_u64, any::<bool>()).prop_map(
            |(channel, bytes, tags, version, delta)| Step::Publish { channel, bytes, tags, version, delta }
        ),
        2 => (channel.clone(), 0..3_u16).prop_map(|(channel, shard)| Step::Join { channel, shard }),
        2 => (channel.clone(), 0..3_u16).prop_map(|(channel, shard)| Step::Leave { channel, shard }),
        6 => (channel.clone(), 0..40_u8, 0..9_u8, 0..40_usize).prop_map(
            |(channel, client, user, info_bytes)| Step::Enter { channel, client, user, info_bytes }
        ),
        6 => (channel.clone(), 0..40_u8).prop_map(|(channel, client)| Step::Exit { channel, client }),
        1 => channel.clone().prop_map(|channel| Step::Read { channel }),
        1 => channel.prop_map(|channel| Step::RemoveHistory { channel }),
        2 => prop_oneof![0..20_u64, 90..110_u64, 200..300_u64].prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Expire),
        2 => (0..4000_usize).prop_map(|bytes| Step::Trim { bytes }),
    ]
}

/// Every third channel keeps nothing, every third presence only.
fn options(channel: u8) -> ChannelOptions {
    let options = ChannelOptions {
        presence: !channel.is_multiple_of(3),
        occupancy_events: channel.is_multiple_of(2),
        ..ChannelOptions::default()
    };
    if channel % 3 < 2 {
        return options;
    }
    ChannelOptions {
        history_size: u32::from(channel),
        history_ttl_ms: 100,
        history_meta_ttl_ms: 250,
        ..options
    }
}

fn info(client: u8, user: u8, info_bytes: usize) -> Arc<ClientInfo> {
    let conn_info = (info_bytes > 0).then(|| vec![b'x'; info_bytes].into());
    let (client, user) = (client.to_string().into(), "u".repeat(user.into()).into());
    Arc::new(ClientInfo { client, user, conn_info, chan_info: None })
}

struct World {
    hub: Hub<Nowhere>,
    now_ms: u64,
}

impl World {
    fn take(&mut self, step: &Step) {
        let name = |channel: u8| format!("channel-{channel}");
        let hub = &self.hub;
        match *step {
            Step::Publish { channel, bytes, tags, version, delta } => {
                let tags: Tags = (0..tags).map(|n| (n.to_string(), "x".repeat(n))).collect();
                let publish = Publish {
                    data: vec![b'x'; bytes].into(),
                    tags: Some(Box::new(tags)),
                    info: (bytes % 2 == 0).then(|| Box::new((*info(1, 2, bytes)).clone())),
                    exclude: (bytes % 3 == 0).then(|| ["a".into(), "bc".into()].into()),
                    version,
                    version_epoch: "epoch".into(),
                    delta,
                    ..Publish::default()
                };
                // There may be too many channels.
                let _ = hub.publish(&name(channel), publish, &options(channel), self.now_ms);
            }
            Step::Join { channel, shard } => {
                let shard = ShardId(shard);
                let _ = hub.join(
                    &name(channel),
                    shard,
                    JoinQuery::default(),
                    &options(channel),
                    self.now_ms,
                    drop,
                );
            }
            Step::Leave { channel, shard } => hub.leave(&name(channel), ShardId(shard), self.now_ms),
            Step::Enter { channel, client, user, info_bytes } => {
                let _ = hub.enter(&name(channel), &info(client, user, info_bytes), &options(channel), true);
            }
            Step::Exit { channel, client } => hub.exit(&name(channel), &info(client, 0, 0), true),
            Step::Read { channel } => {
                let _ = hub.history(&name(channel), HistoryQuery::default(), &options(channel), self.now_ms);
            }
            Step::RemoveHistory { channel } => hub.remove_history(&name(channel)),
            Step::Pass { ms } => self.now_ms += ms,
            Step::Expire => _ = hub.expire(self.now_ms),
            Step::Trim { bytes } => {
                let before = hub.stats().bytes_history;
                let trimmed = hub.trim_history(bytes);
                assert_eq!(before - hub.stats().bytes_history, trimmed.bytes);
                assert!(trimmed.bytes >= bytes.min(before), "a small hub is gone through in one call");
            }
        }
    }

    fn check(&self) {
        let stats = self.hub.stats();
        let said = Footprint {
            history: stats.bytes_history,
            presence: stats.bytes_presence,
            channels: stats.bytes_channels,
        };
        let stripes = || (0..self.hub.stripes.len()).map(|index| self.hub.stripe(index));
        let recounted =
            stripes().map(|stripe| stripe.recount()).fold(Footprint::default(), std::ops::Add::add);
        assert_eq!(said, recounted);
        assert_eq!(
            stats.channels,
            stripes().map(|stripe| stripe.slice(0, usize::MAX).count()).sum::<usize>()
        );
    }

    /// Everybody goes, and time passes.
    fn finish(&mut self) {
        for channel in 0..12 {
            (0..40).for_each(|client| self.take(&Step::Exit { channel, client }));
            (0..3).for_each(|shard| self.take(&Step::Leave { channel, shard }));
        }
        self.take(&Step::Pass { ms: 24 * 3_600_000 });
        self.take(&Step::Expire);
        self.check();
        let bytes_channels = self.hub.stats().bytes_channels;
        assert_eq!(self.hub.stats(), HubStats { bytes_channels, ..HubStats::default() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_the_hub_says_it_holds_is_what_it_holds(steps in prop::collection::vec(step(), 1..200)) {
        let limits = HubLimits { stripes: 2, channels_max: 10 };
        let mut world = World { hub: Hub::new(limits, 1, Nowhere), now_ms: 1_000_000 };
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.finish();
    }
}
