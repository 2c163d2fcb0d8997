//! When a silent peer is pinged and when it is given up.

use proptest::prelude::*;
use wavecast_websocket::keepalive::{Action, Intervals, KeepAlive};

const INTERVALS: Intervals = Intervals { ping_interval_ms: 100, pong_timeout_ms: 30 };

fn wait(until_ms: u64) -> Action {
    Action::Wait { until_ms: Some(until_ms) }
}

#[test]
fn a_silent_peer_is_pinged_once_and_then_dead() {
    let mut alive = KeepAlive::new(1_000);
    assert_eq!(alive.poll(&INTERVALS, 1_000), wait(1_100));
    assert_eq!(alive.poll(&INTERVALS, 1_099), wait(1_100));
    assert_eq!(alive.poll(&INTERVALS, 1_100), Action::SendPing);
    assert_eq!(alive.poll(&INTERVALS, 1_100), wait(1_130));
    assert_eq!(alive.poll(&INTERVALS, 1_129), wait(1_130));
    assert_eq!(alive.poll(&INTERVALS, 1_130), Action::PeerDead);
    assert_eq!(alive.poll(&INTERVALS, 1_131), Action::PeerDead);
}

#[test]
fn any_sign_of_life_starts_anew() {
    let mut alive = KeepAlive::new(0);
    alive.heard(90);
    assert_eq!(alive.poll(&INTERVALS, 100), wait(190));
    assert_eq!(alive.poll(&INTERVALS, 190), Action::SendPing);
    alive.heard(219);
    assert_eq!(alive.poll(&INTERVALS, 220), wait(319));
}

#[test]
fn a_late_question_gives_the_peer_its_full_time() {
    let mut alive = KeepAlive::new(0);
    assert_eq!(alive.poll(&INTERVALS, 100_000), Action::SendPing);
    assert_eq!(alive.poll(&INTERVALS, 100_029), wait(100_030));
}

#[test]
fn it_can_be_turned_off() {
    let mut alive = KeepAlive::new(0);
    let off = Intervals { ping_interval_ms: 0, ..INTERVALS };
    assert_eq!(alive.poll(&off, u64::MAX), Action::Wait { until_ms: None });
}

#[test]
fn the_end_of_time_does_not_overflow() {
    let mut alive = KeepAlive::new(u64::MAX - 1);
    assert_eq!(alive.poll(&INTERVALS, u64::MAX - 1), wait(u64::MAX));
}

#[test]
fn a_connection_remembers_16_bytes() {
    assert!(size_of::<KeepAlive>() <= 16);
}

proptest! {
    #[test]
    fn a_peer_that_answers_in_time_is_never_dead(delays in proptest::collection::vec((0u64..500, 0u64..30), 0..50)) {
        let mut alive = KeepAlive::new(0);
        let mut now = 0;
        for (silence, answer) in delays {
            now += silence;
            let action = alive.poll(&INTERVALS, now);
            prop_assert_ne!(action, Action::PeerDead);
            if action == Action::SendPing {
                now += answer;
                alive.heard(now);
            }
        }
    }

    #[test]
    fn a_clock_that_jumps_back_never_kills(times in proptest::collection::vec(any::<u64>(), 1..50)) {
        let mut alive = KeepAlive::new(times[0]);
        for now in times {
            if alive.poll(&INTERVALS, now) == Action::SendPing {
                prop_assert_ne!(alive.poll(&INTERVALS, now.saturating_sub(1)), Action::PeerDead);
                alive.heard(now);
            }
        }
    }
}
