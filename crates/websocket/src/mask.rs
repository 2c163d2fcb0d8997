//! Masking (RFC 6455 §5.3): every byte a client sends is XORed with a key of four bytes, repeated.

/// The four bytes in front of a masked payload.
///
/// For frames of ours it must come from a strong source of randomness and be new for each frame, so that nobody who
/// chooses the payload chooses the bytes on the wire (§10.3).
pub type Key = [u8; 4];

/// Masks or unmasks in place: the operation is its own inverse. The first byte of `bytes` meets the first of `key`.
pub fn apply(key: Key, bytes: &mut [u8]) {
    // Blocks become full vectors in safe code. What is left, which is all of a short message, is not worth their set-up.
    let wide = u64::from(u32::from_ne_bytes(key)) * 0x1_0000_0001; // the key twice
    let (blocks, rest) = bytes.as_chunks_mut::<64>();
    for block in blocks {
        for word in block.as_chunks_mut::<8>().0 {
            *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
        }
    }
    let (words, tail) = rest.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(wide.to_ne_bytes()) {
        *byte ^= key;
    }
}

/// The key for the bytes that follow `done` bytes of the same payload.
#[must_use]
pub const fn advance(key: Key, done: usize) -> Key {
    [key[done % 4], key[(done + 1) % 4], key[(done + 2) % 4], key[(done + 3) % 4]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_example_unmasks() {
        // §5.7: "Hello" with the key 37 fa 21 3d.
        let mut bytes = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
        apply([0x37, 0xfa, 0x21, 0x3d], &mut bytes);
        assert_eq!(&bytes, b"Hello");
    }

    #[test]
    fn equals_one_byte_at_a_time_at_every_length_and_alignment() {
        let key = [0x11, 0x22, 0x44, 0x88];
        for len in 0..70 {
            for start in 0..9 {
                let plain: Vec<u8> = (0..start + len).map(|n| n as u8).collect();
                let mut fast = plain.clone();
                apply(key, &mut fast[start..]);
                let naive: Vec<u8> =
                    plain[start..].iter().zip(key.iter().cycle()).map(|(b, k)| b ^ k).collect();
                assert_eq!(fast[start..], naive);
            }
        }
    }

    #[test]
    fn an_advanced_key_continues_a_payload() {
        let key = [1, 2, 3, 4];
        let mut whole: Vec<u8> = (0..40).collect();
        apply(key, &mut whole);
        for cut in 0..40 {
            let mut parts: Vec<u8> = (0..40).collect();
            let (head, tail) = parts.split_at_mut(cut);
            apply(key, head);
            apply(advance(key, cut), tail);
            assert_eq!(parts, whole);
        }
    }
}
