//! Several commands in one request.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

use serde_json::value::RawValue;
use tokio::time::Instant;
use wavecast_protocol::centrifuge::Error;

use super::fields::{Fields, bad_request};
use super::methods::{self, BATCH, METHODS};
use super::schema::{Field, Kind};
use super::{Api, encode};
use crate::desk::backend::Backend;

/// Commands of one batch.
const COMMANDS_MAX: usize = 10_000;
/// Commands that are carried out at the same time, where their order does not count.
const AT_ONCE_MAX: usize = 64;
/// Bytes of the replies after which no more commands are carried out.
const REPLIES_BYTES_MAX: usize = 64 << 20;

/// A command: an object with the name of a method and its request.
static COMMAND: LazyLock<Vec<Field>> = LazyLock::new(|| {
    METHODS
        .iter()
        .map(|method| Field::optional(method.name, Kind::Named(method.name), method.about))
        .collect()
});

/// A reply of a batch: the method that was called, and what came of it.
pub(super) type Reply = (&'static str, Result<Vec<u8>, Error>);

impl<B: Backend> Api<B> {
    pub(super) async fn batch(&self, body: &[u8], deadline: Instant) -> Result<Vec<u8>, Error> {
        let known = methods::find(BATCH).map_or(&[] as &[Field], |batch| batch.fields);
        let fields = Fields::read(body, known)?;
        let commands = fields.items("commands", COMMANDS_MAX)?;
        // What is no command at all spoils the batch. Null is one that cannot be carried out, as in Centrifugo.
        if commands.iter().any(|command| !command.get().starts_with('{') && command.get() != "null") {
            return Err(bad_request("field \"commands\" must be a list of objects"));
        }
        let at_once = if fields.flag("parallel")? { AT_ONCE_MAX } else { 1 };
        let room = Room(AtomicUsize::new(REPLIES_BYTES_MAX));
        let replies = commands.iter().map(|command| self.reply_within(&room, command, deadline));
        Ok(encode::batch(&gather(at_once, replies).await))
    }

    /// Carries a command out while there is room for replies. What comes after that is not carried out, so that nothing is
    /// done whose reply is lost.
    async fn reply_within(&self, room: &Room, command: &RawValue, deadline: Instant) -> Reply {
        if room.is_used_up() {
            let message =
                format!("limit exceeded: the replies before have {REPLIES_BYTES_MAX} bytes or more");
            return ("", Err(Error { message: message.into(), ..Error::LIMIT_EXCEEDED }));
        }
        let reply = self.reply(command, deadline).await;
        room.take(reply.1.as_ref().map_or(0, Vec::len));
        // Most commands never wait, and others than this caller want to be served.
        tokio::task::yield_now().await;
        reply
    }

    /// A command names one method; of several, the first in the table's order counts.
    async fn reply(&self, command: &RawValue, deadline: Instant) -> Reply {
        let given = Fields::of_item(command, &COMMAND, "a command");
        let first = given.as_ref().map(|fields| fields.given().next());
        let (name, request) = match first {
            Ok(Some((field, request))) => (field.name, request),
            Ok(None) => return ("", Err(Error::METHOD_NOT_FOUND)),
            Err(error) => return ("", Err(error.clone())),
        };
        if name == BATCH {
            return (name, Err(bad_request("a batch cannot hold another one")));
        }
        (name, self.call(name, request.get().as_bytes(), deadline).await)
    }
}

/// What is left for replies, bytes.
struct Room(AtomicUsize);

impl Room {
    fn is_used_up(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    fn take(&self, bytes: usize) {
        // One task alone polls the commands of a batch.
        self.0.store(self.0.load(Relaxed).saturating_sub(bytes), Relaxed);
    }
}

/// Carries futures out, so many at a time, and gives what comes of them in their order. With one at a time they follow each
/// other.
async fn gather<F: Future>(at_once: usize, futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting = futures.enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done: Vec<(usize, F::Output)> = Vec::new();
    poll_fn(|cx| {
        loop {
            let room = at_once - running.len();
            running.extend(waiting.by_ref().take(room).map(|(index, future)| (index, Box::pin(future))));
            let before = done.len();
            running.retain_mut(|(index, future)| match future.as_mut().poll(cx) {
                Poll::Ready(output) => {
                    done.push((*index, output));
                    false
                }
                Poll::Pending => true,
            });
            if running.is_empty() && done.len() == before {
                return Poll::Ready(());
            }
            if done.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await;
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, output)| output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[tokio::test]
    async fn futures_end_in_any_order_and_their_results_do_not() {
        for at_once in [1, 2, 64] {
            let began = RefCell::new(Vec::new());
            let futures = (0..10_u32).map(|n| {
                let began = &began;
                async move {
                    began.borrow_mut().push(n);
                    for _ in 0..(10 - n) % 4 {
                        tokio::task::yield_now().await;
                    }
                    n
                }
            });
            assert_eq!(gather(at_once, futures).await, (0..10).collect::<Vec<_>>());
            assert_eq!(*began.borrow(), (0..10).collect::<Vec<_>>(), "each begins once, in order");
        }
        assert!(gather(3, std::iter::empty::<std::future::Ready<()>>()).await.is_empty());
    }
}
