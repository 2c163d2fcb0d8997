//! Masking keys and handshake nonces from the operating system's random source.
//!
//! RFC 6455 §5.3 wants keys that nobody who chooses the payload can predict (§10.3 tells the attack:
//! bytes on the wire that an intermediary takes for a request). So keys do not come from a small
//! generator whose state a few outputs give away; they are taken from a pool that each thread fills
//! from the system, one call for some two hundred messages.

use std::cell::RefCell;
use std::io;

/// One system call buys this much: 256 keys.
const POOL_BYTES: usize = 1_024;

struct Pool {
    bytes: [u8; POOL_BYTES],
    /// What lies before this has been given out. Every byte is given out once.
    taken: usize,
}

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL_BYTES], taken: POOL_BYTES }) };
}

/// A fresh masking key.
pub(super) fn key() -> io::Result<[u8; 4]> {
    random()
}

/// A fresh value for `Sec-WebSocket-Key` (RFC 6455 §4.1, item 7).
pub(super) fn nonce() -> io::Result<[u8; 16]> {
    random()
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    const { assert!(N <= POOL_BYTES) };
    POOL.with_borrow_mut(|pool| {
        if POOL_BYTES - pool.taken < N {
            getrandom::fill(&mut pool.bytes).map_err(|error| io::Error::other(error.to_string()))?;
            pool.taken = 0;
        }
        let mut value = [0; N];
        let source = &mut pool.bytes[pool.taken..pool.taken + N];
        value.copy_from_slice(source);
        // What has been used does not stay readable in memory.
        source.fill(0);
        pool.taken += N;
        Ok(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn keys_do_not_repeat_across_refills() {
        let keys: HashSet<[u8; 16]> = (0..1_000).map(|_| nonce().unwrap()).collect();
        assert_eq!(keys.len(), 1_000);
        let keys: HashSet<[u8; 4]> = (0..1_000).map(|_| key().unwrap()).collect();
        assert!(keys.len() > 990, "32-bit keys may collide, but rarely: {}", keys.len());
    }
}
