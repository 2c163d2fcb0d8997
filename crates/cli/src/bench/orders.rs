//! Orders for a worker that waits in an event loop: they wake it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use mio::{Poll, Token, Waker};

use super::control::{self, Order};

const ORDERS_PENDING_MAX: usize = 16;

/// What standard input says.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) queue: Receiver<Order>,
    /// Held to the end: the last waker that goes takes its call with it.
    _waker: Arc<Waker>,
}

impl Orders {
    /// Reads orders for as long as there are any; each of them, and their end, makes `token` ready.
    pub(super) fn follow(poll: &Poll, token: Token) -> Result<Self, String> {
        let waker = Arc::new(Waker::new(poll.registry(), token).map_err(|error| error.to_string())?);
        let (sender, queue) = sync_channel(ORDERS_PENDING_MAX);
        let caller = Arc::clone(&waker);
        thread::spawn(move || {
            let mut input = io::stdin().lock();
            while let Ok(Some(order)) = control::read_line::<Order>(&mut input) {
                if sender.send(order).is_err() || caller.wake().is_err() {
                    return;
                }
            }
            drop(sender);
            let _ = caller.wake();
        });
        Ok(Self { queue, _waker: waker })
    }
}
