//! Into the outboxes of many connections.

use std::mem;

use super::connections::Connections;
use super::event::ConnectionId;
use super::sending::SendError;
use super::waves::{Wave, WaveId};
use crate::bundle::Bundle;
use crate::frame::Frame;
use crate::outbox::Place;

/// A fan-out that is being put together, of one frame or of several. [`Connections::launch`] sends it on its way; without
/// that what was queued waits for the next message to its connection.
#[must_use = "what was queued is flushed once it is launched"]
#[derive(Debug)]
pub struct FanOut(Wave);

impl Connections {
    /// Queues one frame for many connections. Who has ended is passed over; who has no room is reported through
    /// [`Handler::overflow`](super::Handler::overflow). The flush to many is cut into slices, so that other connections are
    /// served in between; then the wave has a name, for [`Connections::is_under_way`].
    pub fn fan_out(&mut self, targets: &[ConnectionId], frame: &Frame) -> Option<WaveId> {
        let mut fan_out = self.begin(targets.len());
        for &id in targets {
            self.add(&mut fan_out, id, frame).ok();
        }
        self.launch(fan_out)
    }

    /// Begins a fan-out of several frames, to about so many connections.
    pub fn begin(&mut self, size: usize) -> FanOut {
        FanOut(self.waves.wave(size))
    }

    /// Queues a frame for one connection of a fan-out.
    ///
    /// A frame whose lane has a key takes the place of the one that waits with the same lane, if there is one, so that a
    /// lane that is renewed all the time is not behind the others for ever. Such a frame, and one without a lane, takes the
    /// room of frames whose lanes have no key, the oldest first, before it finds none: see [`Connections::take_shed`].
    ///
    /// # Errors
    /// [`SendError`]; nothing is queued then.
    pub fn add(&mut self, fan_out: &mut FanOut, id: ConnectionId, frame: &Frame) -> Result<(), SendError> {
        if self.queue(id, frame)? {
            fan_out.0.push(id);
        }
        Ok(())
    }

    /// Queues those frames of a bundle for one connection of a fan-out that `wants` says, by their indices: as
    /// [`Connections::add`] one by one, but what waits is looked through once at most.
    ///
    /// # Errors
    /// The index of the first frame that was not queued, and why. Nothing that follows it was queued either.
    pub fn add_some(
        &mut self,
        fan_out: &mut FanOut,
        id: ConnectionId,
        bundle: &Bundle,
        mut wants: impl FnMut(usize) -> bool,
    ) -> Result<(), (usize, SendError)> {
        let mut places = mem::take(&mut self.places);
        self.look_up(id, bundle, &mut places);
        let mut wants_flush = false;
        let mut wanted = (0..bundle.frames().len()).filter(|&index| wants(index));
        let added = wanted.try_for_each(|index| {
            let queued = self.add_one_of(id, bundle, index, &mut places);
            wants_flush |= queued.map_err(|error| (index, error))?;
            Ok(())
        });
        if wants_flush {
            fan_out.0.push(id);
        }
        self.places = places;
        added
    }

    /// Sends a fan-out on its way; the wave has a name if it takes more than a turn.
    pub fn launch(&mut self, fan_out: FanOut) -> Option<WaveId> {
        self.waves.launch(fan_out.0)
    }

    /// Whether a fan-out still has connections to flush. Who publishes faster than a wave runs collects what comes
    /// meanwhile, and sends it with the next: one write for many publications.
    #[must_use]
    pub fn is_under_way(&self, wave: WaveId) -> bool {
        self.waves.is_under_way(wave)
    }

    /// Notes for each key of a bundle where a frame with it waits.
    fn look_up(&self, id: ConnectionId, bundle: &Bundle, places: &mut Vec<Option<Place>>) {
        places.clear();
        places.resize(bundle.keys(), None);
        let Some(connection) = self.get(id).filter(|_| !places.is_empty()) else { return };
        for (place, frame) in connection.outbox.keyed(&self.pool) {
            if let Some(key) = bundle.key_of(frame) {
                places[key] = Some(place);
            }
        }
    }

    /// As [`Connections::queue`], with what [`Connections::look_up`] has found.
    fn add_one_of(
        &mut self,
        id: ConnectionId,
        bundle: &Bundle,
        index: usize,
        places: &mut [Option<Place>],
    ) -> Result<bool, SendError> {
        let frame = &bundle.frames()[index];
        let key = bundle.key_at(index);
        if let Some(place) = key.and_then(|key| places[key]) {
            return self.exchange(id, place, frame).map(|()| false);
        }
        let (place, wants_flush) = self.append(id, frame)?;
        if let Some(key) = key {
            places[key] = place;
        }
        Ok(wants_flush)
    }
}
