//! Outboxes against a model.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::pool::Link;
use super::*;
use crate::frame::{FRAME_OVERHEAD_BYTES, Lane};

#[test]
fn is_small() {
    assert_eq!(size_of::<Outbox>(), 24);
    assert_eq!(size_of::<Link>(), 16);
}

/// What a frame of the model belongs to: its first byte says it.
fn lane_of(bytes: &[u8]) -> Option<Lane> {
    let number = u32::from(bytes[0] % 4).checked_sub(1)?;
    Some(Lane { number, key: (bytes[0] & 4 == 0).then(|| "k".into()) })
}

fn frame_of(bytes: &[u8]) -> Frame {
    lane_of(bytes).map_or_else(|| Frame::new(bytes), |lane| Frame::in_lane(bytes, lane, 1))
}

fn exchange(outbox: &mut Outbox, pool: &mut Pool, frame: &Frame, bytes_max: usize) -> Option<bool> {
    let place = outbox.find(pool, frame)?;
    let has_room = outbox.excess_in(pool, place, frame, bytes_max) == 0;
    if has_room {
        outbox.exchange(pool, place, frame);
    }
    Some(has_room)
}

#[test]
fn an_exchange_keeps_the_place_and_the_limit() {
    let mut pool = Pool::default();
    let mut outbox = Outbox::default();
    let keyed =
        |size: usize, key: &str| Frame::in_lane(&vec![0; size], Lane { number: 1, key: Some(key.into()) }, 1);
    for key in ["a", "b", "c"] {
        outbox.push(&mut pool, keyed(10, key));
    }
    let waiting = 3 * (10 + FRAME_OVERHEAD_BYTES);
    assert_eq!(exchange(&mut outbox, &mut pool, &keyed(11, "b"), waiting), Some(false));
    assert_eq!(exchange(&mut outbox, &mut pool, &keyed(9, "b"), waiting), Some(true));
    assert_eq!(exchange(&mut outbox, &mut pool, &keyed(9, "d"), waiting), None);
    let mut batch = Batch::default();
    outbox.drain(&mut pool, &mut batch, 1000, 10);
    let lengths: Vec<_> = batch.frames().iter().map(|frame| frame.len()).collect();
    assert_eq!(lengths, [10, 9, 10]);
}

proptest! {
    /// Three outboxes over one pool behave like three queues, and the pool gets all its links back.
    #[test]
    fn behaves_like_a_queue(steps in proptest::collection::vec((0usize..3, 0u8..15, 1usize..40), 1..300)) {
        let mut pool = Pool::default();
        let mut outboxes: [Outbox; 3] = std::array::from_fn(|_| Outbox::default());
        let mut models: [VecDeque<Vec<u8>>; 3] = Default::default();
        for (n, (at, action, size)) in steps.into_iter().enumerate() {
            let (outbox, model) = (&mut outboxes[at], &mut models[at]);
            match action {
                0 => {
                    outbox.clear(&mut pool);
                    model.clear();
                }
                1..=3 => {
                    let mut batch = Batch::default();
                    outbox.drain(&mut pool, &mut batch, size * 2, 5);
                    for frame in batch.frames() {
                        prop_assert_eq!(&frame[..], &model.pop_front().unwrap()[..]);
                    }
                    prop_assert!(batch.frames().len() <= 5);
                    prop_assert!(batch.bytes() <= size * 2 || batch.frames().len() == 1);
                }
                4 => {
                    let lane = size as u32 % 3;
                    outbox.retain(&mut pool, |frame| {
                        ControlFlow::Continue(frame.lane().is_none_or(|of| of.number != lane))
                    });
                    model.retain(|frame| lane_of(frame).is_none_or(|of| of.number != lane));
                }
                14 => {
                    let goes = |bytes: &[u8]| lane_of(bytes).is_some_and(|of| of.key.is_none());
                    let (excess, mut gone, mut dropped) = (size * 4, 0, Vec::new());
                    let is_freed = outbox.free(&mut pool, excess, Frame::gives_way, |frame| {
                        dropped.push(frame.to_vec());
                    });
                    let of = |frame: &Vec<u8>| frame.len() + FRAME_OVERHEAD_BYTES;
                    let may_go: usize = model.iter().filter(|frame| goes(frame)).map(of).sum();
                    let waits: usize = model.iter().map(of).sum();
                    prop_assert_eq!(is_freed, may_go >= excess || may_go == waits);
                    let mut expected = Vec::new();
                    if is_freed {
                        model.retain(|frame| {
                            let stays = gone >= excess || !goes(frame);
                            if !stays {
                                gone += of(frame);
                                expected.push(frame.clone());
                            }
                            stays
                        });
                    }
                    prop_assert_eq!(dropped, expected);
                }
                5 => {
                    let bytes = vec![0; size];
                    outbox.push_first(&mut pool, Frame::new(&bytes));
                    model.push_front(bytes);
                }
                6 => {
                    let bytes = vec![n as u8; size];
                    let Some(lane) = lane_of(&bytes).filter(|lane| lane.key.is_some()) else { continue };
                    let frame = Frame::in_lane(&bytes, lane.clone(), 1);
                    let found = exchange(outbox, &mut pool, &frame, 1 << 20);
                    let place = model.iter_mut().find(|waits| lane_of(waits).as_ref() == Some(&lane));
                    prop_assert_eq!(found.is_some(), place.is_some());
                    if let Some(place) = place {
                        *place = bytes;
                    }
                }
                _ => {
                    let bytes = vec![n as u8; size];
                    outbox.push(&mut pool, frame_of(&bytes));
                    model.push_back(bytes);
                }
            }
            let cost = |frame: &Vec<u8>| frame.len() + FRAME_OVERHEAD_BYTES;
            prop_assert_eq!(outbox.queued_bytes(), model.iter().map(cost).sum::<usize>());
            let firm = model.iter().filter(|frame| lane_of(frame).is_none());
            prop_assert_eq!(outbox.firm_bytes(), firm.map(cost).sum::<usize>());
            let stays = model.iter().filter(|bytes| lane_of(bytes).is_none_or(|of| of.key.is_some()));
            prop_assert_eq!(outbox.staying_bytes(&pool), stays.map(cost).sum::<usize>());
            let all: usize = models.iter().flatten().map(cost).sum();
            prop_assert_eq!(pool.queued_bytes(), all as u64);
            let held: usize = models.iter().flatten().map(Vec::len).sum();
            prop_assert_eq!(pool.frame_bytes(), held);
            let (outbox, model) = (&mut outboxes[at], &mut models[at]);
            prop_assert_eq!(outbox.is_empty(), model.is_empty());
        }
        for outbox in &mut outboxes {
            outbox.clear(&mut pool);
        }
        prop_assert_eq!(pool.free.len(), pool.links.len());
        prop_assert_eq!((pool.queued_bytes(), pool.frame_bytes()), (0, 0));
    }
}
