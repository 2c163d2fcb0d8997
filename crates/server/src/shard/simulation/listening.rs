//! The book of one subscription: what it has to hear next, and what it has lost.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wavecast_hub::delta;
use wavecast_protocol::centrifuge::{ClientInfo, Encoding, Publication, json};

use super::kind::{Kind, Slow};
use super::record::{Channel, Entry};

/// The tag that filters ask for.
pub(super) const COLOR: &str = "color";
/// The tag of which the newest value counts.
pub(super) const KEY: &str = "key";
const PAYLOAD_BYTES_MAX: usize = 1 << 20;

/// How somebody wants to hear a channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taste {
    pub(super) delta: bool,
    pub(super) join_leave: bool,
    pub(super) color: Option<&'static str>,
}

/// A channel as one client hears it.
pub(super) struct Ear<'e> {
    pub(super) name: &'e str,
    pub(super) kind: &'static Kind,
    pub(super) log: &'e Channel,
    pub(super) encoding: Encoding,
    /// The id of the session.
    pub(super) me: &'e str,
    pub(super) room: Room,
}

/// How much room there was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// No shard was short of it for a coming or going.
    pub(super) is_told_all: bool,
    /// Outboxes are so small that anybody may be found slow.
    pub(super) is_tight: bool,
}

/// One live subscription.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) taste: Taste,
    /// The client cannot begin it anew.
    pub(super) by_server: bool,
    /// The back end had ended it before it was made: nothing but its end may come.
    pub(super) is_void: bool,
    next: Next,
    /// The payload before, for deltas.
    base: Option<Vec<u8>>,
    /// Which coming or going is next, as far as that is known.
    member: RangeInclusive<usize>,
    has_heard_itself: bool,
    /// With `latest`: the newest publication of each key.
    newest: BTreeMap<String, usize>,
    /// Publications that were dropped: so many at least, and at most.
    missed: (u64, u64),
}

/// The publication that has to come next, by its place among the entries.
#[derive(Clone, Debug)]
pub(super) enum Next {
    At(usize),
    /// The channel does not count, so the first one says where the subscription began.
    Within(RangeInclusive<usize>),
}

impl Taste {
    /// Whether a publication is to be had by recovery.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        let color = || entry.tags.as_ref()?.get(COLOR).map(String::as_str);
        self.color.is_none_or(|wanted| color() == Some(wanted))
    }
}

impl Listening {
    /// `members`: how many comings and goings there were, at least and at most, when it began.
    pub(super) fn new(taste: Taste, next: Next, members: RangeInclusive<usize>) -> Self {
        let (newest, base) = (BTreeMap::new(), None);
        Self {
            taste,
            by_server: false,
            is_void: false,
            next,
            base,
            member: members,
            has_heard_itself: false,
            newest,
            missed: (0, 0),
        }
    }

    /// The server has made it.
    pub(super) fn made_by_server(self, by_server: bool) -> Self {
        Self { by_server, ..self }
    }

    /// It is given a publication with the reply: the one at this place.
    pub(super) fn is_given(&mut self, place: usize, publication: &Publication<'_>, ear: &Ear<'_>) {
        let entry = &ear.log.entries[place];
        let payload = self.payload(publication, ear);
        assert_eq!(publication.offset, entry.offset, "given in {}", ear.name);
        assert_eq!(payload, ear.heard(entry), "given in {}", ear.name);
        self.base = Some(payload);
        self.next = Next::At(place + 1);
    }

    /// What is pushed from now on follows that place.
    pub(super) fn starts_at(&mut self, place: usize) {
        self.next = Next::At(place);
    }

    /// A publication is pushed to it.
    pub(super) fn hears(&mut self, publication: &Publication<'_>, ear: &Ear<'_>) {
        assert!(!self.is_void, "{} was ended before, and there is {publication:?}", ear.name);
        let payload = self.payload(publication, ear);
        let place = match (ear.kind.slow, &self.next) {
            (Slow::Latest, _) => self.place_of(&payload, self.start(), ear),
            (_, Next::At(at)) if ear.kind.is_lossy() => self.place_of(&payload, *at, ear),
            (_, Next::At(at)) => self.wanted_from(*at, ear).unwrap_or_else(|| {
                panic!("nothing more was published in {}, and there is {publication:?}", ear.name)
            }),
            (_, Next::Within(range)) => {
                let place = self.place_of(&payload, *range.start(), ear);
                let is_first = self.wanted_from(place.min(*range.end()), ear) == Some(place);
                assert!(
                    is_first || ear.kind.is_lossy(),
                    "{} begins with {place}, not in {range:?}",
                    ear.name
                );
                place
            }
        };
        let entry = &ear.log.entries[place];
        assert!(self.is_for(entry, ear), "{publication:?} of {} is not for it", ear.name);
        assert_eq!(publication.offset, entry.offset, "the next one of {}: {publication:?}", ear.name);
        assert_eq!(
            String::from_utf8_lossy(&payload),
            String::from_utf8_lossy(&ear.heard(entry)),
            "the next one of {}",
            ear.name
        );
        self.base = Some(payload);
        if ear.kind.slow == Slow::Latest {
            let before = self.newest.insert(key(entry), place);
            assert!(before < Some(place), "what is older comes later in {}", ear.name);
            return;
        }
        self.misses(place, ear);
        self.members_before(place, ear);
        self.next = Next::At(place + 1);
    }

    /// It is told that somebody came or went.
    pub(super) fn hears_of(&mut self, joined: bool, info: &ClientInfo<'_>, ear: &Ear<'_>) {
        assert!(self.taste.join_leave, "nobody has asked who is in {}", ear.name);
        let members = &ear.log.members;
        let from = *self.member.start();
        let is_it = |n: &usize| members[*n].joined == joined && members[*n].client == info.client;
        let at = (from..members.len()).find(is_it);
        let at = at.unwrap_or_else(|| panic!("{info:?} in {}: joined {joined}, from {from}", ear.name));
        // While nobody knows when it began, it may be a later one that is just the same.
        let last = (at..members.len()).take_while(|at| at <= self.member.end()).filter(is_it).last();
        let last = last.unwrap_or(at);
        assert_eq!(members[at].user, info.user);
        assert!(
            !ear.room.is_told_all || at <= *self.member.end(),
            "{} comings too few in {}",
            at - self.member.end(),
            ear.name
        );
        if let Next::At(next) = self.next {
            let is_late = self.wanted_from(next, ear).is_some_and(|next| next < members[at].at);
            assert!(!is_late, "{info:?} overtakes a publication of {}", ear.name);
        }
        self.has_heard_itself |= joined && info.client == ear.me;
        self.member = at + 1..=last + 1;
    }

    /// What it has lost, at least and at most, when nothing is under way any more. It has lost nothing unless the channel
    /// drops, and then with `latest` nothing that is newest.
    pub(super) fn expect_everything(&self, ear: &Ear<'_>) -> (u64, u64) {
        let (name, kind) = (ear.name, ear.kind);
        if self.taste.join_leave && ear.room.is_told_all {
            assert!(self.has_heard_itself, "it never heard itself coming into {name}");
            let all = ear.log.members.len();
            assert!(
                self.member.contains(&all),
                "{all} came to {name} or went, it has heard of {:?}",
                self.member
            );
        }
        if kind.slow == Slow::Latest {
            let (sure, entries) = (self.sure_start(), &ear.log.entries);
            for (place, entry) in entries.iter().enumerate().skip(sure).filter(|(_, e)| self.is_for(e, ear)) {
                let newest = self.newest.get(&key(entry)).copied();
                assert!(newest >= Some(place), "the newest of {name}: {place}, not {newest:?}");
            }
            return (0, 0);
        }
        let sure = self.wanted_from(self.sure_start(), ear);
        if !kind.is_lossy() {
            assert_eq!(sure, None, "{name} has more for it: {:?} of {}", self.next, ear.log.entries.len());
        }
        let (least, most) = self.missed_up_to(ear.log.entries.len(), ear);
        (self.missed.0 + least, self.missed.1 + most)
    }

    /// What it may have lost at most, now that it is over.
    pub(super) fn most_missed(&self, ear: &Ear<'_>) -> u64 {
        self.missed.1 + self.missed_up_to(ear.log.entries.len(), ear).1
    }

    fn payload(&self, publication: &Publication<'_>, ear: &Ear<'_>) -> Vec<u8> {
        let is_text = self.taste.delta && ear.encoding == Encoding::Json;
        let data = if is_text {
            let text = json::string_text(publication.data);
            let text = text.unwrap_or_else(|| panic!("no text for who takes deltas: {publication:?}"));
            Cow::Owned(text.as_bytes().to_vec())
        } else {
            Cow::Borrowed(publication.data)
        };
        if !publication.delta {
            return data.into_owned();
        }
        assert!(self.taste.delta, "a delta unasked for: {publication:?}");
        let base = self.base.as_ref().unwrap_or_else(|| panic!("a delta to nothing: {publication:?}"));
        delta::apply(base, &data, PAYLOAD_BYTES_MAX).unwrap()
    }

    fn is_for(&self, entry: &Entry, ear: &Ear<'_>) -> bool {
        self.taste.wants(entry) && !ear.is_deaf_to(entry)
    }

    /// The first publication from here on that it is to get.
    fn wanted_from(&self, place: usize, ear: &Ear<'_>) -> Option<usize> {
        let mut entries = ear.log.entries.iter().enumerate().skip(place);
        entries.find(|(_, entry)| self.is_for(entry, ear)).map(|(place, _)| place)
    }

    /// Payloads tell publications apart.
    fn place_of(&self, payload: &[u8], from: usize, ear: &Ear<'_>) -> usize {
        let mut entries = ear.log.entries.iter().enumerate().skip(from);
        let found = entries.find(|(_, entry)| ear.heard(entry) == payload);
        let text = || String::from_utf8_lossy(payload).into_owned();
        found.unwrap_or_else(|| panic!("{} of {} comes from nowhere, or too late", text(), ear.name)).0
    }

    /// What it began with, at the earliest.
    fn start(&self) -> usize {
        match &self.next {
            Next::At(at) => *at,
            Next::Within(range) => *range.start(),
        }
    }

    /// From here on it was there for sure.
    fn sure_start(&self) -> usize {
        match &self.next {
            Next::At(at) => *at,
            Next::Within(range) => *range.end(),
        }
    }

    fn misses(&mut self, place: usize, ear: &Ear<'_>) {
        let (least, most) = self.missed_up_to(place, ear);
        assert!(least == 0 || ear.kind.is_lossy(), "{least} lost before {place} of {}", ear.name);
        self.missed = (self.missed.0 + least, self.missed.1 + most);
    }

    fn missed_up_to(&self, end: usize, ear: &Ear<'_>) -> (u64, u64) {
        let count = |from: usize| {
            let entries = ear.log.entries.get(from..end).unwrap_or_default();
            entries.iter().filter(|entry| self.is_for(entry, ear)).count() as u64
        };
        (count(self.sure_start()), count(self.start()))
    }

    /// Who came or went before a publication has been told of before it.
    fn members_before(&mut self, place: usize, ear: &Ear<'_>) {
        if !self.taste.join_leave {
            return;
        }
        let before = ear.log.members.partition_point(|member| member.at <= place);
        let (low, high) = (*self.member.start(), *self.member.end());
        assert!(!ear.room.is_told_all || before <= high, "{} goings too few in {}", before - high, ear.name);
        self.member = low.max(before)..=high.max(before);
    }
}

impl Ear<'_> {
    /// Whether a publication is meant for everybody but this client.
    pub(super) fn is_deaf_to(&self, entry: &Entry) -> bool {
        entry.exclude.as_ref().is_some_and(|excluded| excluded.iter().any(|id| **id == *self.me))
    }

    /// A payload as this client gets it.
    pub(super) fn heard(&self, entry: &Entry) -> Vec<u8> {
        match (self.encoding, entry.is_json) {
            (Encoding::Json, false) => format!("\"{}\"", STANDARD.encode(&entry.data)).into_bytes(),
            _ => entry.data.clone(),
        }
    }
}

fn key(entry: &Entry) -> String {
    entry.tags.as_ref().and_then(|tags| tags.get(KEY)).cloned().unwrap_or_default()
}
