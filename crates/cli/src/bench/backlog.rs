//! What a client has missed, in the one line that brings it: the reply to a subscription that recovers.

use memchr::memmem;

use super::stamp::{self, MARKER};

const RECOVERED: &[u8] = br#""recovered":true"#;

/// Whether a reply says that nothing is missing, and brings exactly the publications with the sequence numbers 1 to
/// `publications`, in order.
pub(super) fn is_exact(reply: &[u8], publications: u32) -> bool {
    let stamps = memmem::find_iter(reply, &MARKER).map(|at| stamp::read(reply, at));
    memmem::find(reply, RECOVERED).is_some()
        && stamps.map(|stamp| stamp.map(|stamp| stamp.sequence)).eq((1..=publications).map(Some))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::stamp::Stamp;

    fn reply(recovered: bool, sequences: &[u32]) -> Vec<u8> {
        let mut line = br#"{"id":2,"subscribe":{"recoverable":true,"publications":["#.to_vec();
        for &sequence in sequences {
            line.extend_from_slice(br#"{"data":"#);
            stamp::write_payload(Stamp { sent_ns: 7, sequence }, 100, &mut line);
            line.extend_from_slice(br#","offset":1},"#);
        }
        line.extend_from_slice(format!(r#"],"recovered":{recovered}}}}}"#).as_bytes());
        line
    }

    #[test]
    fn only_all_of_it_once_and_in_order_is_exact() {
        assert!(is_exact(&reply(true, &[1, 2, 3]), 3));
        for sequences in [&[][..], &[1, 2], &[2, 3], &[1, 3, 2], &[1, 2, 2, 3], &[1, 2, 3, 4]] {
            assert!(!is_exact(&reply(true, sequences), 3), "{sequences:?}");
        }
        assert!(!is_exact(&reply(false, &[1, 2, 3]), 3));
        assert!(!is_exact(br#"{"id":1,"connect":{"client":"c"}}"#, 3));
    }
}
