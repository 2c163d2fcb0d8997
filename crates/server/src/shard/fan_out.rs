//! From publications to subscribers: collected while events are taken, sent once a turn.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;
use wavecast_hub::{Membership, Publication};
use wavecast_net::shard::{ConnectionId, Connections, FanOut, SendError};
use wavecast_net::{Bundle, Frame};
use wavecast_protocol::centrifuge::Unsubscribed;

use super::PushShard;
use super::partings::unsubscribe;
use crate::channels::{Appended, ChannelNumber, Outlet, Seat};
use crate::marks;
use crate::session::{Anew, client_of_name};

impl PushShard {
    /// A publication has come in.
    pub(super) fn publication(&mut self, connections: &mut Connections, publication: &Arc<Publication>) {
        let excluded = self.excluded(publication);
        match self.channels.append(publication, &excluded) {
            Appended::Taken => {}
            Appended::Gap(channel) => self.insufficient_state(connections, channel),
        }
    }

    /// Somebody has come into a channel or gone out of it.
    pub(super) fn membership(&mut self, membership: &Membership, joined: bool) {
        self.channels.append_membership(&membership.channel, &membership.info, joined);
    }

    /// The subscribers on this shard that are not to be sent a publication.
    fn excluded(&self, publication: &Publication) -> Vec<(ConnectionId, Seat)> {
        let Some(clients) = &publication.exclude else { return Vec::new() };
        let Some(channel) = self.channels.find(&publication.channel) else { return Vec::new() };
        let seat = |client: &str| {
            let session = self.session_of(&client_of_name(client)?)?;
            Some((session.connection, session.seat(channel)?.seat))
        };
        clients.iter().filter_map(|client| seat(client)).collect()
    }

    /// Sends the runs of this turn. Some wait for an earlier wave of their channel: says when to look again, at the latest.
    ///
    /// A subscriber is written to once per wave: what is published while the last wave is still on its way goes with the next.
    pub(super) fn send_runs(&mut self, connections: &mut Connections) -> Option<Duration> {
        let now = connections.now();
        self.channels.end_waves(now, |wave| connections.is_under_way(wave));
        if !self.channels.has_pending() {
            return None;
        }
        let pending = self.channels.take_pending();
        let mut again = None::<Duration>;
        for &channel in &pending {
            if let Some(wait) = self.channels.has_to_wait(channel, now) {
                again = Some(again.map_or(wait, |again| again.min(wait)));
                self.channels.keep_pending(channel);
            } else {
                self.send_run(connections, channel);
            }
        }
        self.channels.recycle(pending);
        again
    }

    /// Sends what a channel's run holds to its subscribers.
    pub(super) fn send_run(&mut self, connections: &mut Connections, channel: ChannelNumber) {
        if !self.channels.is_pending(channel) {
            return;
        }
        // Who has lost something takes no delta any more, and may be no subscriber.
        self.take_shed(connections);
        let fan_out = connections.begin(self.channels.size(channel));
        let elsewhere = self.places_elsewhere(channel);
        let mut outlet =
            Outboxes { connections, fan_out, refused: Vec::new(), elsewhere, messages: 0, bytes: 0 };
        let sessions = &mut self.sessions;
        self.channels.send(channel, &mut outlet, |id, seat| {
            if let Some(session) = sessions.get_mut(id) {
                session.seated(channel, seat);
            }
        });
        let Outboxes { connections, fan_out, refused, messages, bytes, .. } = outlet;
        let tally = &self.node.metrics().shards[usize::from(self.id.0)];
        tally.deliveries.add(messages);
        tally.delivered_bytes.add(bytes);
        if let Some(wave) = connections.launch(fan_out) {
            self.channels.launched(channel, wave, connections.now());
        }
        for (id, frame) in refused {
            self.has_no_room(connections, channel, id, &frame);
        }
    }

    /// A connection has this seat in a channel from now on.
    pub(super) fn seated(&mut self, channel: ChannelNumber, id: ConnectionId, seat: Seat) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.seated(channel, seat);
        }
    }

    /// Something is missing in a channel's stream: its subscribers are told to subscribe again and recover.
    pub(super) fn insufficient_state(&mut self, connections: &mut Connections, channel: ChannelNumber) {
        // Of what has been dropped until now, while everybody still has a seat.
        self.take_shed(connections);
        let name = self.channels.name(channel).clone();
        let mut to_connect = Vec::new();
        let why = Unsubscribed::INSUFFICIENT_STATE;
        warn!(channel = &*name, code = why.code, "a publication is missing: subscribers have to recover");
        for (wire, subscribers) in self.channels.remove_all(channel) {
            let lane = self.channels.lane(channel);
            // What is left of what waits must not be taken for all of it: the client recovers from what it has got.
            subscribers.iter().for_each(|&id| _ = connections.discard(id, lane));
            let mut to_subscribe = Vec::with_capacity(subscribers.len());
            for &id in &subscribers {
                let seated = self.sessions.get(id).and_then(|session| session.seat(channel));
                match Anew::insufficient_state(seated.is_some_and(|seated| seated.by_server)) {
                    Anew::Subscribe(_) => to_subscribe.push(id),
                    Anew::Connect(why) => to_connect.push((id, why)),
                }
            }
            connections.fan_out(&to_subscribe, &unsubscribe(wire, &name, why));
            subscribers.into_iter().for_each(|id| self.ends(id, channel, why));
        }
        for (id, why) in to_connect {
            self.disconnect(connections, id, why);
        }
    }
}

/// The outboxes of the shard, as a channel sends to them.
struct Outboxes<'c> {
    connections: &'c mut Connections,
    fan_out: FanOut,
    /// Frames that give way and did not fit.
    refused: Vec<(ConnectionId, Frame)>,
    /// Where those stand elsewhere who are told where they stand.
    elsewhere: HashMap<ConnectionId, String>,
    /// What was queued.
    messages: u64,
    bytes: u64,
}

impl Outboxes<'_> {
    fn queue(&mut self, target: ConnectionId, frame: &Frame) {
        let queued = self.connections.add(&mut self.fan_out, target, frame);
        if queued.is_ok() {
            self.count(frame);
        }
        // Who has ended is about to be forgotten; a frame that does not give way is reported as an overflow.
        if queued == Err(SendError::Full) && frame.gives_way() {
            self.refused.push((target, frame.clone()));
        }
    }
}

impl Outboxes<'_> {
    fn count(&mut self, frame: &Frame) {
        self.messages += u64::from(frame.messages());
        self.bytes += frame.len() as u64;
    }
}

impl Outlet for Outboxes<'_> {
    fn all(&mut self, targets: &[ConnectionId], frame: &Frame) {
        for &target in targets {
            self.queue(target, frame);
        }
    }

    fn one(&mut self, target: ConnectionId, frame: &Frame) {
        let own = self.elsewhere.get(&target).map(|others| with_others(frame, others));
        let frame = own.as_ref().unwrap_or(frame);
        // What follows a frame that did not fit waits for what becomes of that: the order is kept.
        if self.refused.last().is_some_and(|(refused, _)| *refused == target) {
            self.refused.push((target, frame.clone()));
        } else {
            self.queue(target, frame);
        }
    }

    fn some(&mut self, target: ConnectionId, bundle: &Bundle, wants: &mut dyn FnMut(usize) -> bool) {
        if self.elsewhere.contains_key(&target) {
            let frames = bundle.frames().iter().enumerate();
            return frames.filter(|(index, _)| wants(*index)).for_each(|(_, frame)| self.one(target, frame));
        }
        let Self { connections, fan_out, messages, bytes, .. } = self;
        let added = connections.add_some(fan_out, target, bundle, |index| {
            let wants = wants(index);
            if wants {
                *messages += u64::from(bundle.frames()[index].messages());
                *bytes += bundle.frames()[index].len() as u64;
            }
            wants
        });
        let Err((first, error)) = added else { return };
        // It was wanted, and not queued.
        self.messages -= u64::from(bundle.frames()[first].messages());
        self.bytes -= bundle.frames()[first].len() as u64;
        if error != SendError::Full {
            return;
        }
        if !bundle.frames()[first].gives_way() {
            return;
        }
        let rest = (first + 1..bundle.frames().len()).filter(|&index| wants(index));
        let refused = std::iter::once(first).chain(rest);
        self.refused.extend(refused.map(|index| (target, bundle.frames()[index].clone())));
    }

    fn is_idle(&self, target: ConnectionId) -> bool {
        self.connections.is_idle(target)
    }
}

/// The same for somebody who reads other channels as well.
fn with_others(frame: &Frame, others: &str) -> Frame {
    let bytes = marks::with_others(frame, others);
    match frame.lane() {
        Some(lane) => Frame::in_lane(&bytes, lane.clone(), frame.messages()),
        None => Frame::from(bytes.into_boxed_slice()),
    }
}
