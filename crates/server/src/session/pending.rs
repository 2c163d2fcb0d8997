//! What a session waits for, and the commands that wait behind it.
//!
//! Commands of one client are handled in order. While one of them waits for the back office (a hook, a key) or for the hub, the
//! messages that come meanwhile stand here as they came, up to `client.pending_commands_max_size` bytes; then reading pauses, and
//! TCP holds the client back. Pongs are taken at once.

use std::collections::VecDeque;
use std::num::NonZeroU32;

use wavecast_protocol::centrifuge::Disconnect;

use super::joining::{By, Joining, Settled};

/// What one message counts beside its bytes.
const MESSAGE_OVERHEAD_BYTES: usize = 32;

/// What a session waits for. It is in a box that is gone when nothing is.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Subscriptions that the hub has been asked for, in the order of asking, which is that of its answers.
    pub(super) joining: VecDeque<Joining>,
    /// The back office has been asked on behalf of a command.
    pub(super) asked: Option<Ticket>,
    /// What that question carries, bytes.
    pub(super) asked_bytes: usize,
    /// The subscription that it has been asked about, until that is made or refused.
    pub(super) undecided: Option<Undecided>,
    /// The answer to the connect command, while its subscriptions are joining.
    pub(super) welcome: Option<Box<Welcome>>,
    backlog: VecDeque<Box<[u8]>>,
    backlog_bytes: usize,
    /// Reading is paused, because so much waits.
    pub(super) is_paused: bool,
    /// How it ends as soon as nothing is waited for.
    pub(super) leaving: Option<Box<Disconnect>>,
}

/// A subscription of the client's that waits for an answer before the hub is asked for it.
#[derive(Debug)]
pub(super) struct Undecided {
    pub(super) channel: Box<str>,
    /// The back end has ended it: whatever the answer is, it is not made.
    pub(super) is_ended: bool,
}

/// Tells the answer to one question from that to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(pub(crate) NonZeroU32);

/// The room for pages of publications in one answer: how many bytes they take, about.
#[derive(Debug, Default)]
pub(crate) struct PageRoom(usize);

impl PageRoom {
    /// Whether there is room for so many bytes more; the first page always has it: else it could never be had.
    pub(crate) fn take(&mut self, page_bytes: usize, bytes_max: usize) -> bool {
        let sum = self.0 + page_bytes;
        let has_room = self.0 == 0 || page_bytes == 0 || sum <= bytes_max;
        if has_room {
            self.0 = sum;
        }
        has_room
    }
}

/// The answer to a connect command in the making.
#[derive(Debug)]
pub(crate) struct Welcome {
    /// The command's id.
    pub(crate) id: u32,
    /// What it carries for the application.
    pub(crate) data: Box<[u8]>,
    /// Seconds until the client has to refresh; 0: never.
    pub(crate) ttl: u32,
    /// The publications that it carries.
    pub(crate) pages: PageRoom,
    /// Subscriptions that have joined.
    pub(crate) settled: Vec<Settled>,
    /// Subscriptions whose answer is still to come.
    pub(crate) left: usize,
    /// A place in the outbox is kept for it.
    pub(crate) has_place: bool,
}

impl Pending {
    /// Whether commands have to wait: their replies come in their order, and each finds done what the one before asked for.
    pub(super) fn holds_commands(&self) -> bool {
        let of_client = |joining: &Joining| matches!(joining.by, By::Client(_));
        self.asked.is_some() || self.welcome.is_some() || self.joining.iter().any(of_client)
    }

    /// Puts a message, or what is left of one, behind those that wait.
    pub(super) fn push_back(&mut self, message: &[u8]) {
        self.backlog_bytes += message.len() + MESSAGE_OVERHEAD_BYTES;
        self.backlog.push_back(message.into());
    }

    /// Puts what is left of a message before those that wait: it came first.
    pub(super) fn push_front(&mut self, message: &[u8]) {
        self.backlog_bytes += message.len() + MESSAGE_OVERHEAD_BYTES;
        self.backlog.push_front(message.into());
    }

    /// The next message, if none has to wait any more.
    pub(super) fn next_message(&mut self) -> Option<Box<[u8]>> {
        if self.holds_commands() {
            return None;
        }
        let message = self.backlog.pop_front()?;
        self.backlog_bytes -= message.len() + MESSAGE_OVERHEAD_BYTES;
        Some(message)
    }

    /// Bytes that wait.
    pub(super) fn backlog_bytes(&self) -> usize {
        self.backlog_bytes
    }

    /// What it takes in memory, about, bytes.
    pub(super) fn bytes(&self) -> usize {
        let undecided = self.undecided.as_ref().map_or(0, |undecided| undecided.channel.len());
        let joining = self.joining.len() * size_of::<Joining>();
        size_of::<Self>() + undecided + self.asked_bytes + self.backlog_bytes + joining
    }

    /// Nothing is waited for, and nothing waits.
    pub(super) fn is_over(&self) -> bool {
        !self.holds_commands()
            && self.undecided.is_none()
            && self.joining.is_empty()
            && self.backlog.is_empty()
            && !self.is_paused
            && self.leaving.is_none()
    }
}
