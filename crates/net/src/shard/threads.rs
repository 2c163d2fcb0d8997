//! Shards on threads: one each, named, and watched.

use std::io;
use std::sync::mpsc;
use std::thread;

use super::deal::Deal;
use super::remote::Post;
use super::{Handler, Remote, Shard};
use crate::driver::Driver as _;
use crate::driver::readiness::Readiness;
use crate::inbox::{self, Receiver};
use crate::listener::{Bound, Door};
use crate::options::Options;

/// The receiving end of a shard's inbox, made before the shard: so that the shards of one server can know each other's
/// [`Remote`] from the start.
pub struct Mailbox<E>(pub(super) Receiver<Post<E>>);

/// A mailbox and the handle that posts into it, with the bounds of `options`.
#[must_use]
pub fn mailbox<E>(options: &Options) -> (Remote<E>, Mailbox<E>) {
    let (sender, receiver) = inbox::channel(options.events_max, options.control_max);
    (Remote::new(sender), Mailbox(receiver))
}

/// The threads of a server's shards.
#[derive(Debug)]
pub struct Threads {
    ended: mpsc::Receiver<io::Result<()>>,
    running: usize,
}

/// Starts a shard for each mailbox, on a thread of its own. A listener that was bound for as many shards has one door for
/// each; of others one shard accepts for all. The handler of shard *n* is made by `make(n)` on its thread.
///
/// # Errors
/// What the kernel says when a thread or a poll cannot be made; no shard runs and nobody listens then. `InvalidInput` when
/// there is no mailbox.
pub fn start<H, M>(
    listeners: Vec<Bound>,
    mailboxes: Vec<Mailbox<H::Event>>,
    options: &Options,
    make: M,
) -> io::Result<Threads>
where
    H: Handler + 'static,
    M: Fn(usize) -> H + Clone + Send + 'static,
{
    let running = mailboxes.len();
    if running == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a server has at least one shard"));
    }
    let (report, ended) = mpsc::channel();
    let mut shares: Vec<Vec<Door>> = (0..running).map(|_| Vec::new()).collect();
    // Those for all shards are not all accepted by the first.
    for (n, door) in listeners.into_iter().flat_map(Bound::into_doors).enumerate() {
        shares[n % running].push(door);
    }
    let remotes: Vec<_> = mailboxes.iter().map(|mailbox| Remote::new(mailbox.0.sender())).collect();
    let (started, starts) = mpsc::channel();
    // Nobody goes before all can: dropping a sender sends its shard home.
    let mut go = Vec::with_capacity(running);
    for (n, (mailbox, share)) in mailboxes.into_iter().zip(shares).enumerate() {
        let (make, options, report, started) =
            (make.clone(), options.clone(), report.clone(), started.clone());
        let deal = Deal::new(remotes.clone(), n);
        let (all_started, wait) = mpsc::sync_channel::<()>(1);
        go.push(all_started);
        thread::Builder::new().name(format!("shard-{n}")).spawn(move || {
            let report = Report { to: report, result: Some(Err(io::Error::other("the shard panicked"))) };
            let made = Readiness::new(&options).and_then(|mut driver| {
                share.into_iter().try_for_each(|door| driver.listen(door))?;
                Ok(driver)
            });
            let driver = match made {
                Ok(driver) => driver,
                Err(error) => {
                    drop(started.send(Err(error)));
                    return;
                }
            };
            drop(started.send(Ok(())));
            if wait.recv().is_err() {
                return;
            }
            let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), n);
            let mut shard = Shard::with_mailbox(driver, make(n), options, seed, mailbox);
            shard.share(deal);
            report.finish(shard.run());
        })?;
    }
    drop(started);
    for start in starts.iter().take(running) {
        start?;
    }
    for all_started in go {
        // A shard that is gone already has been reported.
        all_started.send(()).ok();
    }
    Ok(Threads { ended, running })
}

impl Threads {
    /// Waits until every shard has been drained. Blocks.
    ///
    /// # Errors
    /// As soon as one shard ends in any other way: by a panic, or because its driver failed. The others still run then; a
    /// server that has lost a shard is best ended.
    pub fn join(mut self) -> io::Result<()> {
        while self.running > 0 {
            self.ended.recv().map_err(|_| io::Error::other("a shard ended without a word"))??;
            self.running -= 1;
        }
        Ok(())
    }
}

/// Says how a shard ended, even when it panics.
struct Report {
    to: mpsc::Sender<io::Result<()>>,
    result: Option<io::Result<()>>,
}

impl Report {
    fn finish(mut self, result: io::Result<()>) {
        self.result = Some(result);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if let Some(result) = self.result.take() {
            // Nobody may be waiting.
            drop(self.to.send(result));
        }
    }
}
