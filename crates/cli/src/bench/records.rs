//! Payloads as applications publish them: JSON objects with the same names and other values each time.
//!
//! Filler would compress to nothing. Names, numbers and times are what compressors meet in practice; identifiers are as good
//! as random, and no two publications are alike.

use std::io::Write;

use fastrand::Rng;

use super::stamp::{self, Stamp};

const SYMBOLS: [&str; 6] = ["EURUSD", "GBPUSD", "USDJPY", "AUDCAD", "NZDCHF", "XAUUSD"];
/// Between the stamp and the records.
const BEGIN: &[u8] = br#"","trades":["#;
/// Between the records and the filler.
const NOTE: &[u8] = br#"],"note":""#;
const END: &[u8] = br#""}"#;

/// Appends a payload of `bytes` bytes: a stamp, records, and filler for what no further record fits into.
pub(super) fn write_payload(stamp: Stamp, bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    let closing = NOTE.len() + END.len();
    if bytes < stamp::STAMP_BYTES + BEGIN.len() + closing {
        return stamp::write_payload(stamp, bytes, out);
    }
    stamp::write_stamp(stamp, out);
    out.extend_from_slice(BEGIN);
    let mut rng = Rng::with_seed(stamp.sequence.into());
    let mut record = Vec::new();
    loop {
        write_record(&mut rng, stamp.sequence, &mut record);
        if out.len() + record.len() + closing > end {
            break;
        }
        out.append(&mut record);
        record.push(b',');
    }
    out.extend_from_slice(NOTE);
    out.resize(end - END.len(), b'x');
    out.extend_from_slice(END);
}

fn write_record(rng: &mut Rng, sequence: u32, out: &mut Vec<u8>) {
    let symbol = SYMBOLS[rng.usize(..SYMBOLS.len())];
    let (bid, spread) = (1.0 + rng.f64(), 0.000_1 + 0.000_3 * rng.f64());
    let written = write!(
        out,
        r#"{{"id":"{:016x}","symbol":"{symbol}","bid":{bid:.5},"ask":{:.5},"volume":{},"side":"{}","time":{}}}"#,
        rng.u64(..),
        bid + spread,
        100 * rng.u32(1..1000),
        if rng.bool() { "buy" } else { "sell" },
        1_700_000_000_000 + u64::from(sequence) * 250 + rng.u64(..250),
    );
    debug_assert!(written.is_ok(), "a vector takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_has_the_length_asked_for_is_json_and_differs() {
        for bytes in [34, 54, 55, 56, 57, 58, 59, 100, 1024, 5000] {
            let written = [1, 2].map(|sequence| {
                let mut payload = Vec::new();
                write_payload(Stamp { sent_ns: 7, sequence }, bytes, &mut payload);
                assert_eq!(payload.len(), bytes);
                assert!(serde_json::from_slice::<serde_json::Value>(&payload).unwrap().is_object());
                assert_eq!(stamp::read(&payload, 0), Some(Stamp { sent_ns: 7, sequence }));
                payload
            });
            let differ = written[0].iter().zip(&written[1]).filter(|(one, other)| one != other).count();
            assert!(differ > bytes / 8 || bytes < 1024, "{differ} of {bytes}");
        }
    }
}
