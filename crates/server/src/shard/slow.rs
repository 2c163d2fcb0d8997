//! Slow consumers: what becomes of a channel's frames that do not fit the outbox of a subscriber.
//!
//! With `disconnect` such frames are like any other, and the net floor ends the connection (3008). With the other policies
//! they stand in the channel's lane and may be dropped:
//!
//! - where the subscription's position is watched over, the first drop ends it: all that waits of it is discarded and the
//!   client told to subscribe again and recover (2500), or, where the server has made it, to connect again (3010);
//! - else `drop_oldest` and `drop_newest` say what is dropped, and a marker tells the client how much that was;
//! - with `latest` a newer publication takes the place of the one with its key, and nobody is told. The newest of each key is
//!   never dropped: where there is no room for it the connection ends (3008), as it ends for a frame that may not be dropped;
//! - who takes deltas gets a whole publication next; where an older one than the newest is dropped, all that waits goes,
//!   since each delta needs the one before.
//!
//! What a reply or another channel's publication takes the room of is treated alike. A frame that is partly sent, or in
//! flight, is never dropped.

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, info};
use wavecast_hub::SlowConsumer;
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections, Shed};
use wavecast_protocol::centrifuge::Unsubscribed;

use super::PushShard;
use super::partings::unsubscribe;
use crate::channels::ChannelNumber;
use crate::session::{Anew, Live, Seated};

impl PushShard {
    /// A frame of a channel did not fit the outbox of a subscriber.
    pub(super) fn has_no_room(
        &mut self,
        connections: &mut Connections,
        channel: ChannelNumber,
        id: ConnectionId,
        frame: &Frame,
    ) {
        let Some(seated) = self.sessions.get_mut(id).and_then(|session| session.seat(channel)) else {
            return;
        };
        let (_, takes_deltas) = self.channels.form(channel, seated.seat);
        let policy = self.channels.options(channel).slow_consumer;
        let lane = self.channels.lane(channel);
        if seated.positioned {
            return self.give_up(connections, channel, id, seated);
        }
        let newest = || u64::from(frame.messages());
        let lost = match policy {
            SlowConsumer::Disconnect => return,
            // With `latest` that is a coming or going, or it has been queued behind one.
            SlowConsumer::Latest => {
                let has_room = self.send_late(connections, id, frame);
                if has_room || !frame.gives_way() { 0 } else { newest() }
            }
            SlowConsumer::DropNewest => newest(),
            SlowConsumer::DropOldest if takes_deltas => u64::from(connections.discard(id, lane)) + newest(),
            SlowConsumer::DropOldest => {
                let oldest = u64::from(connections.drop_oldest(id, lane, frame.len()));
                let has_room = self.send_late(connections, id, frame);
                oldest + if has_room { 0 } else { newest() }
            }
        };
        self.has_lost(channel, id, seated, lost);
    }

    /// Sends a frame of a channel to one who had no room for it when the others got it.
    fn send_late(&self, connections: &mut Connections, id: ConnectionId, frame: &Frame) -> bool {
        let has_room = connections.send_frame(id, frame).is_ok();
        if has_room {
            self.tally().deliveries.add(frame.messages().into());
            self.tally().delivered_bytes.add(frame.len() as u64);
        }
        has_room
    }

    /// Looks what was dropped because something else needed the room.
    pub(super) fn take_shed(&mut self, connections: &mut Connections) {
        for Shed { connection, lane, messages } in connections.take_shed() {
            // Who has left the channel meanwhile misses nothing.
            let Some((channel, seated)) = self.seat_in_lane(connection, lane) else { continue };
            if seated.positioned {
                self.give_up(connections, channel, connection, seated);
                continue;
            }
            let (_, takes_deltas) = self.channels.form(channel, seated.seat);
            let more = if takes_deltas { connections.discard(connection, lane) } else { 0 };
            self.has_lost(channel, connection, seated, u64::from(messages) + u64::from(more));
        }
    }

    /// The subscription whose frames stand in a lane.
    fn seat_in_lane(&self, id: ConnectionId, lane: u32) -> Option<(ChannelNumber, Seated)> {
        let session = self.sessions.get(id)?;
        let channel = session.channels().find(|&channel| self.channels.lane(channel) == lane)?;
        Some((channel, session.seat(channel)?))
    }

    /// A subscriber has lost so many messages of a channel.
    fn has_lost(&mut self, channel: ChannelNumber, id: ConnectionId, seated: Seated, lost: u64) {
        let (wire, _) = self.channels.form(channel, seated.seat);
        let (moved, more) = self.channels.unsettle(channel, seated.seat);
        for (moved, seat) in moved.into_iter().flatten() {
            self.seated(channel, moved, seat);
        }
        let lost = lost + u64::from(more);
        let name = self.channels.name(channel);
        debug!(slot = id.slot(), channel = &**name, lost, "dropped: the client reads too slowly");
        if lost > 0 {
            self.tally().dropped(self.channels.options(channel).slow_consumer).add(lost);
            self.gaps.note(id, wire, name, lost);
        }
    }

    /// A subscription that can recover has lost something: it ends, and the client subscribes again. Where the server has made
    /// it the client cannot: it connects again.
    fn give_up(
        &mut self,
        connections: &mut Connections,
        channel: ChannelNumber,
        id: ConnectionId,
        seated: Seated,
    ) {
        let (wire, _) = self.channels.form(channel, seated.seat);
        let name = Arc::clone(self.channels.name(channel));
        let why = Unsubscribed::INSUFFICIENT_STATE;
        info!(
            slot = id.slot(),
            channel = &*name,
            code = why.code,
            "the client reads too slowly: it has to recover"
        );
        connections.discard(id, self.channels.lane(channel));
        for (moved, seat) in self.channels.remove(channel, seated.seat).into_iter().flatten() {
            self.seated(channel, moved, seat);
        }
        self.ends(id, channel, why);
        match Anew::insufficient_state(seated.by_server) {
            // At most one for each subscription: the client subscribes again when it has read it.
            Anew::Subscribe(why) => _ = connections.send_anyway(id, &unsubscribe(wire, &name, why)),
            // Of other channels, too, what waits may have holes by now.
            Anew::Connect(why) => self.cut(connections, id, &why),
        }
    }

    /// A subscription ends, and with it all that waits of it and may be dropped. If some of it stayed, some of that could be
    /// dropped later, and the client would take what is left for all there was.
    ///
    /// Who is not behind gets it with this turn's flush.
    pub(super) fn discard_waiting(&mut self, connections: &mut Connections, id: ConnectionId, live: &Live) {
        if !connections.is_sending(id) {
            return;
        }
        let lost = connections.discard(id, self.channels.lane(live.channel));
        let is_told =
            !live.positioned && self.channels.options(live.channel).slow_consumer != SlowConsumer::Latest;
        if lost > 0 && is_told {
            let (wire, _) = self.channels.form(live.channel, live.seat);
            self.gaps.note(id, wire, self.channels.name(live.channel), u64::from(lost));
        }
    }

    /// Tells those who have lost something of it. Says when to look again, at the latest.
    pub(super) fn tell_gaps(&mut self, connections: &mut Connections) -> Option<Duration> {
        self.take_shed(connections);
        self.gaps.tell(connections)
    }
}
