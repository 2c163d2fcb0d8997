//! The whole push server from a seed: real shards, node and hub over simulated drivers, a back end that answers late, and
//! clients that keep books.
//!
//! Whatever the seed does to links, readers, time and room: a subscriber gets every publication of its channel that is meant
//! for it once and in order, or is told what it lost; `recovered` is said exactly when it is true; what was refused was never
//! published; who is there is known exactly; what expires ends in its time; what waits is bounded; and when everybody has
//! gone nothing is left.
//!
//! A step is one turn of one shard, or one thing that a client or the back end does. A run of the tests takes a million at
//! least. A failing seed is named: run it again with `SIMULATION_SEED`, more of them with `SIMULATION_SEEDS`.
//!
//! - `world`: the server, its clock and its witness; `kind`: what its channels are like; `backend`: who answers its hooks
//! - `run`: how all take turns, and what has to hold when it is quiet; `acts`: what may happen; `chance`
//! - `client`, `peer`: who asks; `answers`, `hearing`: what comes of it, compared with the books
//! - `record`, `outcome`, `listening`: the books
//! - `scenes`: what the simulation meets by chance, played on purpose

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod acts;
mod answers;
mod backend;
mod chance;
mod client;
mod hearing;
mod kind;
mod listening;
mod outcome;
mod peer;
mod record;
mod run;
mod scenes;
mod slow_scenes;
mod world;

use std::env;

use self::run::Run;

/// Seeds of one run of the tests, and the steps that these take at least.
const SEEDS: u64 = 80;
const STEPS: u64 = 1_000_000;

#[test]
fn everybody_gets_everything_once_and_in_order() {
    let number = |name| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let (seed, seeds) = (number("SIMULATION_SEED"), number("SIMULATION_SEEDS"));
    let range = match seed {
        Some(seed) => seed..seed + 1,
        None => 0..seeds.unwrap_or(SEEDS),
    };
    let mut steps = 0;
    for seed in range {
        let named = Named(seed);
        steps += Run::new(seed).go();
        drop(named);
    }
    println!("{steps} steps");
    assert!(seed.is_some() || seeds.is_some() || steps >= STEPS, "{steps} steps are too few");
}

/// Names the seed when it fails.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SIMULATION_SEED={} fails", self.0);
        }
    }
}
