//! A driver without sockets and without a clock, for tests: everything comes from a seed.
//!
//! It keeps the contract of [`Driver`] and uses all the freedom that contract leaves: bytes arrive split
//! anywhere, a send completes at once, later, or in several pieces, a peer that does not read blocks it, and a close takes
//! some turns while other slots go on. What an interface of completion queues would find is found here first. A shard that
//! breaks its own side of the contract panics here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::stream::Stream;
use super::{Completion, Driver, Submission};
use crate::frame::Batch;
use crate::inbox::Waker;
use crate::listener::{Door, Settings};
use crate::random::Jitter;

/// The peers' side: a test connects, writes, reads and lets time pass here. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Network(Rc<RefCell<State>>);

/// The shard's side.
#[derive(Debug)]
pub struct Simulated {
    state: Rc<RefCell<State>>,
    lent: Vec<u8>,
    left_in_turn: u32,
}

#[derive(Debug)]
struct State {
    jitter: Jitter,
    now: Instant,
    wires: Vec<Wire>,
    /// Wire by slot; `None` is free.
    slots: Vec<Option<usize>>,
    listening: bool,
    split_max: usize,
    asked: Option<Duration>,
}

/// One connection, seen from both ends.
#[derive(Debug, Default)]
struct Wire {
    slot: Option<u32>,
    accepted: bool,
    to_shard: VecDeque<u8>,
    to_peer: VecDeque<u8>,
    peer_ended: bool,
    end_reported: bool,
    reset: bool,
    shard_ended: bool,
    /// Bytes that the peer's side takes before it has to read.
    window: usize,
    in_flight: Option<VecDeque<u8>>,
    sent: bool,
    paused: bool,
    closing: Option<Ending>,
    /// Turns until what has come to pass with a send, or a close, is told.
    delay: u64,
    /// The window has held up the send in flight.
    refused: bool,
    /// The peer has taken bytes that its window had held up, since this was last asked.
    moved: bool,
    gone: bool,
}

/// Turns that a completion may take, at most.
const DELAY_MAX: u64 = 6;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Close,
    Detach,
}

/// Number of a simulated peer.
pub type PeerNumber = usize;

impl Simulated {
    /// A driver and the network it hangs on; all chance comes from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> (Self, Network) {
        let state = Rc::new(RefCell::new(State {
            jitter: Jitter::new(seed),
            now: Instant::now(),
            wires: Vec::new(),
            slots: Vec::new(),
            listening: true,
            split_max: 64,
            asked: None,
        }));
        (Self { state: Rc::clone(&state), lent: Vec::new(), left_in_turn: 0 }, Network(state))
    }
}

impl Network {
    /// A peer connects. Its window is 1 MiB until [`Network::set_window`].
    #[must_use]
    pub fn connect(&self) -> PeerNumber {
        let mut state = self.0.borrow_mut();
        state.wires.push(Wire { window: 1 << 20, ..Wire::default() });
        state.wires.len() - 1
    }

    /// A peer writes.
    pub fn write(&self, peer: PeerNumber, bytes: &[u8]) {
        self.0.borrow_mut().wires[peer].to_shard.extend(bytes);
    }

    /// A peer reads all that has arrived.
    #[must_use]
    pub fn read(&self, peer: PeerNumber) -> Vec<u8> {
        self.0.borrow_mut().wires[peer].to_peer.drain(..).collect()
    }

    /// Bytes that may stand unread at a peer; 0: it takes nothing.
    pub fn set_window(&self, peer: PeerNumber, bytes: usize) {
        self.0.borrow_mut().wires[peer].window = bytes;
    }

    /// A peer ends its sending side.
    pub fn end(&self, peer: PeerNumber) {
        self.0.borrow_mut().wires[peer].peer_ended = true;
    }

    /// The connection breaks: what is on the way is lost.
    pub fn reset(&self, peer: PeerNumber) {
        let mut state = self.0.borrow_mut();
        state.wires[peer].reset = true;
        state.wires[peer].to_shard.clear();
    }

    /// Whether the shard has closed the connection, or ended its sending side.
    #[must_use]
    pub fn is_ended(&self, peer: PeerNumber) -> bool {
        let state = self.0.borrow();
        state.wires[peer].gone || state.wires[peer].shard_ended
    }

    /// Whether the socket is closed (or has left) and its slot free.
    #[must_use]
    pub fn is_gone(&self, peer: PeerNumber) -> bool {
        self.0.borrow().wires[peer].gone
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.0.borrow_mut().now += by;
    }

    /// How long the shard was ready to wait when it last waited; `None`: without end.
    #[must_use]
    pub fn last_wait(&self) -> Option<Duration> {
        self.0.borrow().asked
    }

    /// The longest piece in which bytes arrive; 1 delivers byte by byte.
    pub fn set_split_max(&self, bytes: usize) {
        self.0.borrow_mut().split_max = bytes.max(1);
    }
}

impl State {
    fn wire(&mut self, slot: u32) -> Option<&mut Wire> {
        let index = self.slots.get(slot as usize).copied().flatten()?;
        Some(&mut self.wires[index])
    }

    fn occupy(&mut self, wire: usize) -> u32 {
        let slot = self.slots.iter().position(Option::is_none).unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(wire);
        self.wires[wire].slot = Some(slot as u32);
        self.wires[wire].accepted = true;
        slot as u32
    }

    /// The wire in a slot that the shard may still ask something of.
    fn usable(&mut self, slot: u32) -> Option<&mut Wire> {
        let wire = self.wire(slot);
        assert!(wire.as_ref().is_some_and(|wire| wire.closing.is_none()), "nothing is asked after a close");
        wire
    }

    fn end(&mut self, slot: u32, ending: Ending) {
        let delay = self.jitter.below(DELAY_MAX);
        if let Some(wire) = self.usable(slot) {
            wire.closing = Some(ending);
            wire.delay = delay;
        }
    }

    /// Moves some bytes of sends in flight, as chance and the peers' windows allow.
    fn carry(&mut self) {
        for index in 0..self.wires.len() {
            let portion = self.jitter.below(200) as usize;
            let delay = self.jitter.below(DELAY_MAX);
            let wire = &mut self.wires[index];
            wire.delay = wire.delay.saturating_sub(1);
            let Some(flight) = &mut wire.in_flight else { continue };
            let room = wire.window.saturating_sub(wire.to_peer.len());
            let count = portion.min(room).min(flight.len());
            wire.to_peer.extend(flight.drain(..count));
            wire.moved |= wire.refused && count > 0;
            wire.refused = count == room && !flight.is_empty();
            if flight.is_empty() {
                wire.in_flight = None;
                wire.sent = true;
                wire.delay = wire.delay.max(delay);
            }
        }
    }

    /// Something that a wire has to report, if chance lets it now.
    fn event_of(&mut self, index: usize, lent: &mut Vec<u8>) -> Option<Event> {
        if self.jitter.below(3) == 0 {
            return None;
        }
        let split = 1 + self.jitter.below(self.split_max as u64) as usize;
        let wire = &mut self.wires[index];
        if wire.gone {
            return None;
        }
        if !wire.accepted {
            return self.listening.then(|| Event::Accepted(self.occupy(index)));
        }
        let slot = wire.slot?;
        if let Some(ending) = wire.closing {
            if wire.delay > 0 {
                return None;
            }
            wire.gone = true;
            wire.in_flight = None;
            self.slots[slot as usize] = None;
            return Some(if ending == Ending::Close { Event::Closed(slot) } else { Event::Detached(slot) });
        }
        if wire.sent && wire.delay == 0 {
            wire.sent = false;
            return Some(Event::Sent(slot));
        }
        if wire.reset {
            return (!std::mem::replace(&mut wire.end_reported, true)).then_some(Event::Failed(slot));
        }
        if wire.paused {
            return None;
        }
        if !wire.to_shard.is_empty() {
            lent.clear();
            lent.extend(wire.to_shard.drain(..split.min(wire.to_shard.len())));
            return Some(Event::Received(slot));
        }
        (wire.peer_ended && !std::mem::replace(&mut wire.end_reported, true)).then_some(Event::Ended(slot))
    }
}

enum Event {
    Accepted(u32),
    Received(u32),
    Sent(u32),
    Ended(u32),
    Failed(u32),
    Detached(u32),
    Closed(u32),
}

impl Driver for Simulated {
    fn listen(&mut self, _door: Door) -> io::Result<()> {
        Err(io::Error::other("a simulated driver has no listeners: peers come from its network"))
    }

    fn stop_listening(&mut self) {
        self.state.borrow_mut().listening = false;
    }

    fn adopt(&mut self, _stream: Stream) -> io::Result<u32> {
        Err(io::Error::other("a simulated driver takes no real sockets"))
    }

    fn send_now(&mut self, slot: u32, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        let portion = state.jitter.below(2 * bytes.len() as u64) as usize;
        let Some(wire) = state.usable(slot) else { return Err(ErrorKind::NotConnected.into()) };
        assert!(wire.in_flight.is_none() && !wire.sent, "one send in flight per connection");
        assert!(!wire.shard_ended, "no send after a shutdown");
        if wire.reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let room = wire.window.saturating_sub(wire.to_peer.len());
        let count = portion.min(room).min(bytes.len());
        wire.to_peer.extend(&bytes[..count]);
        Ok(count)
    }

    fn send(&mut self, slot: u32, batch: &mut Batch) -> Submission {
        let mut state = self.state.borrow_mut();
        let at_once = state.jitter.below(2) == 0;
        let bytes: VecDeque<u8> = batch.frames().iter().flat_map(|frame| frame.iter().copied()).collect();
        batch.clear();
        let Some(wire) = state.usable(slot) else {
            return Submission::Failed(ErrorKind::NotConnected.into());
        };
        assert!(wire.in_flight.is_none() && !wire.sent, "one send in flight per connection");
        assert!(!wire.shard_ended, "no send after a shutdown");
        if wire.reset {
            return Submission::Failed(ErrorKind::ConnectionReset.into());
        }
        if at_once && wire.to_peer.len() + bytes.len() <= wire.window {
            wire.to_peer.extend(bytes);
            return Submission::Done;
        }
        wire.in_flight = Some(bytes);
        Submission::InFlight
    }

    fn pause(&mut self, slot: u32, paused: bool) {
        if let Some(wire) = self.state.borrow_mut().usable(slot) {
            wire.paused = paused;
        }
    }

    fn shutdown(&mut self, slot: u32) {
        if let Some(wire) = self.state.borrow_mut().usable(slot) {
            assert!(wire.in_flight.is_none(), "shutdown waits for the send in flight");
            wire.shard_ended = true;
        }
    }

    fn close(&mut self, slot: u32) {
        self.state.borrow_mut().end(slot, Ending::Close);
    }

    fn detach(&mut self, slot: u32) {
        self.state.borrow_mut().end(slot, Ending::Detach);
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        state.asked = timeout;
        state.carry();
        drop(state);
        self.left_in_turn = 64;
        Ok(())
    }

    fn next(&mut self) -> Option<Completion<'_>> {
        let mut state = self.state.borrow_mut();
        let wires = state.wires.len();
        while self.left_in_turn > 0 && wires > 0 {
            self.left_in_turn -= 1;
            let index = state.jitter.below(wires as u64) as usize;
            let Some(event) = state.event_of(index, &mut self.lent) else { continue };
            drop(state);
            return Some(match event {
                Event::Accepted(slot) => {
                    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
                    Completion::Accepted { slot, peer, listener: Settings::PLAIN }
                }
                Event::Received(slot) => Completion::Received { slot, bytes: &mut self.lent },
                Event::Sent(slot) => Completion::Sent { slot },
                Event::Ended(slot) => Completion::Ended { slot },
                Event::Failed(slot) => Completion::Failed { slot, error: ErrorKind::ConnectionReset.into() },
                Event::Detached(slot) => Completion::Detached { slot, stream: None },
                Event::Closed(slot) => Completion::Closed { slot },
            });
        }
        None
    }

    fn take_progress(&mut self, slot: u32) -> bool {
        self.state.borrow_mut().wire(slot).is_some_and(|wire| std::mem::take(&mut wire.moved))
    }

    fn now(&self) -> Instant {
        self.state.borrow().now
    }

    fn waker(&self) -> Waker {
        Arc::new(|| {})
    }
}
