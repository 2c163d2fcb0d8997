//! Fossil deltas: what is made can be applied, by us and by the decoders of the real clients.

use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wavecast_hub::Publication;
use wavecast_hub::delta::{DELTA_PAYLOAD_BYTES_MAX, DeltaError, apply, create};

const NO_LIMIT: usize = usize::MAX;

/// Base, target, and what we make of them: each was applied by the decoders of `centrifuge` (npm) and
/// `centrifuge-python`.
const OURS: [(&str, &str, &str); 8] = [
    ("", "", "0\n0;"),
    ("", "a", "1\n1:a1X0000;"),
    ("abc", "abc", "3\n3:abc1XObC0;"),
    (r#"{"input":"test"}"#, r#"{"input":"test"}"#, "G\nG@0,2PBcHn;"),
    (r#"{"price":100,"name":"apple"}"#, r#"{"price":101,"name":"apple"}"#, "S\nB@0,1:1G@C,171IaD;"),
    (
        "the quick brown fox jumps over the lazy dog",
        "the lazy dog jumps over the quick brown fox",
        "g\nC@V,G@J,F@4,kLbtH;",
    ),
    (r#"{"city":"Zürich","sky":"☀"}"#, r#"{"city":"Zürich","sky":"☁"}"#, "U\nP@0,5:☁\"}1NP8cq;"),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "m\nW@0,G@7,1:b3n_92C;",
    ),
];

/// The same of npm `fossil-delta`, the encoder from which the clients have their decoders.
const THEIRS: [(&str, &str, &str); 3] = [
    (
        "the quick brown fox jumps over the lazy dog",
        "the lazy dog jumps over the quick brown fox",
        "g\nO:the lazy dog jumps over J@0,kLbtH;",
    ),
    (r#"{"price":100,"name":"apple, red"}"#, r#"{"price":101,"name":"apple, red"}"#, "X\nB@0,1:1L@C,rQeSI;"),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
        "m\nW@0,G@0,1:b3n_92C;",
    ),
];

#[test]
fn the_vectors() {
    for (base, target, delta) in OURS {
        let made = create(base.as_bytes(), target.as_bytes(), NO_LIMIT).unwrap();
        assert_eq!(String::from_utf8(made).unwrap(), delta, "{base} -> {target}");
    }
    for (base, target, delta) in OURS.into_iter().chain(THEIRS) {
        let applied = apply(base.as_bytes(), delta.as_bytes(), target.len());
        assert_eq!(applied.as_deref(), Ok(target.as_bytes()), "{base} + {delta}");
    }
}

#[test]
fn characters_are_not_cut() {
    // "é" and "©" end with the same byte, "日" and "旦" begin with the same two.
    for (base, target) in
        [("a©0123456789abcdef", "bé0123456789abcdef"), ("0123456789abcdef日", "0123456789abcdef旦x")]
    {
        let delta = create(base.as_bytes(), target.as_bytes(), NO_LIMIT).unwrap();
        assert!(delta.len() < target.len() + 2 && std::str::from_utf8(&delta).is_ok(), "{delta:?}");
    }
}

#[test]
fn what_is_no_delta_is_refused() {
    let base = b"0123456789abcdef";
    for (delta, expected) in [
        ("", DeltaError::Malformed),
        ("0", DeltaError::Malformed),
        ("0\n", DeltaError::Malformed),
        ("\n0;", DeltaError::Malformed),
        ("0\n;", DeltaError::Malformed),
        ("0,0;", DeltaError::Malformed),
        ("1\n0;", DeltaError::Malformed),
        ("1\n2:ab0;", DeltaError::Malformed),
        ("3\n3:ab", DeltaError::Malformed),
        ("3\n3@0", DeltaError::Malformed),
        ("3\n3@0;", DeltaError::Malformed),
        ("3\n3#0,0;", DeltaError::Malformed),
        ("3\n-3:abc0;", DeltaError::Malformed),
        ("3\n0000003:abc1XObC0;", DeltaError::Malformed),
        ("3\n3@E,0;", DeltaError::WrongBase),
        ("3\n3@~~~~~~,0;", DeltaError::WrongBase),
        ("3\n3:abc1XObC1;", DeltaError::WrongBase),
        ("3\n3:abc~~~~~~;", DeltaError::WrongBase),
        ("H\n", DeltaError::TooLong { bytes_max: 16 }),
        ("~~~~~~\n", DeltaError::TooLong { bytes_max: 16 }),
    ] {
        assert_eq!(apply(base, delta.as_bytes(), 16), Err(expected), "{delta:?}");
    }
    let other = create(base, b"0123456789abcdeF0123456789", NO_LIMIT).unwrap();
    assert_eq!(apply(b"0123456789ABCDEF", &other, 99), Err(DeltaError::WrongBase));
}

#[test]
fn time_is_bounded_whatever_the_payloads_hold() {
    const LENGTH: usize = 64 * 1024;
    let mut state = 1_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        (0..length).map(|_| next()).collect()
    };
    let spoiled = |bytes: &[u8], every: usize| -> Vec<u8> {
        bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at % every == 0)).collect()
    };
    let (one, other) = (noise(LENGTH), noise(LENGTH));
    let zeros = vec![0; LENGTH];
    let nearly = spoiled(&zeros, 9);
    for (base, target, what) in [
        (&one, &other, "unrelated"),
        (&one, &spoiled(&one, 100), "a byte in a hundred"),
        (&zeros, &spoiled(&zeros, 40), "long runs"),
        (&nearly, &spoiled(&nearly, 11), "matches that are hardly worth it"),
    ] {
        let began = Instant::now();
        let delta = create(base, target, NO_LIMIT).unwrap();
        // Some hundred microseconds; the rest is for machines that are busy.
        assert!(began.elapsed() < Duration::from_millis(100), "{what}: {:?}", began.elapsed());
        assert!(delta.len() < target.len() + 64, "{what}: {}", delta.len());
        assert_eq!(apply(base, &delta, LENGTH).as_ref(), Ok(target), "{what}");
    }
    let too_long = vec![0; DELTA_PAYLOAD_BYTES_MAX + 1];
    assert!(create(&too_long, b"", NO_LIMIT).is_none() && create(b"", &too_long, NO_LIMIT).is_none());
    assert!(create(&zeros, &other, LENGTH).is_none(), "longer than allowed");
}

#[test]
fn a_publication_is_compared_with_one_other() {
    let publication = |data: &str, delta| {
        Arc::new(Publication { data: data.as_bytes().into(), delta, ..Publication::default() })
    };
    let state = |number: u32| format!(r#"{{"number":{number},"text":"the rest stays as it is"}}"#);
    let (first, second) = (publication(&state(1), true), publication(&state(2), true));
    let delta = second.delta_from(&first).unwrap();
    assert_eq!(apply(&first.data, delta, 1000).as_deref(), Ok(&*second.data));
    assert!(std::ptr::eq(second.delta_from(&first).unwrap(), delta), "made once");
    let twin = Arc::new((*first).clone());
    assert_eq!(second.delta_from(&twin), None, "only for the first that is asked for");

    assert_eq!(publication(&state(3), false).delta_from(&first), None, "its publisher wants none");
    assert_eq!(publication("something else entirely, not alike", true).delta_from(&first), None, "no gain");
    assert_eq!(second, publication(&state(2), true), "what was made of it makes it no other");
    let again = Arc::new((*second).clone());
    assert!(again.delta_from(&first).is_some());
}

/// Pieces of a base, with other bytes in between.
fn related(piece: BoxedStrategy<String>) -> impl Strategy<Value = (String, String)> {
    let base = prop::collection::vec(piece.clone(), 0..120).prop_map(|pieces| pieces.concat());
    let cuts =
        prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), piece), 0..6);
    (base, cuts).prop_map(|(base, cuts)| {
        let places: Vec<usize> = base.char_indices().map(|(at, _)| at).chain([base.len()]).collect();
        let part = |(from, to, between): (prop::sample::Index, prop::sample::Index, String)| {
            let (from, to) = (*from.get(&places), *to.get(&places));
            base[from.min(to)..from.max(to)].to_owned() + &between
        };
        let target = cuts.into_iter().map(part).collect();
        (base, target)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_made_can_be_applied((base, target) in related("[a-c{\":é©日旦😀]{0,12}".boxed())) {
        let delta = create(base.as_bytes(), target.as_bytes(), NO_LIMIT).unwrap();
        prop_assert!(std::str::from_utf8(&delta).is_ok(), "the delta of texts is a text");
        let applied = apply(base.as_bytes(), &delta, target.len());
        prop_assert_eq!(applied.as_deref(), Ok(target.as_bytes()));
        if !target.is_empty() {
            let bytes_max = target.len() - 1;
            prop_assert_eq!(apply(base.as_bytes(), &delta, bytes_max), Err(DeltaError::TooLong { bytes_max }));
        }
    }

    #[test]
    fn any_bytes_do(base in prop::collection::vec(0x7E..0x83_u8, 0..400), target in prop::collection::vec(0x7E..0x83_u8, 0..400)) {
        let delta = create(&base, &target, NO_LIMIT).unwrap();
        prop_assert_eq!(apply(&base, &delta, target.len()), Ok(target));
    }

    #[test]
    fn nothing_makes_apply_panic(base: Vec<u8>, delta in "[0-9A-Z_a-z~]{0,2}\n([0-9A-Z_a-z~]{0,7}[@:,;]?[a-c]{0,3}){0,9}", noise: Vec<u8>) {
        for delta in [delta.as_bytes(), &noise] {
            if let Ok(target) = apply(&base, delta, 1000) {
                prop_assert!(target.len() <= 1000);
            }
        }
    }
}
