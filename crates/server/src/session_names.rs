//! The secret names by which clients say to which session a request of theirs belongs.
//!
//! A name says where its session is (shard, connection) and proves with a keyed hash that this node has given it out. So
//! nothing is kept for it, no table is looked through, and nobody can name the session of another. It ends with its
//! connection, whose id is never given out twice.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use wavecast_net::shard::ConnectionId;

/// Bytes of the place: shard, and connection.
const PLACE_BYTES: usize = 2 + 8;
/// Bytes of the hash that a name holds: 128 bits.
const PROOF_BYTES: usize = 16;

/// Gives out names, and finds what they name.
pub(crate) struct SessionNames {
    key: hmac::Key,
}

impl SessionNames {
    /// With a key of its own, which no other process has.
    ///
    /// # Panics
    /// If the system has no randomness to give: no name would be safe.
    pub(crate) fn new() -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system gives randomness");
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key) }
    }

    /// The name of a session.
    pub(crate) fn name(&self, shard: u16, connection: ConnectionId) -> String {
        let mut name = [0; PLACE_BYTES + PROOF_BYTES];
        name[..2].copy_from_slice(&shard.to_be_bytes());
        name[2..PLACE_BYTES].copy_from_slice(&connection.to_bits().to_be_bytes());
        let proof = self.proof(&name[..PLACE_BYTES]);
        name[PLACE_BYTES..].copy_from_slice(&proof);
        URL_SAFE_NO_PAD.encode(name)
    }

    /// Where the session of this name is, or was; `None` for what this node has not given out.
    pub(crate) fn find(&self, name: &str) -> Option<(u16, ConnectionId)> {
        // Whatever is longer is no name, and is not decoded.
        let mut bytes = [0; PLACE_BYTES + PROOF_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(name, &mut bytes).ok()?;
        let (place, proof) = bytes.get(..length)?.split_at_checked(PLACE_BYTES)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(proof, &self.proof(place)[..])) {
            return None;
        }
        let (shard, connection) = place.split_at(2);
        let shard = u16::from_be_bytes(shard.try_into().ok()?);
        let connection = ConnectionId::from_bits(u64::from_be_bytes(connection.try_into().ok()?));
        Some((shard, connection))
    }

    fn proof(&self, place: &[u8]) -> [u8; PROOF_BYTES] {
        let tag = hmac::sign(&self.key, place);
        let mut proof = [0; PROOF_BYTES];
        proof.copy_from_slice(&tag.as_ref()[..PROOF_BYTES]);
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_session_and_no_other_does() {
        let names = SessionNames::new();
        let connection = ConnectionId::for_tests(7, 3);
        let name = names.name(1, connection);
        assert_eq!(names.find(&name), Some((1, connection)));
        assert_ne!(name, names.name(1, ConnectionId::for_tests(7, 4)));
        assert_eq!(SessionNames::new().find(&name), None, "given out by another process");
        for at in 0..name.len() {
            let mut other = name.clone().into_bytes();
            other[at] = if other[at] == b'A' { b'Q' } else { b'A' };
            let other = String::from_utf8(other).unwrap();
            assert!(other == name || names.find(&other).is_none(), "{other}");
        }
        for wrong in ["", "x", &name[1..], &name[..name.len() - 2], &format!("{name}AA"), &"A".repeat(4000)] {
            assert_eq!(names.find(wrong), None, "{wrong}");
        }
    }
}
