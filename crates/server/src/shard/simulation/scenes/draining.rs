//! A node that ends: what its sessions still get.

use std::time::Duration;

use wavecast_net::Options;

use super::super::peer::Peer;
use super::super::world::World;
use super::leaving::come_in;
use super::{enter, fill, hear, may_subscribe, subscribe, world};
use crate::hooks::SubscribeGrant;

#[test]
fn what_was_published_before_comes_before_the_end() {
    let mut world = world(1 << 20);
    let mut peer = enter(&mut world, 0, &[subscribe(2, "plain:a"), subscribe(3, "short:a")].join("\n"));
    hear(&mut world, &mut peer);
    // Neither has been taken from the inbox when the shard is told to end.
    fill(&mut world, "plain:a", 40, 10);
    fill(&mut world, "short:a", 2, 10);
    world.drain(Duration::ZERO);
    assert_eq!(hear(&mut world, &mut peer).len(), 42);
    assert_eq!(peer.closed, Some(3001));
    assert_eq!(world.node.info().num_clients, 0);
}

#[test]
fn who_waits_for_a_hook_is_answered_before_the_end() {
    let mut world = World::asking(7, 1, &Options::default(), |_| {});
    let mut peer = Peer::connect(&world.networks[0]);
    come_in(&mut world, &mut peer, &[subscribe(2, "asked:a"), subscribe(3, "plain:a")].join("\n"));
    let answer = may_subscribe(&mut world);
    world.drain(Duration::ZERO);
    assert!(hear(&mut world, &mut peer).is_empty() && peer.closed.is_none(), "the hook is waited for");
    fill(&mut world, "asked:a", 1, 1);
    answer(SubscribeGrant::default());
    let heard = hear(&mut world, &mut peer);
    assert!(heard.len() == 1 && heard[0]["subscribe"].is_object(), "{heard:?}");
    assert_eq!(peer.closed, Some(3001), "what waited behind it was not begun");
    assert!(world.is_drained());
}

#[test]
fn who_has_not_said_who_it_is_is_told_as_well() {
    let mut world = world(1 << 20);
    let mut silent = Peer::connect(&world.networks[0]);
    let mut known = enter(&mut world, 1, "");
    hear(&mut world, &mut silent);
    world.drain(Duration::from_millis(100));
    for peer in [&mut silent, &mut known] {
        hear(&mut world, peer);
        assert_eq!(peer.closed, Some(3001));
    }
}
