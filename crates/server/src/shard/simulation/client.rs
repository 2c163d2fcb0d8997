//! A client that keeps books: what it asked for, what it was told, and what it has to hear next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use wavecast_net::driver::simulated::Network;
use wavecast_protocol::centrifuge::{
    Command, ConnectRequest, Error, HistoryRequest, HistoryResult, Publication, PublishRequest, Push, Reply,
    Request, Res, ServerMessage, StreamPosition, SubscribeRequest, SubscribeResult, UnsubscribeRequest, json,
};

use super::peer::Peer;
use super::record::Record;
use super::world::{LONG_HISTORY, RECOVERY_MAX, SHORT_HISTORY};

/// An offset and its epoch.
type Position = (u64, String);

pub(super) struct Client {
    peer: Peer,
    last_id: u32,
    /// Commands that have not been sent yet, a line each.
    unsent: String,
    /// Commands without a reply so far.
    asked: BTreeMap<u32, Asked>,
    connected: bool,
    subscriptions: BTreeMap<String, Next>,
    /// The last position seen in each channel; it outlives connections.
    positions: BTreeMap<String, Position>,
    /// It has not read for some time since it connected, and may be sent away for that.
    pub(super) was_slow: bool,
    reads: bool,
    was_pinged: bool,
}

/// A command that waits for its reply.
#[derive(Debug)]
enum Asked {
    Connect,
    /// `known`: how many publications the channel had at least when the hub was asked.
    Subscribe {
        channel: String,
        recover: Option<Position>,
        or_error: bool,
        twice: bool,
        known: usize,
    },
    Unsubscribe {
        channel: String,
    },
    Publish {
        channel: String,
        data: String,
    },
    History {
        channel: String,
        since: Option<Position>,
        limit: i32,
        known: usize,
    },
}

/// The publication that has to come next, by its place in the record.
#[derive(Debug)]
enum Next {
    At(usize),
    /// The channel does not count, so the first one says where the subscription began.
    Within(RangeInclusive<usize>),
}

/// What became of publications, as their publishers were told.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) taken: BTreeSet<(String, String)>,
    pub(super) refused: BTreeSet<(String, String)>,
}

impl Client {
    /// A client that begins to connect. `before`: the one whose place it takes, and whose positions it knows.
    pub(super) fn connect(network: &Network, before: Option<Self>) -> Self {
        let mut client = Self {
            peer: Peer::connect(network),
            last_id: 0,
            unsent: String::new(),
            asked: BTreeMap::new(),
            connected: false,
            subscriptions: BTreeMap::new(),
            positions: before.map(|before| before.positions).unwrap_or_default(),
            was_slow: false,
            reads: true,
            was_pinged: false,
        };
        client.ask(Request::Connect(ConnectRequest::default()), Asked::Connect);
        client
    }

    /// Whether the client is subscribed, once all that it asked for is done.
    pub(super) fn wants(&self, channel: &str) -> bool {
        let last = self.asked.values().rev().find_map(|asked| match asked {
            Asked::Subscribe { channel: of, .. } if of == channel => Some(true),
            Asked::Unsubscribe { channel: of } if of == channel => Some(false),
            _ => None,
        });
        last.unwrap_or_else(|| self.subscriptions.contains_key(channel))
    }

    /// Subscribes from the last position, if there is one; from an epoch that never was, if `foreign`.
    pub(super) fn subscribe(&mut self, channel: &str, or_error: bool, foreign: bool, record: &Record) {
        let mut recover = self.positions.get(channel).cloned().filter(|_| history(channel) > 0);
        if let Some((_, epoch)) = recover.as_mut().filter(|_| foreign) {
            *epoch = "foreign".into();
        }
        let (offset, epoch) = recover.clone().unwrap_or_default();
        let request = SubscribeRequest {
            channel: channel.into(),
            recover: recover.is_some(),
            offset,
            epoch: epoch.into(),
            flag: if or_error { 3 } else { 1 },
            ..SubscribeRequest::default()
        };
        let twice = self.wants(channel);
        let known = record.of(channel).len();
        let asked = Asked::Subscribe { channel: channel.into(), recover, or_error, twice, known };
        self.ask(Request::Subscribe(request), asked);
    }

    pub(super) fn unsubscribe(&mut self, channel: &str) {
        let request = UnsubscribeRequest { channel: channel.into() };
        self.ask(Request::Unsubscribe(request), Asked::Unsubscribe { channel: channel.into() });
    }

    pub(super) fn publish(&mut self, channel: &str, data: &str) {
        let request =
            PublishRequest { channel: channel.into(), data: data.as_bytes(), ..PublishRequest::default() };
        self.ask(Request::Publish(request), Asked::Publish { channel: channel.into(), data: data.into() });
    }

    /// Asks for history, from the last position seen if there is one and `from_position`.
    pub(super) fn history(&mut self, channel: &str, limit: i32, from_position: bool, record: &Record) {
        let since = self.positions.get(channel).cloned().filter(|_| from_position && history(channel) > 0);
        let position = since.clone().map(|(offset, epoch)| StreamPosition { offset, epoch: epoch.into() });
        let request = HistoryRequest { channel: channel.into(), limit, since: position, reverse: false };
        let known = record.of(channel).len();
        self.ask(Request::History(request), Asked::History { channel: channel.into(), since, limit, known });
    }

    fn ask(&mut self, request: Request<'_>, asked: Asked) {
        self.last_id += 1;
        let mut line = Vec::new();
        json::encode_command(&Command { id: self.last_id, request }, &mut line);
        if !self.unsent.is_empty() {
            self.unsent.push('\n');
        }
        self.unsent.push_str(&String::from_utf8(line).unwrap());
        self.asked.insert(self.last_id, asked);
    }

    /// Sends what was asked for since the last time, in one frame.
    pub(super) fn send(&mut self) {
        if !self.unsent.is_empty() && !self.peer.is_over() {
            self.peer.say(&self.unsent);
        }
        self.unsent.clear();
    }

    pub(super) fn set_reading(&mut self, reads: bool) {
        self.reads = reads;
        self.was_slow |= !reads;
        self.peer.set_reading(reads);
    }

    /// Whether it has been pinged since the last call.
    pub(super) fn take_pinged(&mut self) -> bool {
        std::mem::take(&mut self.was_pinged)
    }

    pub(super) fn cut(&mut self) {
        self.peer.cut();
    }

    pub(super) fn close(&mut self) {
        self.peer.close();
    }

    pub(super) fn is_over(&self) -> bool {
        self.peer.is_over()
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reads
    }

    /// The code that the server closed with, and whether it may be said before connect has been answered.
    pub(super) fn closed(&self) -> Option<(u16, bool)> {
        self.peer.closed.map(|code| (code, self.connected))
    }

    /// Takes in what has arrived, and compares it with the books.
    pub(super) fn read(&mut self, record: &Record, claims: &mut Claims) {
        for text in self.peer.read() {
            for message in json::messages(&text) {
                match message.unwrap() {
                    ServerMessage::Ping => {
                        self.was_pinged = true;
                        self.peer.say("{}");
                    }
                    ServerMessage::Reply(reply) => self.reply(&reply, record, claims),
                    ServerMessage::Push(Push::Publication { channel, publication }) => {
                        self.publication(&channel, &publication, record);
                    }
                    ServerMessage::Push(push) => panic!("unasked for: {push:?}"),
                }
            }
        }
        // A peer that is slow, or not let in, may be dropped when its time is up.
        assert!(
            !self.peer.is_dropped() || self.was_slow || !self.connected,
            "dropped: {}",
            self.peer.status()
        );
    }

    fn reply(&mut self, reply: &Reply<'_>, record: &Record, claims: &mut Claims) {
        let asked = self.asked.remove(&reply.id).unwrap_or_else(|| panic!("not asked for: {reply:?}"));
        match (asked, &reply.body) {
            (Asked::Connect, Ok(Res::Connect(_))) => self.connected = true,
            (Asked::Subscribe { channel, recover, known, .. }, Ok(Res::Subscribe(result))) => {
                self.subscribed(channel, recover.as_ref(), known, result, record);
            }
            (Asked::Subscribe { twice: true, .. }, Err(error))
                if error.code == Error::ALREADY_SUBSCRIBED.code => {}
            (Asked::Subscribe { channel, recover: Some(from), or_error: true, known, .. }, Err(error))
                if error.code == Error::UNRECOVERABLE_POSITION.code =>
            {
                let top = record.of(&channel).len();
                let lost = (known..=top).any(|top| !covers(&channel, &from, top as u64, RECOVERY_MAX));
                assert!(lost, "{channel} from {from:?} is not recovered, and could be");
                self.positions.remove(&channel);
            }
            (Asked::Unsubscribe { channel }, Ok(Res::Unsubscribe)) => _ = self.subscriptions.remove(&channel),
            (Asked::Publish { channel, data }, Ok(Res::Publish)) => _ = claims.taken.insert((channel, data)),
            (Asked::Publish { channel, data }, Err(error)) if error.code == Error::TOO_MANY_REQUESTS.code => {
                claims.refused.insert((channel, data));
            }
            (Asked::Subscribe { .. } | Asked::History { .. }, Err(error))
                if error.code == Error::TOO_MANY_REQUESTS.code => {}
            (Asked::History { channel, .. }, Err(error)) if error.code == Error::NOT_AVAILABLE.code => {
                assert_eq!(history(&channel), 0, "{channel}");
            }
            (Asked::History { channel, since, limit, known }, body) => {
                expect_page(&channel, since.as_ref(), limit, known, body, record);
            }
            (asked, body) => panic!("{asked:?} is answered by {body:?}"),
        }
    }

    fn subscribed(
        &mut self,
        channel: String,
        recover: Option<&Position>,
        known: usize,
        result: &SubscribeResult<'_>,
        record: &Record,
    ) {
        assert!(!self.subscriptions.contains_key(&channel), "subscribed twice to {channel}");
        assert_eq!(result.was_recovering, recover.is_some());
        assert_eq!(result.recoverable, history(&channel) > 0);
        assert_eq!(result.positioned, !channel.starts_with("plain"));
        let range = known..=record.of(&channel).len();
        if !result.positioned {
            assert!(result.publications.is_empty() && !result.recovered);
            self.subscriptions.insert(channel, Next::Within(range));
            return;
        }
        // A recovery is told from where it starts, and moves on with each publication (as centrifuge-js has it).
        let start = usize::try_from(result.offset).unwrap();
        let top = start + result.publications.len();
        assert!(range.contains(&top), "{channel}: top {top} is not in {range:?}");
        if let Some(from) = recover {
            let covered = covers(&channel, from, top as u64, RECOVERY_MAX);
            assert_eq!(result.recovered, covered, "{channel} from {from:?} to {top}");
        }
        match recover.filter(|_| result.recovered) {
            Some((offset, _)) => assert_eq!(start as u64, *offset, "{channel}: recovered from where it was"),
            None => assert!(result.publications.is_empty(), "nothing is given in part"),
        }
        self.positions.insert(channel.clone(), (result.offset, result.epoch.to_string()));
        self.subscriptions.insert(channel.clone(), Next::At(start));
        for publication in &result.publications {
            self.publication(&channel, publication, record);
        }
    }

    fn publication(&mut self, channel: &str, publication: &Publication<'_>, record: &Record) {
        let next = self.subscriptions.get_mut(channel);
        let next =
            next.unwrap_or_else(|| panic!("{publication:?} of {channel}, which it has not subscribed to"));
        let data = std::str::from_utf8(publication.data).unwrap();
        let entries = record.of(channel);
        let at = match next {
            Next::At(at) => *at,
            Next::Within(range) => {
                let at = entries.iter().position(|entry| entry.data == data);
                at.filter(|at| range.contains(at))
                    .unwrap_or_else(|| panic!("{data} of {channel} is not in {range:?}"))
            }
        };
        let expected = entries.get(at).unwrap_or_else(|| panic!("{data} of {channel} was never published"));
        assert_eq!(
            (expected.offset, &*expected.data),
            (publication.offset, data),
            "the next one of {channel}"
        );
        *next = Next::At(at + 1);
        if let Some((offset, _)) = self.positions.get_mut(channel).filter(|_| publication.offset > 0) {
            *offset = publication.offset;
        }
    }

    /// All is quiet: nothing is unanswered, and nothing is missing.
    pub(super) fn expect_everything(&self, record: &Record) {
        if self.is_over() || !self.reads || self.peer.is_dropped() {
            return;
        }
        assert!(self.asked.is_empty(), "no reply: {:?}", self.asked);
        for (channel, next) in &self.subscriptions {
            let published = record.of(channel).len();
            let has_all = match next {
                Next::At(at) => *at == published,
                Next::Within(range) => *range.end() == published,
            };
            assert!(has_all, "{channel}: {next:?} of {published}");
        }
    }
}

/// How many publications a channel keeps.
fn history(channel: &str) -> u64 {
    match channel.split_once(':') {
        Some(("short", _)) => SHORT_HISTORY,
        Some(("long", _)) => LONG_HISTORY,
        _ => 0,
    }
}

/// Whether all that follows a position is still held, and not too much, while `top` is the top of the stream.
fn covers(channel: &str, (offset, epoch): &Position, top: u64, publications_max: u64) -> bool {
    epoch != "foreign" && (top.saturating_sub(history(channel).min(publications_max))..=top).contains(offset)
}

fn expect_page(
    channel: &str,
    since: Option<&Position>,
    limit: i32,
    known: usize,
    body: &Result<Res<'_>, Error>,
    record: &Record,
) {
    let entries = record.of(channel);
    let range = known..=entries.len();
    let page = match body {
        Ok(Res::History(page)) => page,
        Err(error) if error.code == Error::UNRECOVERABLE_POSITION.code => {
            let lost = since
                .is_some_and(|since| range.clone().any(|top| !covers(channel, since, top as u64, u64::MAX)));
            assert!(lost, "{channel} since {since:?}");
            return;
        }
        other => panic!("history of {channel}: {other:?}"),
    };
    let HistoryResult { publications, offset: top, .. } = page;
    let top = usize::try_from(*top).unwrap();
    assert!(range.contains(&top), "{channel}: top {top} is not in {range:?}");
    if limit == 0 {
        return assert!(publications.is_empty(), "the position alone was asked for");
    }
    let oldest = top.saturating_sub(history(channel) as usize);
    let start = since.map_or(oldest, |(offset, _)| (*offset as usize).clamp(oldest, top));
    let count = usize::try_from(limit).unwrap_or(usize::MAX).min(top - start);
    let given: Vec<_> =
        publications.iter().map(|p| (p.offset, std::str::from_utf8(p.data).unwrap())).collect();
    let expected = entries[start..start + count].iter().map(|entry| (entry.offset, &*entry.data));
    assert_eq!(given, expected.collect::<Vec<_>>(), "a page of {channel}");
}
