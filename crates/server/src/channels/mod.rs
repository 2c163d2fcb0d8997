//! The channels that a shard has subscribers of: who they are, and what was published since the last turn.
//!
//! - `seat`: what a subscriber wants to hear, and where it stands
//! - `channel`: one of them; `group`: its subscribers that take one form, and what waits for them
//! - `run`, `pieces`: what waits, for those who get all of it and where not everybody does
//! - `forms`: a message in the forms that groups want, each encoded once
//! - `wave`: a channel's fan-outs do not overtake each other; `outlet`: where they go
//!
//! The usual channel has one group. All groups of a channel are sent to at once.

mod channel;
mod forms;
mod group;
mod outlet;
mod pieces;
mod run;
mod seat;
#[cfg(test)]
mod tests;
mod wave;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::position_list::Place;
use crate::wire_form::WireForm;
use wavecast_hub::{ChannelOptions, ClientInfo, Publication, StreamPosition};
use wavecast_net::shard::{ConnectionId, WaveId};

use self::channel::Channel;
use self::forms::{Forms, Shape};
use self::group::{Group, Placed};
pub(crate) use self::outlet::Outlet;
pub(crate) use self::seat::{Listener, Moved, Seat};
use self::wave::Wave;

/// A channel's number on its shard; used again when nobody is left in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct ChannelNumber(u32);

/// The channels of one shard.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    numbers: HashMap<Arc<str>, ChannelNumber>,
    table: Vec<Channel>,
    free: Vec<ChannelNumber>,
    /// Channels whose run is not empty.
    pending: Vec<ChannelNumber>,
    /// Some run is as long as it may be.
    full: bool,
    /// Channels with a wave that was under way when last looked at.
    waves: Vec<ChannelNumber>,
    forms: Forms,
    /// The lane that was given last.
    lanes: u32,
}

/// What became of a publication.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Appended {
    /// It stands in the run, or nobody wants it.
    Taken,
    /// Something is missing before it: who watches its position must be told.
    Gap(ChannelNumber),
}

impl Channels {
    /// The number of a channel that somebody on this shard is in.
    pub(crate) fn find(&self, name: &str) -> Option<ChannelNumber> {
        self.numbers.get(name).copied()
    }

    /// Somebody wants to be in the channel: [`Channels::release`] takes it back.
    pub(crate) fn enter(&mut self, name: &str, options: &Arc<ChannelOptions>) -> ChannelNumber {
        if let Some(number) = self.find(name) {
            self.at(number).interested += 1;
            return number;
        }
        let name: Arc<str> = name.into();
        self.lanes = self.lanes.wrapping_add(1);
        let channel = Channel {
            name: Arc::clone(&name),
            options: Arc::clone(options),
            lane: self.lanes,
            interested: 1,
            is_pending: false,
            groups: Vec::new(),
            base: None,
            offset: 0,
            sent: 0,
            epoch: None,
            wave: Wave::None,
        };
        let number = if let Some(number) = self.free.pop() {
            *self.at(number) = channel;
            number
        } else {
            self.table.push(channel);
            ChannelNumber(u32::try_from(self.table.len() - 1).expect("no shard has 2^32 connections"))
        };
        self.numbers.insert(name, number);
        number
    }

    /// Somebody is not interested any more. Gives the name when nobody is.
    pub(crate) fn release(&mut self, number: ChannelNumber) -> Option<Arc<str>> {
        let channel = self.at(number);
        channel.interested -= 1;
        if channel.interested > 0 {
            return None;
        }
        debug_assert!(channel.has_no_subscribers());
        channel.groups = Vec::new();
        channel.base = None;
        let name = Arc::clone(&channel.name);
        self.numbers.remove(&name);
        self.free.push(number);
        Some(name)
    }

    /// A connection goes live; gives its seat. What is in the run is not for it: send it before.
    pub(crate) fn add(
        &mut self,
        number: ChannelNumber,
        connection: ConnectionId,
        listener: Listener,
    ) -> Seat {
        self.at(number).add(connection, listener)
    }

    /// Takes a connection out. Gives those who stand elsewhere now.
    pub(crate) fn remove(&mut self, number: ChannelNumber, seat: Seat) -> Moved {
        let channel = self.at(number);
        let moved = channel.groups[usize::from(seat.group)].remove(seat.place);
        if !channel.groups.iter().any(Group::takes_deltas) {
            channel.base = None;
        }
        in_group(seat.group, moved)
    }

    /// The subscribers of a channel, all taken out, by the form in which they are written to.
    pub(crate) fn remove_all(&mut self, number: ChannelNumber) -> Vec<(WireForm, Vec<ConnectionId>)> {
        let channel = self.at(number);
        channel.base = None;
        channel.groups.iter_mut().map(|group| (group.form.wire, group.remove_all())).collect()
    }

    /// A subscriber has lost something that was on its way to it: if it takes deltas, the next publication that it gets is
    /// whole. Gives those who stand elsewhere now, and how many messages more are lost to it.
    pub(crate) fn unsettle(&mut self, number: ChannelNumber, seat: Seat) -> (Moved, u32) {
        let (moved, lost) = self.at(number).groups[usize::from(seat.group)].unsettle(seat.place);
        (in_group(seat.group, moved), lost)
    }

    /// The name of a channel.
    pub(crate) fn name(&self, number: ChannelNumber) -> &Arc<str> {
        &self.table[number.0 as usize].name
    }

    /// The options of a channel.
    pub(crate) fn options(&self, number: ChannelNumber) -> &Arc<ChannelOptions> {
        &self.table[number.0 as usize].options
    }

    /// How somebody is written to who takes a channel, and whether it takes deltas.
    pub(crate) fn form(&self, number: ChannelNumber, seat: Seat) -> (WireForm, bool) {
        let group = &self.table[number.0 as usize].groups[usize::from(seat.group)];
        (group.form.wire, group.form.delta)
    }

    /// How many subscribers a channel has here.
    pub(crate) fn size(&self, number: ChannelNumber) -> usize {
        self.table[number.0 as usize].groups.iter().map(|group| group.members().len()).sum()
    }

    /// From here on the channel's offsets are watched, if they were not before.
    pub(crate) fn starts_at(&mut self, number: ChannelNumber, position: &StreamPosition) {
        let channel = self.at(number);
        if channel.has_no_subscribers() {
            (channel.offset, channel.sent) = (position.offset, position.offset);
        }
        if channel.epoch.as_ref() != Some(&position.epoch) {
            channel.epoch = (!position.epoch.is_empty()).then(|| Arc::clone(&position.epoch));
        }
    }

    /// Where the subscribers of a channel stand who have got all that was sent.
    pub(crate) fn place(&self, number: ChannelNumber) -> Option<Place> {
        let Channel { name, sent, epoch, .. } = &self.table[number.0 as usize];
        let position = StreamPosition { offset: *sent, epoch: Arc::clone(epoch.as_ref()?) };
        Some(Place { channel: (&**name).into(), position })
    }

    /// The subscribers of a channel that are written to in this form.
    pub(crate) fn written_to_in(
        &self,
        number: ChannelNumber,
        form: WireForm,
    ) -> impl Iterator<Item = ConnectionId> {
        let groups = self.table[number.0 as usize].groups.iter().filter(move |group| group.form.wire == form);
        groups.flat_map(|group| group.members().iter().copied())
    }

    /// How many places the table of channels has, those in use and the others.
    pub(crate) fn places(&self) -> usize {
        self.table.len()
    }

    /// The channels in some places of the table whose subscribers' position is watched.
    pub(crate) fn watched(&self, places: Range<usize>) -> impl Iterator<Item = &Arc<str>> {
        let channels = self.table.get(places).unwrap_or_default().iter();
        let is_watched = |channel: &&Channel| channel.options.has_stream() && !channel.has_no_subscribers();
        channels.filter(is_watched).map(|channel| &channel.name)
    }

    /// The channel, if its subscribers have not been given all up to an offset.
    pub(crate) fn behind(&self, name: &str, offset: u64) -> Option<ChannelNumber> {
        let number = self.find(name)?;
        let channel = &self.table[number.0 as usize];
        (!channel.has_no_subscribers() && channel.offset < offset).then_some(number)
    }

    /// Puts a publication into its channel's run. `excluded` are subscribers that are not to be sent it.
    pub(crate) fn append(
        &mut self,
        publication: &Arc<Publication>,
        excluded: &[(ConnectionId, Seat)],
    ) -> Appended {
        let Some(number) = self.find(&publication.channel) else { return Appended::Taken };
        let channel = &mut self.table[number.0 as usize];
        if channel.has_no_subscribers() {
            return Appended::Taken;
        }
        if publication.offset > 0 {
            if publication.offset <= channel.offset {
                return Appended::Taken;
            }
            if publication.offset > channel.offset + 1 {
                return Appended::Gap(number);
            }
            channel.offset = publication.offset;
        }
        self.forms.begin();
        channel.publication(publication, excluded, &mut self.forms);
        self.note_pending(number);
        Appended::Taken
    }

    /// Puts a join or leave into its channel's run, for those who are told of them.
    pub(crate) fn append_membership(&mut self, channel: &str, info: &ClientInfo, joined: bool) {
        let Some(number) = self.find(channel) else { return };
        let channel = &mut self.table[number.0 as usize];
        let dropping = channel.dropping();
        self.forms.begin();
        let mut is_wanted = false;
        for group in channel.groups.iter_mut().filter(|g| g.form.join_leave && !g.members().is_empty()) {
            self.forms.make_membership(group.form.wire, &channel.name, info, joined);
            group.message(self.forms.of(group.form.wire, Shape::Plain), dropping);
            is_wanted = true;
        }
        if is_wanted {
            self.note_pending(number);
        }
    }

    fn note_pending(&mut self, number: ChannelNumber) {
        let channel = &mut self.table[number.0 as usize];
        self.full |= channel.is_full();
        if !std::mem::replace(&mut channel.is_pending, true) {
            self.pending.push(number);
        }
    }

    /// Channels with something to send. Give the list back with [`Channels::recycle`].
    pub(crate) fn take_pending(&mut self) -> Vec<ChannelNumber> {
        self.full = false;
        std::mem::take(&mut self.pending)
    }

    /// The channel's run has to wait for a wave: look again next turn.
    pub(crate) fn keep_pending(&mut self, number: ChannelNumber) {
        self.full |= self.at(number).is_full();
        self.pending.push(number);
    }

    /// Takes the memory of a list back that has been worked through.
    pub(crate) fn recycle(&mut self, mut list: Vec<ChannelNumber>) {
        list.clear();
        list.append(&mut self.pending);
        self.pending = list;
    }

    /// Nobody is in any channel.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.is_empty() && self.free.len() == self.table.len()
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The lane of a channel's frames, where they may be dropped.
    pub(crate) fn lane(&self, number: ChannelNumber) -> u32 {
        self.table[number.0 as usize].lane
    }

    /// Whether something waits for the subscribers of a channel.
    pub(crate) fn is_pending(&self, number: ChannelNumber) -> bool {
        self.table[number.0 as usize].is_pending
    }

    /// Whether some run is as long as it may be.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// A fan-out of the channel has begun that takes more than a turn.
    pub(crate) fn launched(&mut self, number: ChannelNumber, id: WaveId, now: Instant) {
        if self.at(number).wave.launched(id, now) {
            self.waves.push(number);
        }
    }

    /// Looks which waves have ended.
    pub(crate) fn end_waves(&mut self, now: Instant, is_under_way: impl Fn(WaveId) -> bool) {
        let table = &mut self.table;
        self.waves.retain(|number| table[number.0 as usize].wave.look(now, &is_under_way));
    }

    /// How long the channel's run has to wait for its wave to end (zero: nobody knows) or its rest to be over.
    pub(crate) fn has_to_wait(&mut self, number: ChannelNumber, now: Instant) -> Option<Duration> {
        let channel = self.at(number);
        let is_full = channel.is_full();
        channel.wave.has_to_wait(now, is_full)
    }

    /// Sends what waits for the subscribers of a channel. Those who have another seat now are told to `moved`.
    pub(crate) fn send(
        &mut self,
        number: ChannelNumber,
        outlet: &mut impl Outlet,
        mut moved: impl FnMut(ConnectionId, Seat),
    ) {
        let channel = self.at(number);
        channel.is_pending = false;
        channel.sent = channel.offset;
        let dropping = channel.dropping();
        for (index, group) in channel.groups.iter_mut().enumerate() {
            group.send(dropping, outlet, |(connection, place)| {
                moved(connection, Seat { place, group: index as u8 });
            });
        }
    }

    fn at(&mut self, number: ChannelNumber) -> &mut Channel {
        &mut self.table[number.0 as usize]
    }
}

fn in_group(group: u8, moved: [Option<Placed>; 2]) -> Moved {
    moved.map(|moved| moved.map(|(connection, place)| (connection, Seat { place, group })))
}
