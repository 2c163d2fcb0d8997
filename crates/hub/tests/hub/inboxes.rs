//! Inboxes of shards in memory: bounded by reservations as the contract of `Delivery` has it, and strict about it.
//! Jostling ones make whoever is about to put something in wait for others now and then, so that what is not covered
//! by a lock comes to light.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use wavecast_hub::{Delivery, Event, Joined, Membership, Publication, ShardId};

/// What arrives at a shard.
#[derive(Debug)]
pub(crate) enum Message {
    Publication(Arc<Publication>),
    Join(Arc<Membership>),
    Leave(Arc<Membership>),
    Joined { channel: String, joined: Joined },
}

#[derive(Debug)]
struct Inbox {
    queue: Mutex<VecDeque<Message>>,
    /// Room that is neither reserved nor filled by an event.
    room: AtomicUsize,
    reserved: AtomicUsize,
    wakes: AtomicUsize,
}

/// The inboxes of all shards.
#[derive(Debug)]
pub(crate) struct Inboxes {
    inboxes: Vec<Inbox>,
    jostling: bool,
    puts: AtomicUsize,
    /// What the back end was told: a channel is occupied, or not any more.
    occupancy: Mutex<Vec<(Arc<str>, bool)>>,
}

impl Inboxes {
    pub(crate) fn new(shards: u16, room: usize) -> Arc<Self> {
        Arc::new(Self::with(shards, room, false))
    }

    pub(crate) fn jostling(shards: u16, room: usize) -> Arc<Self> {
        Arc::new(Self::with(shards, room, true))
    }

    fn with(shards: u16, room: usize, jostling: bool) -> Self {
        let inbox = || Inbox {
            queue: Mutex::default(),
            room: AtomicUsize::new(room),
            reserved: AtomicUsize::new(0),
            wakes: AtomicUsize::new(0),
        };
        Self {
            inboxes: (0..shards).map(|_| inbox()).collect(),
            jostling,
            puts: AtomicUsize::new(0),
            occupancy: Mutex::default(),
        }
    }

    /// Takes the oldest message out and makes room.
    pub(crate) fn take(&self, shard: ShardId) -> Option<Message> {
        let message = self.of(shard).queue.lock().unwrap().pop_front();
        if !matches!(message, None | Some(Message::Joined { .. })) {
            self.of(shard).room.fetch_add(1, Ordering::SeqCst);
        }
        message
    }

    /// For `answer` of a join: control messages have room of their own.
    pub(crate) fn joined(&self, shard: ShardId, channel: &str, joined: Joined) {
        self.of(shard)
            .queue
            .lock()
            .unwrap()
            .push_back(Message::Joined { channel: channel.to_owned(), joined });
    }

    pub(crate) fn room(&self, shard: ShardId) -> usize {
        self.of(shard).room.load(Ordering::SeqCst)
    }

    pub(crate) fn reserved(&self, shard: ShardId) -> usize {
        self.of(shard).reserved.load(Ordering::SeqCst)
    }

    pub(crate) fn wakes(&self, shard: ShardId) -> usize {
        self.of(shard).wakes.load(Ordering::SeqCst)
    }

    /// What the back end was told of occupied (`true`) and vacated channels since last asked.
    pub(crate) fn take_occupancy(&self) -> Vec<(Arc<str>, bool)> {
        std::mem::take(&mut self.occupancy.lock().unwrap())
    }

    fn put(&self, shard: ShardId, message: Message) {
        if self.jostling {
            let turn = self.puts.fetch_add(1, Ordering::Relaxed) % 16;
            match message {
                Message::Joined { .. } => thread::sleep(Duration::from_micros(20)),
                _ if turn == 0 => thread::sleep(Duration::from_micros(1)),
                _ if turn < 4 => thread::yield_now(),
                _ => {}
            }
        }
        self.of(shard).queue.lock().unwrap().push_back(message);
    }

    fn of(&self, shard: ShardId) -> &Inbox {
        &self.inboxes[usize::from(shard.0)]
    }
}

impl Delivery for Inboxes {
    fn reserve(&self, shard: ShardId) -> bool {
        let inbox = self.of(shard);
        let took = inbox.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(1));
        if took.is_ok() {
            inbox.reserved.fetch_add(1, Ordering::SeqCst);
        }
        took.is_ok()
    }

    fn release(&self, shard: ShardId) {
        assert!(self.of(shard).reserved.fetch_sub(1, Ordering::SeqCst) > 0, "released what was not reserved");
        self.of(shard).room.fetch_add(1, Ordering::SeqCst);
    }

    fn push(&self, shard: ShardId, event: Event) {
        assert!(self.of(shard).reserved.fetch_sub(1, Ordering::SeqCst) > 0, "pushed without a reservation");
        let message = match event {
            Event::Publication(publication) => Message::Publication(publication),
            Event::Join(membership) => Message::Join(membership),
            Event::Leave(membership) => Message::Leave(membership),
        };
        self.put(shard, message);
    }

    fn wake(&self, shard: ShardId) {
        self.of(shard).wakes.fetch_add(1, Ordering::SeqCst);
    }

    fn occupied(&self, channel: &Arc<str>) {
        self.occupancy.lock().unwrap().push((Arc::clone(channel), true));
    }

    fn vacated(&self, channel: &Arc<str>) {
        self.occupancy.lock().unwrap().push((Arc::clone(channel), false));
    }
}
