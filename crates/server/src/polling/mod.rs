//! Polls: what follows a position in some channels, for somebody who keeps no session; and waiting for it.
//!
//! Who asks is judged as a session would be, hooks included, and then reads each channel from the position that it names.
//! Nothing is remembered between two polls. While one waits it stands in the streams of its channels, and is taken out
//! of them whatever way it ends.
//!
//! `call` is what is asked and answered; `visitor`: who asks; `reader`: one channel; `page`: what of all of them fits into an
//! answer; `waits`: the places in the streams.

mod call;
mod page;
mod reader;
mod visitor;
mod waits;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use wavecast_protocol::centrifuge::{Disconnect, Error};

pub use self::call::{PollCall, PollPage, PollRefusal};
use self::reader::{Reader, read_one};
use self::waits::{Bell, Waits};
use crate::node::Node;
use crate::session::{Moment, Refused};

impl Node {
    /// Answers a poll. Where there is nothing and it waits, it does so until there is something, or until `patience` ends.
    ///
    /// Cancel-safe: dropped, it waits no longer, and nothing is left of it.
    ///
    /// # Errors
    /// What a session would have been told.
    pub async fn poll(
        &self,
        call: PollCall<'_>,
        patience: impl Future<Output = ()> + Send,
    ) -> Result<PollPage, PollRefusal> {
        if self.memory().refuses_connections() {
            return Err(Refused::Error(Error::TOO_MANY_REQUESTS).into());
        }
        // Given back with the answer.
        let _held = match call.waits {
            true => {
                let held = self.addresses().hold(call.address);
                Some(held.ok_or(Refused::Error(Error::TOO_MANY_REQUESTS))?)
            }
            false => None,
        };
        let mut revocations = self.rules().revocations.changes();
        // Boxed, so that nothing of it is kept while the poll waits.
        let (mut visit, mut readers) = Box::pin(self.admit_visitor(&call)).await?;
        let mut page = read_all(self, &mut readers, None, &mut Waits::of(self))?;
        if !call.waits {
            return Ok(page);
        }
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let time_left = readers.iter().filter_map(|reader| reader.admitted.expires_in());
        let time_left = time_left.chain(visit.expires_in()).min();
        let mut patience = pin!(async {
            tokio::select! {
                () = patience => {}
                () = until(time_left) => {}
            }
        });
        while page.is_empty() {
            let mut waits = Waits::of(self);
            page = read_all(self, &mut readers, Some(&waker), &mut waits)?;
            if !page.is_empty() {
                break;
            }
            let is_over = tokio::select! {
                () = bell.rings() => false,
                Ok(()) = revocations.changed() => false,
                () = &mut patience => true,
            };
            drop(waits);
            if visit.is_revoked(&self.rules(), self.visitors_now()) {
                return Err(Refused::Close(Disconnect::INVALID_TOKEN).into());
            }
            page = read_all(self, &mut readers, None, &mut Waits::of(self))?;
            if is_over {
                break;
            }
        }
        Ok(page)
    }

    /// The clock of a visitor starts when it comes.
    fn visitors_now(&self) -> Moment {
        Moment { shard_ms: 0, unix_ms: self.now_ms() }
    }
}

/// Looks into all of the channels. Where nothing is to be had in one of them it waits, if there is a waker.
fn read_all<'n>(
    node: &'n Node,
    readers: &mut [Reader],
    waker: Option<&Waker>,
    waits: &mut Waits<'n>,
) -> Result<PollPage, PollRefusal> {
    let mut found = Vec::with_capacity(readers.len());
    for reader in readers.iter_mut() {
        found.push(read_one(node, reader, waker, waits)?);
    }
    Ok(PollPage::of(readers, found, node.config().poll.response_max_size))
}

async fn until(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
