//! `Sec-WebSocket-Key` and `Sec-WebSocket-Accept` (RFC 6455 §4.1, §4.2.2).

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use sha1::{Digest as _, Sha1};

/// A nonce of 16 bytes in base64.
pub(super) type Key = [u8; 24];

/// A SHA-1 digest of 20 bytes in base64.
pub(super) type Accept = [u8; 28];

// §1.3: proves that the server read a WebSocket handshake and not something that was made to look like one.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Clients exist that fill all 24 characters at random: the bits left over in the last one need not be 0.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The key of a client with this nonce.
pub(super) fn encode(nonce: &[u8; 16]) -> Key {
    base64(nonce)
}

/// Whether the value decodes to 16 bytes (§4.2.1, item 5).
pub(super) fn is_valid(value: &[u8]) -> bool {
    let mut nonce = [0; 18]; // room for the decoder's last group
    value.len() == size_of::<Key>() && matches!(LENIENT.decode_slice(value, &mut nonce), Ok(16))
}

/// The answer to a key, as it was sent (§4.2.2, item 5.4).
pub(super) fn answer(key: &[u8]) -> Accept {
    let digest: [u8; 20] = Sha1::new().chain_update(key).chain_update(GUID).finalize().into();
    base64(&digest)
}

fn base64<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut text = [0; N];
    // Cannot fail: N is the length of the encoding at both call sites, and a test holds it to that.
    let _ = STANDARD.encode_slice(bytes, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfc_example() {
        // §1.3 and §4.1.
        assert_eq!(&encode(b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&answer(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        for (key, valid) in [
            ("dGhlIHNhbXBsZSBub25jZQ==", true),
            ("AQIDBAUGBwgJCgsMDQ4PEC==", true), // the RFC's second example, with bits left over as some clients send
            ("", false),
            ("dGhlIHNhbXBsZSBub25j", false),     // 15 bytes
            ("dGhlIHNhbXBsZSBub25jZWU=", false), // 17 bytes
            ("dGhlIHNhbXBsZSBub25jZWVl", false), // 18 bytes
            ("dGhlIHNhbXBsZSBub25jZQ", false),   // no padding
            ("dGhlIHNhbXBsZSBub25jZ===", false), // wrong padding
            ("dGhlIHNhbXBsZSBub25jZ-==", false), // URL alphabet
            ("dGhlIHNhbXBs ZSBub25jZQ=", false), // white space within
        ] {
            assert_eq!(is_valid(key.as_bytes()), valid, "{key:?}");
        }
    }
}
