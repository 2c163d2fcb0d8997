//! A WebSocket server of ours at a path of somebody's HTTP server: hyper, axum, or whatever calls a tower service.
//!
//! The HTTP server reads the request; a shard judges it, exactly as one that came in at a listener of its own: the same
//! events, routes, sub-protocols and limits. The shard's answer goes out through the HTTP server, and the connection with
//! it:
//!
//! - one of HTTP/1.1 over a plain TCP socket *moves*: as soon as the answer is out the shard has the socket, and the HTTP
//!   server is not in its way any more;
//! - anything else (TLS that the HTTP server holds, a stream inside HTTP/2 after RFC 8441) is carried: a task moves its bytes
//!   through a [`relay`](crate::relay), which costs two copies and at most 128 KiB while they wait.
//!
//! [`Mount`] is where to, [`upgrade`](Upgrade) a request on its way there. `request` writes its head as a shard reads it, `answer`
//! reads what the shard says, `service` makes a mount a tower service, and `extractor` (feature `axum`) an [`Upgrade`]
//! something that axum's handlers can ask for.

mod answer;
#[cfg(feature = "axum")]
mod extractor;
mod request;
mod service;
mod upgrade;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub use self::upgrade::Upgrade;
use crate::shard::{Detached, Remote};

/// The shards of a running server, as a place that connections can be brought to. Cheap to clone: a state of axum, say.
#[derive(Clone)]
pub struct Mount(Arc<Give>);

type Give = dyn Fn(Detached) -> Result<(), Detached> + Send + Sync;

impl Mount {
    /// A mount over shards; each gets a connection in turn.
    #[must_use]
    pub fn new<E: Send + 'static>(shards: Vec<Remote<E>>) -> Self {
        let next = AtomicUsize::new(0);
        Self(Arc::new(move |mut detached| {
            let first = next.fetch_add(1, Relaxed);
            for n in 0..shards.len() {
                // One whose control lane is full is passed over.
                match shards[first.wrapping_add(n) % shards.len()].adopt(detached) {
                    Ok(()) => return Ok(()),
                    Err(refused) => detached = refused,
                }
            }
            Err(detached)
        }))
    }

    /// Brings a connection to a shard's door, where `received` is read first.
    ///
    /// # Errors
    /// Gives it back when the control lanes of all shards are full, or the server has ended.
    pub fn give(&self, detached: Detached) -> Result<(), Detached> {
        (self.0)(detached)
    }
}

impl fmt::Debug for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mount")
    }
}
