//! A stranger publishes two payloads, and the delta between them leads to the second; and writes a delta, which is applied or
//! refused.
//!
//! The first two bytes say how long the base is; the rest is base and target.
//!
//! `cargo +nightly fuzz run deltas fuzz/corpus/deltas fuzz/seeds/deltas`

#![no_main]

use libfuzzer_sys::fuzz_target;
use wavecast_hub::delta::{DeltaError, apply, create};

fuzz_target!(|bytes: &[u8]| {
    let [low, high, payloads @ ..] = bytes else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let (base, target) = payloads.split_at(length.min(payloads.len()));
    leads_to(base, target);
    leads_to(target, base);
    is_applied_or_refused(base, target);
});

fn leads_to(base: &[u8], target: &[u8]) {
    let delta = create(base, target, usize::MAX).expect("neither is too long");
    assert_eq!(apply(base, &delta, target.len()).as_deref(), Ok(target));
    assert!(
        std::str::from_utf8(target).is_err() || std::str::from_utf8(&delta).is_ok(),
        "a character is cut"
    );
    // A bound may end the search early, and never changes what is found.
    for bytes_max in [delta.len(), target.len(), target.len() / 2] {
        let bounded = create(base, target, bytes_max);
        assert!(bounded.is_none_or(|bounded| bounded == delta && bounded.len() <= bytes_max));
    }
    if let Some(fewer) = target.len().checked_sub(1) {
        assert_eq!(apply(base, &delta, fewer), Err(DeltaError::TooLong { bytes_max: fewer }));
    }
}

fn is_applied_or_refused(base: &[u8], delta: &[u8]) {
    const BYTES_MAX: usize = 4096;
    match apply(base, delta, BYTES_MAX) {
        Ok(target) => assert!(target.len() <= BYTES_MAX),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
