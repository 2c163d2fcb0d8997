//! The one decision whether somebody who comes back has missed nothing that cannot be given to them.
//!
//! It is made from numbers alone, so that it can be read, tested and reasoned about without a hub: what the stream
//! still covers, and where the asker stopped. The rule is that of Centrifuge's stream mode, stated with a
//! low-water mark: whatever lies between the asker's offset and the top must still be held, all of it. In cache mode
//! it is the newest publication alone that must be held.

use crate::position::Since;
use crate::publication::Publication;
use std::sync::Arc;

/// What came of asking to continue from a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Nobody asked.
    NotAsked,
    /// These publications, in order, are all that was missed; an empty list says that nothing was. In cache mode: the
    /// latest one, or nothing if the asker has it.
    Recovered(Vec<Arc<Publication>>),
    /// Something was missed, or it cannot be ruled out: the asker has to load its state anew.
    Gap,
}

/// What a stream covers at one moment.
///
/// Publications with `low_water < offset <= top` are held; those up to and including `low_water` existed and are
/// gone (trimmed by size, expired, removed), or never existed when it is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage<'a> {
    /// The highest offset that is no longer held.
    pub low_water: u64,
    /// The offset of the latest publication; 0 when there was none yet.
    pub top: u64,
    /// The name of this life of the stream.
    pub epoch: &'a str,
}

/// The decision of [`decide`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The last `missed` publications of the stream are exactly what the asker lacks.
    Complete {
        /// How many publications follow the asker's offset.
        missed: usize,
    },
    /// At least one publication is missing, or would be too many, or the position is from another life.
    Gap,
}

/// Decides, in stream mode, whether the stream can complete what somebody has seen up to `since`.
///
/// It is a gap when the epoch differs (an empty epoch of the asker matches any), when the offset lies ahead of the
/// stream, when a publication after it is no longer held, or when more than `publications_max` were missed: a part
/// is never given as the whole.
pub fn decide(coverage: Coverage<'_>, since: Since<'_>, publications_max: usize) -> Verdict {
    let same_life = since.epoch.is_empty() || since.epoch == coverage.epoch;
    let covered = (coverage.low_water..=coverage.top).contains(&since.offset);
    if !same_life || !covered {
        return Verdict::Gap;
    }
    match usize::try_from(coverage.top - since.offset) {
        Ok(missed) if missed <= publications_max => Verdict::Complete { missed },
        _ => Verdict::Gap,
    }
}

/// The decision of [`decide_cache`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheVerdict {
    /// The newest publication is all that the asker needs.
    Latest,
    /// The asker has it.
    Current,
    /// There was something, or it cannot be ruled out, and it is not held.
    Gap,
}

/// Decides, in cache mode, what brings somebody who has seen the stream up to `since` to the state of now. A
/// publication carries the whole state there, so only the newest one counts.
///
/// `newest` is the offset of the newest publication that is held and meant for the asker; a filter may exclude those
/// after it. Whoever has seen nothing (offset 0), or not this life of the stream, is given it. Here an empty epoch
/// matches none: to be given what one has does no harm, to be told that one has it could.
pub fn decide_cache(coverage: Coverage<'_>, newest: Option<u64>, since: Since<'_>) -> CacheVerdict {
    let has_seen = since.epoch == coverage.epoch && (1..=coverage.top).contains(&since.offset);
    match newest {
        Some(newest) if has_seen && since.offset >= newest => CacheVerdict::Current,
        Some(_) => CacheVerdict::Latest,
        None if has_seen && since.offset == coverage.top => CacheVerdict::Current,
        None => CacheVerdict::Gap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict(low_water: u64, top: u64, offset: u64, epoch: &str) -> Verdict {
        decide(Coverage { low_water, top, epoch: "now" }, Since { offset, epoch }, 300)
    }

    #[test]
    fn the_table_of_stream_mode() {
        let complete = |missed| Verdict::Complete { missed };
        for (low_water, top, offset, expected, why) in [
            (0, 0, 0, complete(0), "an empty stream has nothing to miss"),
            (0, 5, 5, complete(0), "at the top"),
            (0, 5, 0, complete(5), "the whole stream is held"),
            (2, 5, 2, complete(3), "the first publication held is the next one"),
            (2, 5, 1, Verdict::Gap, "publication 2 is gone"),
            (5, 5, 5, complete(0), "all expired, and the asker had seen all"),
            (5, 5, 4, Verdict::Gap, "all expired, and one was missed"),
            (0, 5, 6, Verdict::Gap, "ahead of the stream"),
            (0, u64::MAX, 0, Verdict::Gap, "more than any limit"),
            (0, 300, 0, complete(300), "as many as the limit"),
            (0, 301, 0, Verdict::Gap, "one more than the limit"),
        ] {
            assert_eq!(verdict(low_water, top, offset, "now"), expected, "{why}");
            assert_eq!(verdict(low_water, top, offset, ""), expected, "{why}, epoch waived");
            assert_eq!(verdict(low_water, top, offset, "then"), Verdict::Gap, "{why}, but in another life");
        }
    }

    #[test]
    fn the_table_of_cache_mode() {
        use CacheVerdict::{Current, Gap, Latest};
        for (top, newest, offset, expected, why) in [
            (0, None, 0, Gap, "nothing was ever published"),
            (5, Some(5), 5, Current, "at the top"),
            (5, Some(5), 4, Latest, "behind"),
            (5, Some(5), 0, Latest, "a first subscription"),
            (5, Some(5), 6, Latest, "ahead of the stream"),
            (5, None, 5, Current, "expired, and the asker has it"),
            (5, None, 4, Gap, "expired, and the asker lacks it"),
            (5, None, 0, Gap, "expired, and the asker has nothing"),
            (5, Some(3), 3, Current, "what follows is filtered"),
            (5, Some(3), 4, Current, "what follows is filtered, the asker is in the midst of it"),
            (5, Some(3), 2, Latest, "behind what passes the filter"),
        ] {
            let coverage = Coverage { low_water: 0, top, epoch: "now" };
            let verdict = |epoch| decide_cache(coverage, newest, Since { offset, epoch });
            assert_eq!(verdict("now"), expected, "{why}");
            let stranger = if newest.is_some() { Latest } else { Gap };
            assert_eq!([verdict(""), verdict("then")], [stranger; 2], "{why}, but in another life");
        }
    }

    /// An asker who has seen 1 to `seen`, in this life or another, of a stream of which `low_water + 1..=top` is held.
    fn situation() -> impl Strategy<Value = (u64, u64, u64, bool, usize)> {
        let stream = (0..12_u64).prop_flat_map(|top| (0..=top, Just(top)));
        (stream, 0..15_u64, any::<bool>(), 0..14_usize)
            .prop_map(|((low_water, top), seen, same_life, max)| (low_water, top, seen, same_life, max))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn recovered_is_said_when_and_only_when_nothing_is_lost_or_twice(
            (low_water, top, seen, same_life, max) in situation()
        ) {
            let since = Since { offset: seen, epoch: if same_life { "now" } else { "then" } };
            let held: Vec<u64> = (low_water + 1..=top).collect();
            let missed: Vec<u64> = (seen + 1..=top).collect();
            let can = same_life && seen <= top && missed.len() <= max && missed.iter().all(|it| held.contains(it));
            match decide(Coverage { low_water, top, epoch: "now" }, since, max) {
                Verdict::Complete { missed: count } => {
                    prop_assert!(can);
                    prop_assert_eq!(&held[held.len() - count..], &missed[..]);
                }
                Verdict::Gap => prop_assert!(!can),
            }
        }

        #[test]
        fn a_cache_brings_everybody_to_the_newest_state_or_says_gap(
            (low_water, top, seen, same_life, wanted) in situation()
        ) {
            let since = Since { offset: seen, epoch: if same_life { "now" } else { "then" } };
            // The filter lets only some through: every `wanted`-th, say.
            let newest = (low_water + 1..=top).rev().find(|offset| offset % (wanted as u64 + 1) == 0);
            let knows = same_life && (1..=top).contains(&seen);
            match decide_cache(Coverage { low_water, top, epoch: "now" }, newest, since) {
                CacheVerdict::Latest => prop_assert!(newest.is_some_and(|newest| !knows || seen < newest)),
                CacheVerdict::Current => prop_assert!(knows && seen >= newest.unwrap_or(top)),
                CacheVerdict::Gap => prop_assert!(newest.is_none() && !(knows && seen == top)),
            }
        }
    }
}
