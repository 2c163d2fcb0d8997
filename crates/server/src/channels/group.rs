//! The subscribers of a channel that take its messages in one form, and what waits for them.
//!
//! They stand in a dense array, so that a fan-out walks through memory in order. What is published between two fan-outs is
//! framed once, one behind the other, into the group's *run*: one piece of memory and one reference for each subscriber,
//! however many messages it holds.
//!
//! Of those who take deltas, the first `settled` have the publication before, the others (*fresh*) do not and get a run that
//! begins with a whole one. So nobody has to move when the fresh have been settled. Whoever is not to get all of the run has
//! one of its own until the next fan-out: see [`Aside`].
//!
//! Where not everybody gets everything (filters), or newer messages replace older ones (`latest`), each message is a frame
//! of its own: see [`Pieces`].

use std::rc::Rc;
use std::sync::Arc;

use wavecast_hub::{Filter, Publication, StreamPosition};
use wavecast_net::shard::ConnectionId;
use wavecast_net::{Frame, Lane};

use super::forms::{Forms, Shape};
use super::outlet::Outlet;
use super::pieces::{Audience, Pieces, key};
use super::run::{Aside, Run};
use super::seat::Form;
use crate::marks;
use crate::position_list::{Place, PositionList};

/// Runs of those who do not get all of it count this part of a run's length against its limit: they are shorter-lived and
/// fewer than a run's readers, but many of them are not nothing.
const ASIDE_PART: usize = 16;

#[derive(Debug)]
pub(super) struct Group {
    pub(super) form: Form,
    /// Each message is a frame of its own.
    is_pieces: bool,
    members: Vec<ConnectionId>,
    run: Run,
    rare: Option<Box<Rare>>,
}

/// What groups of the usual form have no use for.
#[derive(Debug, Default)]
struct Rare {
    /// Of those who take deltas, so many have the publication before.
    settled: usize,
    /// The run of the others.
    fresh: Run,
    /// It begins with a whole publication.
    fresh_has_base: bool,
    /// In no order until the fan-out.
    asides: Vec<Aside>,
    /// A filter for each member, if the group is filtered.
    filters: Vec<Rc<Filter>>,
    pieces: Pieces,
}

/// How the channel's frames are dropped, if they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropping {
    /// Never.
    No,
    /// In runs, under this lane.
    Runs(u32),
    /// Newer ones replace older ones of the same key.
    Latest(u32),
}

/// A connection and its place in a group.
pub(super) type Placed = (ConnectionId, u32);

impl Dropping {
    fn lane(self) -> Option<u32> {
        match self {
            Self::No => None,
            Self::Runs(lane) | Self::Latest(lane) => Some(lane),
        }
    }

    /// The lane of a frame with several messages.
    fn lane_of_runs(self) -> Option<u32> {
        match self {
            Self::Runs(lane) => Some(lane),
            Self::No | Self::Latest(_) => None,
        }
    }
}

impl Group {
    pub(super) fn new(form: Form, dropping: Dropping) -> Self {
        // Each message says where its reader stands.
        let marks = form.wire.marks_places();
        let is_pieces = marks || form.filtered || matches!(dropping, Dropping::Latest(_));
        Self { form, is_pieces, members: Vec::new(), run: Run::default(), rare: None }
    }

    pub(super) fn members(&self) -> &[ConnectionId] {
        &self.members
    }

    /// Somebody here takes deltas.
    pub(super) fn takes_deltas(&self) -> bool {
        self.form.delta && !self.is_pieces && !self.members.is_empty()
    }

    /// Somebody here has the publication before, and nothing else will do as the base of deltas.
    pub(super) fn has_settled(&self) -> bool {
        self.takes_deltas() && self.settled() > 0
    }

    /// Takes somebody in; gives its place. `has_base`: it has the publication before.
    pub(super) fn add(
        &mut self,
        connection: ConnectionId,
        filter: Option<Rc<Filter>>,
        has_base: bool,
    ) -> u32 {
        debug_assert!(self.is_settled_up(), "what waits is not for who comes");
        self.members.push(connection);
        if let Some(filter) = filter {
            self.rare().filters.push(filter);
        }
        let before = self.members.len() - 1;
        if self.form.delta && has_base && self.settled() == before {
            self.rare().settled += 1;
        }
        before as u32
    }

    /// Takes somebody out. Gives those who stand elsewhere now.
    pub(super) fn remove(&mut self, place: u32) -> [Option<Placed>; 2] {
        let mut hole = place as usize;
        let connection = self.members[hole];
        let mut moved = [None; 2];
        if self.form.delta && hole < self.settled() {
            let last = self.settled() - 1;
            self.rare().settled = last;
            if hole != last {
                self.members[hole] = self.members[last];
                moved[0] = Some((self.members[hole], place));
            }
            hole = last;
        }
        self.members.swap_remove(hole);
        moved[1] = self.members.get(hole).map(|&moved| (moved, hole as u32));
        if let Some(rare) = &mut self.rare {
            rare.asides.retain(|aside| aside.connection != connection);
            if self.form.filtered {
                rare.filters.swap_remove(hole);
            }
        }
        if self.members.is_empty() {
            self.clear();
        }
        moved
    }

    /// Everybody, taken out.
    pub(super) fn remove_all(&mut self) -> Vec<ConnectionId> {
        self.clear();
        std::mem::take(&mut self.members)
    }

    /// Somebody who takes deltas has lost a publication: the next one that it gets is whole. Gives those who stand elsewhere
    /// now. Of what waits it gets nothing: so many messages are lost, too.
    pub(super) fn unsettle(&mut self, place: u32) -> ([Option<Placed>; 2], u32) {
        let connection = self.members[place as usize];
        if !self.form.delta || self.is_pieces {
            return ([None; 2], 0);
        }
        if self.is_settled_up() {
            return (self.move_to_fresh(place as usize), 0);
        }
        if let Some(aside) = self.aside(connection) {
            let lost = aside.run.messages();
            aside.run.clear();
            aside.has_base = false;
            return ([None; 2], lost);
        }
        let lost = self.run_of(place).0.messages();
        self.rare().asides.push(Aside { connection, run: Run::default(), has_base: false });
        ([None; 2], lost)
    }

    /// Puts a publication into the run. `excluded` are members that are not to get it.
    pub(super) fn publication(
        &mut self,
        forms: &mut Forms,
        publication: &Arc<Publication>,
        base: Option<&Arc<Publication>>,
        excluded: &[Placed],
        dropping: Dropping,
        epoch: Option<&Arc<str>>,
    ) {
        let wire = self.form.wire;
        let whole = if self.form.delta { Shape::Whole } else { Shape::Plain };
        if self.is_pieces {
            forms.make(wire, whole, publication, None);
            let key = match dropping {
                Dropping::Latest(_) => Some(key(publication.tags.as_deref())),
                Dropping::No | Dropping::Runs(_) => None,
            };
            // What takes the place of an older one goes out before what is between them: it must not say how far that was.
            let epoch = epoch.filter(|_| wire.marks_places() && key.is_none());
            let mark = epoch.and_then(|epoch| place_of(publication, epoch));
            let excluded = excluded.iter().map(|&(connection, _)| connection).collect();
            let publication = self.form.filtered.then(|| Arc::clone(publication));
            let for_whom = Audience { publication, excluded };
            return self.push_piece(forms.of(wire, whole), mark.as_ref(), dropping, key, for_whom);
        }
        for &member in excluded {
            self.set_aside(member);
        }
        if !self.form.delta {
            forms.make(wire, whole, publication, None);
            let message = forms.of(wire, whole);
            self.run.push(wire, message);
            return self.push_asides(excluded, message, message);
        }
        let has_delta = forms.make(wire, Shape::Delta, publication, base);
        forms.make(wire, whole, publication, None);
        let message = forms.of(wire, whole);
        let next = if has_delta { forms.of(wire, Shape::Delta) } else { message };
        if self.settled() > 0 {
            self.run.push(wire, next);
        }
        if self.settled() < self.members.len() {
            let rare = self.rare();
            let had_base = std::mem::replace(&mut rare.fresh_has_base, true);
            rare.fresh.push(wire, if had_base { next } else { message });
        }
        self.push_asides(excluded, message, next);
    }

    /// Puts a message into the run that is no publication.
    pub(super) fn message(&mut self, message: &[u8], dropping: Dropping) {
        if self.is_pieces {
            return self.push_piece(message, None, dropping, None, Audience::default());
        }
        let wire = self.form.wire;
        if !self.form.delta || self.settled() > 0 {
            self.run.push(wire, message);
        }
        if self.form.delta && self.settled() < self.members.len() {
            self.rare().fresh.push(wire, message);
        }
        if let Some(rare) = &mut self.rare {
            rare.asides.iter_mut().for_each(|aside| aside.run.push(wire, message));
        }
    }

    /// How long what waits is, compared with the longest that a run may be.
    pub(super) fn waiting_bytes(&self) -> usize {
        let Some(rare) = &self.rare else { return self.run.len() };
        let asides: usize = rare.asides.iter().map(|aside| aside.run.len()).sum();
        self.run.len().max(rare.fresh.len()).max(rare.pieces.bytes()).max(asides / ASIDE_PART)
    }

    /// Sends what waits. Those who stand elsewhere now are told to `moved`.
    pub(super) fn send(
        &mut self,
        dropping: Dropping,
        outlet: &mut impl Outlet,
        mut moved: impl FnMut(Placed),
    ) {
        if self.is_pieces {
            if let Some(rare) = &mut self.rare {
                rare.pieces.send(&self.members, &rare.filters, dropping.lane_of_runs(), outlet);
            }
            return;
        }
        let lane = dropping.lane();
        let settled = self.settled();
        let (run, mut asides) = match &mut self.rare {
            None => (None, Vec::new()),
            Some(rare) => {
                ((!rare.fresh.is_empty()).then(|| rare.fresh.take(lane)), std::mem::take(&mut rare.asides))
            }
        };
        asides.sort_unstable_by_key(|aside| aside.connection);
        let mut unsettled = Vec::new();
        if !self.run.is_empty() {
            let frame = self.run.take(lane);
            let members = if self.form.delta { &self.members[..settled] } else { &self.members[..] };
            send_to_others(members, &asides, &frame, outlet);
        }
        if let Some(frame) = run {
            send_to_others(&self.members[settled..], &asides, &frame, outlet);
        }
        for aside in &mut asides {
            if !aside.run.is_empty() {
                outlet.one(aside.connection, &aside.run.take(lane));
            }
        }
        if !self.form.delta {
            return;
        }
        let all = self.members.len();
        let rare = self.rare();
        if std::mem::take(&mut rare.fresh_has_base) {
            rare.settled = all;
        }
        asides.retain(|aside| !aside.has_base);
        if !asides.is_empty() {
            let is_aside =
                |id: &ConnectionId| asides.binary_search_by_key(id, |aside| aside.connection).is_ok();
            let places = self.members[..self.settled()].iter().enumerate();
            unsettled.extend(places.filter(|(_, id)| is_aside(id)).map(|(place, _)| place));
        }
        // From the end, so that no move touches a place that is still to come.
        for place in unsettled.into_iter().rev() {
            self.move_to_fresh(place).into_iter().flatten().for_each(&mut moved);
        }
    }

    fn push_piece(
        &mut self,
        message: &[u8],
        mark: Option<&PositionList>,
        dropping: Dropping,
        key: Option<Box<str>>,
        for_whom: Audience,
    ) {
        let mut framed = Vec::new();
        if let Some(mark) = mark {
            marks::mark(mark, &mut framed);
        }
        self.form.wire.frame(message, &mut framed);
        let lane = dropping.lane().map(|number| Lane { number, key });
        self.rare().pieces.push(&framed, lane, for_whom);
    }

    /// Gives a member a run of its own, with what its group has got until now.
    fn set_aside(&mut self, (connection, place): Placed) {
        if self.aside(connection).is_some() {
            return;
        }
        let (run, has_base) = self.run_of(place);
        let run = run.clone();
        self.rare().asides.push(Aside { connection, run, has_base });
    }

    /// What waits for a member that has no run of its own, and whether it has the publication before then.
    fn run_of(&self, place: u32) -> (&Run, bool) {
        match &self.rare {
            Some(rare) if self.form.delta && place as usize >= rare.settled => {
                (&rare.fresh, rare.fresh_has_base)
            }
            None if self.form.delta => (&self.run, false),
            Some(_) | None => (&self.run, true),
        }
    }

    fn push_asides(&mut self, excluded: &[Placed], whole: &[u8], next: &[u8]) {
        let wire = self.form.wire;
        let Some(rare) = &mut self.rare else { return };
        for aside in &mut rare.asides {
            if excluded.iter().any(|&(connection, _)| connection == aside.connection) {
                aside.has_base = false;
            } else {
                let had_base = std::mem::replace(&mut aside.has_base, true);
                aside.run.push(wire, if had_base { next } else { whole });
            }
        }
    }

    fn aside(&mut self, connection: ConnectionId) -> Option<&mut Aside> {
        self.rare.as_mut()?.asides.iter_mut().find(|aside| aside.connection == connection)
    }

    fn move_to_fresh(&mut self, place: usize) -> [Option<Placed>; 2] {
        let Some(last) = self.settled().checked_sub(1).filter(|&last| place <= last) else {
            return [None; 2];
        };
        self.rare().settled = last;
        if place == last {
            return [None; 2];
        }
        self.members.swap(place, last);
        [place, last].map(|place| Some((self.members[place], place as u32)))
    }

    /// Nothing waits.
    fn is_settled_up(&self) -> bool {
        let is_empty =
            |rare: &Rare| rare.fresh.is_empty() && rare.asides.is_empty() && rare.pieces.is_empty();
        self.run.is_empty() && self.rare.as_deref().is_none_or(is_empty)
    }

    fn settled(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.settled)
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn clear(&mut self) {
        self.run.clear();
        self.rare = None;
    }
}

/// Where somebody stands who has got a publication.
fn place_of(publication: &Publication, epoch: &Arc<str>) -> Option<PositionList> {
    (publication.offset > 0).then(|| {
        let position = StreamPosition { offset: publication.offset, epoch: Arc::clone(epoch) };
        [Place { channel: (&*publication.channel).into(), position }].into_iter().collect()
    })
}

fn send_to_others(members: &[ConnectionId], asides: &[Aside], frame: &Frame, outlet: &mut impl Outlet) {
    if asides.is_empty() {
        return outlet.all(members, frame);
    }
    for &member in members {
        if asides.binary_search_by_key(&member, |aside| aside.connection).is_err() {
            outlet.one(member, frame);
        }
    }
}
