//! What has been published since the last fan-out and waits for it.

use wavecast_net::shard::ConnectionId;
use wavecast_net::{Frame, Lane};

use crate::wire_form::WireForm;

/// A run's memory is kept for the next one up to this size.
const RUN_BYTES_KEPT: usize = 4 * 1024;

/// Framed messages, one behind the other in one piece of memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    bytes: Vec<u8>,
    messages: u32,
}

/// A subscriber that does not get all of what its group gets, and therefore a run of its own until the next fan-out.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) connection: ConnectionId,
    pub(super) run: Run,
    /// It has been given the publication before: a delta will do.
    pub(super) has_base: bool,
}

impl Run {
    pub(super) fn push(&mut self, form: WireForm, message: &[u8]) {
        form.frame(message, &mut self.bytes);
        self.messages += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(RUN_BYTES_KEPT);
        self.messages = 0;
    }

    /// Puts the run into a frame and begins the next. With a `lane` it may be dropped while it waits.
    pub(super) fn take(&mut self, lane: Option<u32>) -> Frame {
        let frame = match lane {
            None => Frame::new(&self.bytes).holding(self.messages),
            Some(number) => Frame::in_lane(&self.bytes, Lane { number, key: None }, self.messages),
        };
        self.clear();
        frame.deflatable()
    }
}
