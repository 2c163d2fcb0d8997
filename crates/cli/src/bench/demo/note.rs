//! Messages that say when they were sent, and streams in which each has its place.

use memchr::memmem;

use super::super::control::CrowdReport;

/// What an id begins with; the digits of the time follow.
const MARKER: &[u8] = b"\"wcb-";
const DIGITS: usize = 16;

/// A name for a message, which no other has, with the time it was sent on the clock that all processes of this machine
/// share.
pub(super) fn id(sent_ns: u64, sender: usize) -> String {
    format!("wcb-{sent_ns:016x}-{sender}")
}

/// When the message was sent whose id stands somewhere in this data.
pub(super) fn sent_ns(data: &[u8]) -> Option<u64> {
    let digits = memmem::find(data, MARKER)? + MARKER.len();
    let digits = data.get(digits..digits + DIGITS)?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Takes the next place in a stream of which everything is promised, in order and once.
pub(super) fn follow(last: &mut u64, offset: u64, report: &mut CrowdReport) {
    if offset <= *last {
        report.doubled += 1;
        return;
    }
    report.lost += offset - *last - 1;
    *last = offset;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comes_back_from_wherever_the_id_stands() {
        let data = format!(r#"{{"at":1,"id":"{}","text":"hello"}}"#, id(0xfe_dcba_9876, 12));
        assert_eq!(sent_ns(data.as_bytes()), Some(0xfe_dcba_9876));
        for other in [r#"{"id":"wcb-12"}"#, r#"{"id":"wcb-00000000000000zz-1"}"#, "{}"] {
            assert_eq!(sent_ns(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn holes_and_repetitions_are_told_apart() {
        let (mut last, mut report) = (4, CrowdReport::default());
        for (offset, lost, doubled) in [(5, 0, 0), (7, 1, 0), (7, 1, 1), (6, 1, 2), (8, 1, 2)] {
            follow(&mut last, offset, &mut report);
            assert_eq!((report.lost, report.doubled), (lost, doubled), "{offset}");
        }
    }
}
