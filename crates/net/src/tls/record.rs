//! Where TLS records end in what came in (RFC 8446 §5.1): so that what is whole is decrypted where it stands, and only the
//! beginning of a record that has not arrived is kept.

/// Content type, version, length.
const HEADER_BYTES: usize = 5;
/// Longest fragment of a record: 2^14 bytes and what encryption may add in TLS 1.2 (RFC 5246 §6.2.3).
const FRAGMENT_BYTES_MAX: usize = (1 << 14) + 2048;

/// How many bytes from the front are whole records. A header that is none counts as whole with all that follows it: it is
/// for the session to say what is wrong with it.
pub(super) fn whole(bytes: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let rest = &bytes[end..];
        match length(rest) {
            Some(Length::Record(length)) if length <= rest.len() => end += length,
            Some(Length::Wrong) => return bytes.len(),
            Some(Length::Record(_)) | None => return end,
        }
    }
}

/// How many bytes are missing to the record that these begin, or to its header; 0: it is whole, or no record.
pub(super) fn missing(beginning: &[u8]) -> usize {
    match length(beginning) {
        None => HEADER_BYTES - beginning.len(),
        Some(Length::Record(length)) => length.saturating_sub(beginning.len()),
        Some(Length::Wrong) => 0,
    }
}

enum Length {
    Record(usize),
    Wrong,
}

/// The length of the record at the front, `None` before its header is there.
fn length(bytes: &[u8]) -> Option<Length> {
    let [kind, major, _, high, low] = *bytes.first_chunk::<HEADER_BYTES>()?;
    let fragment = usize::from(u16::from_be_bytes([high, low]));
    // change_cipher_spec (20) to heartbeat (24); every version of TLS begins with 3.
    if !(20..=24).contains(&kind) || major != 3 || fragment > FRAGMENT_BYTES_MAX {
        return Some(Length::Wrong);
    }
    Some(Length::Record(HEADER_BYTES + fragment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_end_where_their_headers_say() {
        let two = [22, 3, 1, 0, 2, 9, 9, 23, 3, 3, 0, 1, 9, 23, 3];
        assert_eq!(whole(&two), 13);
        let ends: Vec<usize> = (0..=two.len()).map(|cut| whole(&two[..cut])).collect();
        assert_eq!(ends, [0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7, 7, 13, 13, 13]);
        assert_eq!((missing(&[]), missing(&two[..3]), missing(&two[..5]), missing(&two[..7])), (5, 2, 2, 0));
    }

    #[test]
    fn what_is_no_record_is_not_waited_for() {
        for garbage in [&b"GET / HTTP/1.1"[..], &[22, 2, 0, 0, 1][..], &[23, 3, 3, 0xff, 0xff, 1][..]] {
            assert_eq!((whole(garbage), missing(garbage)), (garbage.len(), 0));
        }
    }
}
