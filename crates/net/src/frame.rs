//! Bytes ready for the wire, shared by every outbox on a shard that holds them.

use std::cell::{Cell, OnceCell};
use std::ops::Deref;
use std::rc::Rc;

use wavecast_websocket::frame;

use crate::message::MessageRef;

/// What a queued frame counts beside its bytes: its link in the pool. So a limit in bytes also bounds a flood of
/// tiny frames.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 32;

/// One or more whole WebSocket frames in one piece of memory.
///
/// A clone is a count, not a copy, and the count is not atomic: a frame is made on the shard that sends it and never
/// leaves it. One without bytes is nothing to send: it is passed over.
#[derive(Clone, Debug)]
pub struct Frame(Rc<Inner>);

/// What the clones of a frame share. One thin pointer to it is all that an outbox holds.
#[derive(Debug)]
struct Inner {
    bytes: Box<[u8]>,
    lane: Option<Lane>,
    messages: u32,
    /// Where the bytes are counted as long as anybody holds them, from the first time on that they are queued.
    account: OnceCell<Account>,
    is_deflatable: bool,
    /// The compressed form, from the first time on that a connection takes one. `None`: it would not be shorter.
    deflated: OnceCell<Option<Deflated>>,
}

/// The compressed form of a frame.
#[derive(Debug)]
struct Deflated {
    frame: Frame,
    /// The bits that a window needs so that everything it refers to is within it.
    bits: u8,
}

/// What a frame belongs to that need not be sent once it waits.
///
/// A frame without a lane (a reply, a ping) is sent or its connection ends. A frame in a lane makes room for it, unless it
/// has a key: see [`Connections::add`](crate::shard::Connections::add).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The handler's number for it: of a channel, say.
    pub number: u32,
    /// With a key, a newer frame takes the place of one with the same number and key that still waits. It is the newest of
    /// its key and makes room for nothing else.
    pub key: Option<Box<str>>,
}

/// The bytes of the frames that a shard's outboxes hold, a shared frame once.
pub(crate) type Account = Rc<Cell<usize>>;

impl Frame {
    /// Takes a copy of `bytes`, which are whole encoded frames.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self::with(bytes, None, 1)
    }

    /// As [`Frame::new`], of `messages` messages that may be dropped, together, while they wait.
    #[must_use]
    pub fn in_lane(bytes: &[u8], lane: Lane, messages: u32) -> Self {
        Self::with(bytes, Some(lane), messages)
    }

    /// A message, in one frame of a server's that is [deflatable](Frame::deflatable).
    #[must_use]
    pub fn message(message: MessageRef<'_>) -> Self {
        let mut bytes = Vec::new();
        frame::encode(message.opcode(), message.as_bytes(), None, &mut bytes);
        Self::from(bytes.into_boxed_slice()).deflatable()
    }

    /// Lets connections that have agreed on compression have the messages in it compressed, each by itself. That is done
    /// once, for the first of them, and what comes of it is shared as the frame itself is.
    ///
    /// To be said before the frame is cloned; later it changes nothing.
    #[must_use]
    pub fn deflatable(mut self) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.0) {
            inner.is_deflatable = true;
        }
        self
    }

    /// Says how many messages stand in it; in one without a lane that is one, unless this is said. To be said before the frame
    /// is cloned.
    #[must_use]
    pub fn holding(mut self, messages: u32) -> Self {
        if let Some(inner) = Rc::get_mut(&mut self.0) {
            inner.messages = messages;
        }
        self
    }

    /// The compressed form for a window of so many bits, if there is one. `deflate` makes it, and says how many bits it needs.
    pub(crate) fn deflated(
        &self,
        bits: u8,
        deflate: impl FnOnce(&[u8]) -> Option<(Vec<u8>, u8)>,
    ) -> Option<&Self> {
        if !self.0.is_deflatable {
            return None;
        }
        let made = self.0.deflated.get_or_init(|| {
            let (bytes, bits) = deflate(&self.0.bytes)?;
            Some(Deflated { frame: Self::with(bytes, self.0.lane.clone(), self.0.messages), bits })
        });
        made.as_ref().filter(|deflated| deflated.bits <= bits).map(|deflated| &deflated.frame)
    }

    fn with(bytes: impl Into<Box<[u8]>>, lane: Option<Lane>, messages: u32) -> Self {
        Self(Rc::new(Inner {
            bytes: bytes.into(),
            lane,
            messages,
            account: OnceCell::new(),
            is_deflatable: false,
            deflated: OnceCell::new(),
        }))
    }

    /// The lane, of a frame that may be dropped.
    #[must_use]
    pub fn lane(&self) -> Option<&Lane> {
        self.0.lane.as_ref()
    }

    /// The messages that are sent with it, or lost.
    #[must_use]
    pub fn messages(&self) -> u32 {
        self.0.messages
    }

    /// Whether an outbox or a send in flight still holds a frame, in either form, of which the caller has the only other
    /// reference.
    #[must_use]
    pub fn is_held(&self) -> bool {
        let deflated = self.0.deflated.get().and_then(Option::as_ref);
        Rc::strong_count(&self.0) > 1 || deflated.is_some_and(|deflated| deflated.frame.is_held())
    }

    /// Whether it makes room for others while it waits.
    #[must_use]
    pub fn gives_way(&self) -> bool {
        self.0.lane.as_ref().is_some_and(|lane| lane.key.is_none())
    }

    /// What it counts in an outbox, bytes.
    pub(crate) fn cost(&self) -> usize {
        self.len() + FRAME_OVERHEAD_BYTES
    }

    /// Whether it takes the place of an earlier one that waits.
    pub(crate) fn has_key(&self) -> bool {
        self.0.lane.as_ref().is_some_and(|lane| lane.key.is_some())
    }

    /// Counts the bytes in `account` until nobody holds them any more; once, however often it is asked to.
    pub(crate) fn count_in(&self, account: &Account) {
        self.0.account.get_or_init(|| {
            account.set(account.get() + self.0.bytes.len());
            Rc::clone(account)
        });
    }
}

impl From<Box<[u8]>> for Frame {
    /// As [`Frame::new`], without a copy.
    fn from(bytes: Box<[u8]>) -> Self {
        Self::with(bytes, None, 1)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(account) = self.account.get() {
            account.set(account.get() - self.bytes.len());
        }
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

/// What one send carries: frames in order, owned until the send completes.
///
/// The shard lends one batch to send after send; only a send that cannot finish at once takes the list away.
#[derive(Debug, Default)]
pub struct Batch {
    frames: Vec<Frame>,
    bytes: usize,
}

impl Batch {
    /// Appends a frame.
    pub fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push(frame);
    }

    /// The frames in order.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Length of all frames in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Lets go of the frames and keeps the list's memory.
    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_one_pointer() {
        assert_eq!(size_of::<Option<Frame>>(), size_of::<usize>());
    }

    #[test]
    fn its_compressed_form_is_made_once_and_only_if_it_may_be() {
        let plain = Frame::new(b"plain");
        assert!(plain.deflated(15, |_| panic!("nobody said that it may be")).is_none());
        let frame = Frame::in_lane(b"plain", Lane { number: 7, key: None }, 3).deflatable();
        let made = frame.deflated(15, |bytes| Some((bytes[..2].to_vec(), 10))).cloned();
        let made = made.expect("a window of 15 bits is enough");
        assert_eq!((&*made, made.messages(), made.lane()), (&b"pl"[..], 3, frame.lane()));
        assert!(frame.is_held(), "in its other form");
        drop(made);
        assert!(!frame.is_held());
        assert!(frame.deflated(9, |_| panic!("made already")).is_none(), "a window of 9 bits is too small");
        assert!(frame.clone().deflated(10, |_| panic!("made already")).is_some());
    }

    #[test]
    fn shared_bytes_are_counted_once_and_until_the_last_reference_goes() {
        let account = Account::default();
        let frame = Frame::new(&[0; 100]);
        let (first, second) = (frame.clone(), frame.clone());
        assert_eq!(account.get(), 0, "nobody has queued it");
        first.count_in(&account);
        second.count_in(&account);
        drop((frame, first));
        assert_eq!(account.get(), 100);
        drop(second);
        assert_eq!(account.get(), 0);
    }
}
