//! Channels of the program's own: delivered like all others, and in no list and no count.

use std::sync::Arc;

use wavecast_hub::{
    ChannelOptions, ChannelRules, Hub, HubLimits, HubStats, JoinQuery, Publish, ShardId, is_internal,
};

use crate::inboxes::{Inboxes, Message};

const OWN: &str = "\0canary";

#[test]
fn nobody_sees_them_and_they_take_nobodys_place() {
    let inboxes = Inboxes::new(2, 8);
    let hub = Hub::new(HubLimits { channels_max: 1, ..HubLimits::default() }, 1, Arc::clone(&inboxes));
    let options = ChannelOptions::default();
    let join = |channel, shard| hub.join(channel, shard, JoinQuery::default(), &options, 0, drop);
    let shards = [ShardId(0), ShardId(1)];
    shards.iter().for_each(|&shard| join(OWN, shard).unwrap());
    join("room", ShardId(0)).unwrap();
    assert!(join("another", ShardId(0)).is_err(), "the limit is for the others");
    assert_eq!((hub.stats().channels, hub.stats().channels_active), (1, 1));
    assert_eq!(hub.channels(10, |_| true), ["room".into()]);

    hub.publish(OWN, Publish { data: b"7"[..].into(), ..Publish::default() }, &options, 0).unwrap();
    for shard in shards {
        let Some(Message::Publication(publication)) = inboxes.take(shard) else { panic!("nothing came") };
        assert_eq!((&*publication.channel, &*publication.data), (OWN, &b"7"[..]));
        hub.leave(OWN, shard, 0);
    }
    hub.leave("room", ShardId(0), 0);
    let bytes_channels = hub.stats().bytes_channels;
    assert_eq!(hub.stats(), HubStats { bytes_channels, ..HubStats::default() }, "as it was");
}

#[test]
fn nobody_can_name_them() {
    assert!(is_internal(OWN) && !is_internal("canary") && !is_internal(""));
    assert!(ChannelRules::default().check_length(OWN).is_err(), "whatever pattern a namespace has");
}
