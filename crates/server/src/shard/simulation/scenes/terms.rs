//! What is particular about one subscription: it concerns nobody else in the channel.

use serde_json::Value;

use super::super::world::World;
use super::{enter, fill, hear, subscribe, world};
use crate::hooks::Overrides;
use crate::orders::{Order, Target};
use crate::session::ServerSubscription;

/// The back end subscribes everybody to a channel.
fn order_into(world: &mut World, channel: &str, overrides: Overrides) {
    let mut subscription = ServerSubscription::to(channel);
    subscription.grant.overrides = overrides;
    world.order(Some(channel), |done| Order::Subscribe {
        target: Target::default(),
        subscription: subscription.clone(),
        since: None,
        done,
    });
}

fn offsets(heard: &[Value]) -> Vec<u64> {
    heard.iter().filter_map(|message| message["push"]["pub"]["offset"].as_u64()).collect()
}

#[test]
fn who_wants_no_position_leaves_the_others_theirs() {
    let mut world = world(1 << 20);
    let mut watched = enter(&mut world, 0, &subscribe(2, "counted:a"));
    fill(&mut world, "counted:a", 2, 1);
    assert_eq!(offsets(&hear(&mut world, &mut watched)), [1, 2]);
    let mut other = enter(&mut world, 0, "");
    let unwatched = Overrides { force_positioning: Some(false), ..Overrides::default() };
    order_into(&mut world, "counted:a", unwatched);
    let heard = hear(&mut world, &mut other);
    assert!(heard[0]["push"]["subscribe"]["positioned"].is_null(), "{heard:?}");
    fill(&mut world, "counted:a", 2, 1);
    assert_eq!(offsets(&hear(&mut world, &mut watched)), [3, 4], "the stream goes on");
    assert_eq!(hear(&mut world, &mut other).len(), 2);
}

#[test]
fn nobody_has_a_position_where_the_channel_counts_none() {
    let mut world = world(1 << 20);
    let mut client = enter(&mut world, 0, "");
    let wished =
        Overrides { force_positioning: Some(true), force_recovery: Some(true), ..Overrides::default() };
    for channel in ["plain:a", "latest:a"] {
        order_into(&mut world, channel, wished);
        let heard = hear(&mut world, &mut client);
        let told = &heard[0]["push"]["subscribe"];
        assert!(told.is_object() && told["positioned"].is_null() && told["epoch"].is_null(), "{heard:?}");
        fill(&mut world, channel, 1, 1);
        assert_eq!(hear(&mut world, &mut client).len(), 1);
    }
}
