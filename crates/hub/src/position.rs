//! A place in a channel's stream.
//!
//! An offset alone says nothing: streams are forgotten (the node restarts, the metadata's time is up) and begin
//! again at 1. The epoch names one life of a stream, so a position is the pair.

use std::fmt;
use std::sync::Arc;

/// A place in one life of a channel's stream: everything up to and including `offset`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamPosition {
    /// The offset of the last publication that the position covers; 0 stands before the first one.
    pub offset: u64,
    /// The name of this life of the stream; empty when the channel keeps no stream.
    pub epoch: Arc<str>,
}

impl StreamPosition {
    /// The same place, borrowed.
    pub fn as_since(&self) -> Since<'_> {
        Since { offset: self.offset, epoch: &self.epoch }
    }
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.offset, self.epoch)
    }
}

/// The place from which somebody asks to continue, as the peer said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Since<'a> {
    /// The offset of the last publication that was seen.
    pub offset: u64,
    /// The epoch it was seen in. An empty epoch waives the comparison of epochs, as Centrifugo has it: the asker
    /// then vouches for the offset alone.
    pub epoch: &'a str,
}

/// Names lives of streams: short, random-looking, never the same for two streams of one process in practice.
#[derive(Debug)]
pub(crate) struct EpochNames {
    seed: u64,
    counter: std::sync::atomic::AtomicU64,
}

/// Characters of an epoch: 8 of 64 letters, 48 bits.
const EPOCH_CHARS: usize = 8;
const EPOCH_ALPHABET: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_";

impl EpochNames {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, counter: std::sync::atomic::AtomicU64::new(0) }
    }

    /// The name of the next life.
    pub(crate) fn next(&self) -> Arc<str> {
        let count = self.counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let bits = scramble(self.seed.wrapping_add(count.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let name: String = (0..EPOCH_CHARS)
            .map(|at| char::from(EPOCH_ALPHABET[(bits >> (6 * at)) as usize % EPOCH_ALPHABET.len()]))
            .collect();
        name.into()
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): neighbours in, strangers out.
const fn scramble(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn epochs_are_short_distinct_and_follow_the_seed() {
        let names = EpochNames::new(7);
        let first: Vec<Arc<str>> = (0..10_000).map(|_| names.next()).collect();
        assert!(first.iter().all(|name| name.len() == EPOCH_CHARS && name.is_ascii()));
        assert_eq!(first.iter().collect::<HashSet<_>>().len(), first.len());

        let again = EpochNames::new(7);
        assert_eq!(again.next(), first[0]);
        assert_ne!(EpochNames::new(8).next(), first[0]);
    }
}
