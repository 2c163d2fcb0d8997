//! A connection whose bytes cannot move to a shard: a stream inside HTTP/2, or one over TLS that somebody else holds.
//!
//! The connection lives on a shard like any other; between the shard and whoever holds the bytes stand two queues of at
//! most [`BYTES_MAX`] bytes, one each way. Back-pressure passes through them: while the way out is full the shard's send
//! is in flight and its outbox fills, and what the shard does not read stays with the other end.
//!
//! A relay may be a beginning only: when its bytes turn out to stand in a plain socket, the socket takes its place
//! ([`Outside::try_move`]), and nothing stands in between any more.
//!
//! [`relay`] makes the two ends. The shard takes [`Inside`] as a [`Stream`](crate::driver::Stream); [`Outside`] is polled by a
//! task. Each end hears of the other's end, half-close and abort once, behind the bytes that came before. The one lock is
//! held for a copy only, never across a system call or an await.
//!
//! `queues` is what both ends share, `inside` and `outside` are the ends. `bell` wakes the shard, `pump` (feature `hyper`) moves bytes between the outside end and what carries them, and
//! `asynchronous` (the same feature) gives the outside end tokio's traits.

#[cfg(feature = "hyper")]
mod asynchronous;
mod bell;
mod inside;
mod outside;
#[cfg(feature = "hyper")]
mod pump;
mod queues;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(crate) use self::bell::Bell;
pub use self::inside::Inside;
pub use self::outside::Outside;
#[cfg(feature = "hyper")]
pub use self::pump::{LINGER, hand_over, pump};
pub use self::queues::BYTES_MAX;
use self::queues::Shared;

/// The two ends of a connection whose bytes cannot move.
#[must_use]
pub fn relay() -> (Inside, Outside) {
    let shared = Arc::new(Shared::default());
    (Inside::new(Arc::clone(&shared)), Outside::new(shared))
}
