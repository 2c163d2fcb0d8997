//! A shard: one thread's event loop, and the connections that live and die on it.
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`handler`](Handler), `event`, `verdict` | the four events, what they carry, and what becomes of a request |
//! | `connection` | what is kept of one connection |
//! | [`connections`](Connections) | the table of connections, as the handler sees it: close, timers |
//! | `sending`, `fan_out`, `room` | into one outbox, into many, and what gives way when they are full |
//! | `compression` | messages compressed: for one connection, or once for many |
//! | `replies`, `cork` | what the messages of one read provoke, in one piece |
//! | `deal` | whose connection it is that came in at a common listener |
//! | `fragments` | a message out in pieces, and when to send the next |
//! | `door` | from accept to open: the request head, the verdict, the side door |
//! | `receive` | bytes become messages |
//! | `waves`, `flush` | whose turn it is, and outboxes become writes |
//! | `ending` | every way a connection ends |
//! | `leaving` | connections asked to leave, at a pace |
//! | `remote` | how other threads reach the shard |
//! | `threads` | shards on threads of their own |
//!
//! A turn goes once through all of it: wait, take completions, take the inbox, fire timers, let the handler finish what it
//! collected, flush.

mod compression;
mod connection;
mod connections;
mod cork;
mod deal;
mod door;
mod ending;
mod event;
mod fan_out;
mod flush;
mod fragments;
mod handler;
mod leaving;
mod receive;
mod remote;
mod replies;
mod room;
mod sending;
mod threads;
mod verdict;
mod waves;

use std::io;
use std::time::{Duration, Instant};

use tracing::{error, warn};

use self::connection::{Order, Phase};
pub use self::connections::Connections;
use self::deal::Deal;
pub use self::event::{Answered, Close, ConnectionError, ConnectionId, Detached, Leave, Opening, Shed, Side};
pub use self::fan_out::FanOut;
pub use self::fragments::FragmentError;
pub use self::handler::Handler;
use self::leaving::{Leaving, Whom};
use self::remote::Post;
pub use self::remote::{Remote, send_away};
pub use self::room::OutboxBytes;
pub use self::sending::{SendError, encode};
pub use self::threads::{Mailbox, Threads, mailbox, start};
pub use self::verdict::{Protocols, Request, Upgrade, Verdict};
pub use self::waves::WaveId;
use crate::driver::{Completion, Driver, Guest};
use crate::frame::Batch;
use crate::inbox::Receiver;
use crate::listener::Settings;
use crate::options::Options;
pub use crate::slots::Slots;
pub use crate::tally::{TURN_BOUNDS, Traffic};

/// An event loop over a driver, with a handler above it.
pub struct Shard<D: Driver, H: Handler> {
    driver: D,
    handler: H,
    connections: Connections,
    inbox: Receiver<Post<H::Event>>,
    deal: Deal<H::Event>,
    batch: Batch,
    fired: Vec<u32>,
    drain_until: Option<Instant>,
    leaving: Option<Leaving>,
    /// The handler holds something back and wants to be asked again after at most this time.
    held_back: Option<Duration>,
}

impl<D: Driver, H: Handler> Shard<D, H> {
    /// A shard with no connections, and the handle by which other threads reach it. `seed` drives jitter, nothing that
    /// has to be secret.
    pub fn new(driver: D, handler: H, options: Options, seed: u64) -> (Self, Remote<H::Event>) {
        let (remote, mailbox) = mailbox(&options);
        (Self::with_mailbox(driver, handler, options, seed, mailbox), remote)
    }

    /// As [`Shard::new`], with a [`mailbox`] that was made before.
    pub fn with_mailbox(
        driver: D,
        handler: H,
        options: Options,
        seed: u64,
        mailbox: Mailbox<H::Event>,
    ) -> Self {
        let Mailbox(inbox) = mailbox;
        inbox.set_waker(driver.waker());
        Self {
            connections: Connections::new(options, driver.now(), seed, inbox.tally()),
            driver,
            handler,
            inbox,
            deal: Deal::alone(),
            batch: Batch::default(),
            fired: Vec::new(),
            drain_until: None,
            leaving: None,
            held_back: None,
        }
    }

    /// The handler.
    pub fn handler(&mut self) -> &mut H {
        &mut self.handler
    }

    /// The driver: to give it listeners.
    pub fn driver(&mut self) -> &mut D {
        &mut self.driver
    }

    /// The connections, outside of any event.
    pub fn connections(&mut self) -> &mut Connections {
        &mut self.connections
    }

    /// Shares what comes in at common listeners with the other shards of a server.
    fn share(&mut self, deal: Deal<H::Event>) {
        self.deal = deal;
    }

    /// Turns until the shard has been drained, or its driver fails.
    ///
    /// # Errors
    /// What the driver's wait says; the shard cannot go on then.
    pub fn run(mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// One turn; `false` when the shard has been drained: it is not to be turned again then.
    ///
    /// # Errors
    /// What the driver's wait says.
    pub fn turn(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        self.driver.wait(timeout)?;
        self.inbox.awake();
        self.connections.tally.turn_begins();
        let before = self.connections.begin_turn(self.driver.now());
        if let Some(timeout) = timeout {
            self.connections.notice_delay((self.connections.now - before).saturating_sub(timeout));
        }
        self.take_completions();
        self.take_inbox();
        self.fire_timers();
        self.ask_to_leave();
        self.held_back = self.handler.turn(&mut self.connections);
        self.ask_about_overflows();
        self.carry_out_verdicts();
        self.settle();
        self.flush();
        self.tell_drained();
        self.carry_out_orders();
        self.inbox.show_open(self.connections.open - self.connections.parting);
        self.connections.count_turn(self.driver.now());
        Ok(!self.is_drained())
    }

    fn timeout(&mut self) -> Option<Duration> {
        let c = &self.connections;
        let idle = c.waves.is_idle()
            && c.closing.is_empty()
            && c.orders.is_empty()
            && c.overflowed.is_empty()
            && c.decided.is_empty()
            && c.emptied.is_empty();
        if !idle || !self.inbox.may_sleep(self.handler.ready()) {
            return Some(Duration::ZERO);
        }
        let now = self.driver.now();
        let timer = self.connections.wheel.sleep(now.duration_since(self.connections.began));
        let drain = self.drain_until.map(|until| until.saturating_duration_since(now));
        let leaving = self.leaving.as_ref().and_then(|leaving| leaving.rest(now));
        [timer, drain, leaving, self.held_back].into_iter().flatten().min()
    }

    fn take_completions(&mut self) {
        let Self { driver, handler, connections, deal, batch, .. } = self;
        while let Some(completion) = driver.next() {
            match completion {
                Completion::Received { slot, bytes } => {
                    received(handler, connections, slot, bytes);
                    if let Err((id, error)) = flush::uncork(connections, driver, batch) {
                        ending::broke(handler, connections, id, &ConnectionError::Io(error));
                    }
                }
                Completion::Sent { slot } => connections.sent(slot),
                Completion::Accepted { slot, peer, listener } => connections.admit(slot, peer, listener),
                Completion::Guest(guest) => deal.out(guest),
                Completion::AcceptPaused { error } => {
                    warn!(%error, "accepting pauses: is the limit of open files (ulimit -n) too low?");
                }
                Completion::Ended { slot } => ending::peer_ended(handler, connections, slot),
                Completion::Failed { slot, error } => ending::failed(handler, connections, slot, error),
                Completion::Detached { slot, stream } => door::leave(handler, connections, slot, stream),
                Completion::Closed { slot } => connections.vacate(slot),
            }
        }
        while let Some(guest) = self.deal.own() {
            self.receive_guest(guest);
        }
    }

    fn receive_guest(&mut self, guest: Guest) {
        let Guest { stream, peer, listener } = guest;
        match self.driver.adopt(stream) {
            Ok(slot) => self.connections.admit(slot, peer, &listener),
            Err(error) => warn!(%error, %peer, "a connection could not be taken"),
        }
    }

    fn take_inbox(&mut self) {
        for post in self.inbox.take_control() {
            self.take_post(post);
        }
        for _ in 0..self.connections.options.events_per_turn.max(1) {
            if !self.handler.ready() {
                break;
            }
            let Some(post) = self.inbox.next_event() else { break };
            self.take_post(post);
        }
        self.inbox.give_back();
    }

    fn take_post(&mut self, post: Post<H::Event>) {
        match post {
            Post::Event(event) => self.handler.event(&mut self.connections, event),
            Post::Adopt(mut detached) => match self.driver.adopt(detached.stream) {
                Ok(slot) => {
                    self.connections.admit(slot, detached.peer, Settings::PLAIN);
                    received(&mut self.handler, &mut self.connections, slot, &mut detached.received);
                }
                Err(error) => warn!(%error, peer = %detached.peer, "a connection could not be adopted"),
            },
            Post::Answered(answered) => {
                let Answered { stream, peer, kind, about } = *answered;
                match self.driver.adopt(stream) {
                    Ok(slot) => {
                        door::enter(&mut self.handler, &mut self.connections, slot, peer, kind, about);
                        if let Some(leaving) = &self.leaving {
                            let id = self.connections.id(slot);
                            leaving.ask_late(&mut self.handler, &mut self.connections, id);
                        }
                    }
                    Err(error) => warn!(%error, %peer, "a connection could not be adopted"),
                }
            }
            Post::Guest(guest) => self.receive_guest(*guest),
            Post::Drain { leave, within } => {
                self.driver.stop_listening();
                self.drain_until = Some(self.connections.now + within);
                self.connections.begin_to_drain();
                self.leaving = Some(Leaving::new(leave, Whom::Everybody, self.inbox.last_event()));
            }
            Post::SendAway { .. } if self.connections.draining => {}
            Post::SendAway { count, leave } => {
                self.leaving = Some(Leaving::new(leave, Whom::Some(count), self.inbox.last_event()));
            }
        }
    }

    /// What was accepted before they were to leave reaches them before they do.
    fn ask_to_leave(&mut self) {
        let Some(leaving) = &mut self.leaving else { return };
        if !self.inbox.has_passed(leaving.behind()) || leaving.go_on(&mut self.handler, &mut self.connections)
        {
            return;
        }
        if leaving.whom() == Whom::Everybody {
            self.connections.shut_the_door();
        }
        self.leaving = None;
    }

    fn fire_timers(&mut self) {
        let mut fired = std::mem::take(&mut self.fired);
        let elapsed = self.connections.elapsed();
        self.connections.wheel.advance(elapsed, &mut fired);
        for timer in fired.drain(..) {
            // Another one's event may have cancelled it, or set it anew.
            if !self.connections.wheel.take_fired(timer) {
                continue;
            }
            let id = self.connections.id(timer / 2);
            if timer % 2 == 0 {
                if self.driver.take_progress(id.slot) {
                    self.connections.heard(id.slot);
                }
                ending::link_timer_fired(&mut self.handler, &mut self.connections, id);
            } else if self.connections.is_open(id) {
                self.handler.timer(&mut self.connections, id);
            }
        }
        self.fired = fired;
    }

    fn ask_about_overflows(&mut self) {
        for id in std::mem::take(&mut self.connections.overflowed) {
            if let Some(connection) = self.connections.get_mut(id) {
                connection.flags.overflowed = false;
            }
            if self.connections.is_open(id) {
                self.handler.error(&mut self.connections, id, &ConnectionError::Overflow);
                self.handler.overflow(&mut self.connections, id);
            }
        }
    }

    fn carry_out_verdicts(&mut self) {
        for (id, verdict) in std::mem::take(&mut self.connections.decided) {
            door::decided(&mut self.handler, &mut self.connections, id, verdict);
        }
    }

    /// Those who ask again in the event wait for the next turn.
    fn tell_drained(&mut self) {
        for id in std::mem::take(&mut self.connections.emptied) {
            if self.connections.take_drained(id) {
                self.handler.drained(&mut self.connections, id);
            }
        }
    }

    fn settle(&mut self) {
        while let Some(id) = self.connections.closing.pop() {
            ending::write_farewell(&mut self.handler, &mut self.connections, id);
        }
    }

    fn flush(&mut self) {
        let mut broken = Vec::new();
        flush::flush(&mut self.connections, &mut self.driver, &mut self.batch, &mut broken);
        for (id, error) in broken {
            ending::broke(&mut self.handler, &mut self.connections, id, &ConnectionError::Io(error));
        }
    }

    fn carry_out_orders(&mut self) {
        let Connections { orders, table, .. } = &mut self.connections;
        // Named by its connection, an order never reaches the next one in the slot; what is asked before a close is moot,
        // and the close itself is asked for once.
        let usable = |id: ConnectionId| {
            table.get(id.slot).is_some_and(|c| c.generation == id.generation && !c.flags.released)
        };
        for order in orders.drain(..) {
            match order {
                Order::Pause(id, paused) if usable(id) => self.driver.pause(id.slot, paused),
                Order::Shutdown(id) if usable(id) => self.driver.shutdown(id.slot),
                Order::Pause(..) | Order::Shutdown(_) => {}
                Order::Close(id) => self.driver.close(id.slot),
                Order::Detach(id) => self.driver.detach(id.slot),
            }
        }
    }

    fn is_drained(&mut self) -> bool {
        let Some(until) = self.drain_until else { return false };
        if self.connections.present > 0 && self.connections.now >= until {
            error!(
                connections = self.connections.present,
                "the drain's time is over: what is left is cut off"
            );
            ending::cut_off(&mut self.handler, &mut self.connections);
            return true;
        }
        self.connections.present == 0
    }
}

/// Bytes have come in for a connection; they are lent and may be changed.
fn received<H: Handler>(handler: &mut H, connections: &mut Connections, slot: u32, bytes: &mut [u8]) {
    let now = connections.elapsed_ms();
    connections.tally.bytes_in.add(bytes.len() as u64);
    let id = connections.id(slot);
    let connection = &mut connections.table[slot];
    connection.alive.heard(now);
    match &mut connection.phase {
        Phase::Open(_) => receive::messages(handler, connections, id, bytes),
        Phase::Head(_) => door::received(handler, connections, id, bytes),
        Phase::Asked(_) => door::sent_ahead(handler, connections, id, bytes),
        Phase::Leaving(head) => head.bytes.extend_from_slice(bytes),
        // Lingering: read so that the peer sees our last words, and thrown away.
        // And what a client says into a stream: all that it had to say stood in its request.
        Phase::Vacant | Phase::Ended | Phase::Stream(_) => {}
    }
}
