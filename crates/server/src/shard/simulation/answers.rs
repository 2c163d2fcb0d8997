//! What a client is answered, compared with the books.

use wavecast_protocol::centrifuge::{ConnectResult, Error, PresenceResult, Reply, Res, SubscribeResult};

use super::backend::Backend;
use super::client::{Asked, Client, Mark};
use super::kind::Kind;
use super::listening::{Listening, Next, Room, Taste};
use super::outcome::{Position, expect_page, recovered};
use super::record::{Channel, Entry, Record, State};

/// All that has been written down, for whoever compares.
pub(super) struct Books<'b> {
    pub(super) record: &'b Record,
    pub(super) backend: &'b Backend,
    pub(super) claims: &'b mut Claims,
    pub(super) room: Room,
}

/// What was asked for with a subscription.
struct Wish<'w> {
    taste: Taste,
    mark: Mark,
    recover: Option<&'w Position>,
    by_server: bool,
    /// There may have been no room for what it recovers.
    may_be_cut: bool,
    /// The back end may have ended it before the hub was asked: then it recovers nothing.
    may_be_void: bool,
}

impl<'w> Wish<'w> {
    fn of_client(taste: Taste, mark: Mark, recover: Option<&'w Position>) -> Self {
        Self { taste, mark, recover, by_server: false, may_be_cut: false, may_be_void: false }
    }
}

/// What became of publications, as their publishers were told.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) taken: Vec<(String, Vec<u8>)>,
    pub(super) refused: Vec<(String, Vec<u8>)>,
}

impl Client {
    pub(super) fn reply(&mut self, reply: &Reply<'_>, books: &mut Books<'_>) {
        let (id, asked) = self.asked.pop_first().unwrap_or_else(|| panic!("not asked for: {reply:?}"));
        assert_eq!(id, reply.id, "the reply to {asked:?} comes first, not {reply:?}");
        assert!(self.id.is_some() || matches!(asked, Asked::Connect { .. }), "before connect: {reply:?}");
        match (asked, &reply.body) {
            (Asked::Connect { marks, recover }, Ok(Res::Connect(result))) => {
                let terms = |channel: &str| (marks[channel], recover.get(channel).cloned());
                self.connected(result, terms, books);
            }
            (Asked::Connect { .. }, Err(error)) => {
                let is_known = error.temporary || error.code == Backend::REFUSAL;
                assert!(is_known, "connect is refused: {error:?}");
                self.is_refused = true;
                self.close();
            }
            (Asked::Subscribe { channel, taste, recover, mark, .. }, Ok(Res::Subscribe(result))) => {
                assert_eq!(result.delta, taste.delta);
                let may_be_void = Kind::of(&channel).asks && books.backend.has_ordered(&channel);
                let wish = Wish { may_be_void, ..Wish::of_client(taste, mark, recover.as_ref()) };
                self.subscribed(&channel, &wish, result, books);
            }
            (Asked::Subscribe { channel, taste, recover, or_error, twice, mark }, Err(error)) => {
                let wish = Wish::of_client(taste, mark, recover.as_ref());
                let is_refusal = error.code == Error::UNRECOVERABLE_POSITION.code;
                assert!(or_error || !is_refusal, "nobody wants an error for a gap of {channel}");
                self.not_subscribed(&channel, &wish, twice, error, books);
            }
            (Asked::Unsubscribe { channel }, Ok(Res::Unsubscribe)) => _ = self.ends(&channel, books),
            (Asked::Publish { channel, data }, Ok(Res::Publish)) => books.claims.taken.push((channel, data)),
            (Asked::Publish { channel, data }, Err(error)) if is_busy(error) => {
                books.claims.refused.push((channel, data));
            }
            (Asked::History { .. } | Asked::Presence { .. }, Err(error)) if is_busy(error) => {}
            (Asked::History { channel, since, limit, mark }, body) => {
                let ear = self.ear(&channel, books.record, books.room);
                let data = |entry: &_| ear.heard(entry);
                expect_page(ear.kind, ear.log, since.as_ref(), limit, mark.states, body, data);
            }
            (Asked::Presence { channel, .. }, Err(error)) if error.code == Error::NOT_AVAILABLE.code => {
                assert!(!Kind::of(&channel).presence, "presence is kept in {channel}");
            }
            (Asked::Presence { channel, mark }, Ok(body)) => {
                expect_presence(books.record.channel(&channel), mark, body);
            }
            (Asked::Ping, Ok(Res::Ping)) => {}
            (asked, body) => panic!("{asked:?} is answered by {body:?}"),
        }
    }

    fn connected(
        &mut self,
        result: &ConnectResult<'_>,
        terms: impl Fn(&str) -> (Mark, Option<Position>),
        books: &mut Books<'_>,
    ) {
        assert!(self.id.replace(result.client.to_string()).is_none(), "connected twice");
        let granted = books.backend.granted(&result.client);
        let subscribed: Vec<&str> = result.subs.keys().map(AsRef::as_ref).collect();
        // What the back end has ended while it was joining is not told of.
        let is_there = |channel: &&str| subscribed.contains(channel) || !books.backend.has_ordered(channel);
        let expected: Vec<&str> = granted.keys().map(String::as_str).filter(is_there).collect();
        assert_eq!(subscribed, expected, "the server's subscriptions");
        // So small an outbox may have no room for all that these recover.
        let may_be_cut = books.room.is_tight && result.subs.len() > 1;
        for (channel, result) in &result.subs {
            let (mark, recover) = terms(channel);
            let recover = recover.filter(|_| Kind::of(channel).recovers());
            let taste = Taste { color: granted[&**channel], ..Taste::default() };
            let of_client = Wish::of_client(taste, mark, recover.as_ref());
            let wish = Wish { by_server: true, may_be_cut, ..of_client };
            self.subscribed(channel, &wish, result, books);
        }
    }

    fn subscribed(
        &mut self,
        channel: &str,
        wish: &Wish<'_>,
        result: &SubscribeResult<'_>,
        books: &mut Books<'_>,
    ) {
        assert!(!self.listening.contains_key(channel), "subscribed twice to {channel}");
        let &Wish { taste, mark, recover, by_server, may_be_cut, may_be_void } = wish;
        let ear = self.ear(channel, books.record, books.room);
        let (kind, log) = (ear.kind, ear.log);
        // Whoever is given the latest at the first subscription is told as if it had asked for it.
        let asks = recover.is_some() || kind.caches_first;
        assert_eq!((result.recoverable, result.positioned), (kind.recovers(), kind.positioned));
        assert_eq!(result.was_recovering, asks);
        let members = mark.members..=log.members.len();
        if !kind.positioned {
            assert!(result.publications.is_empty() && !result.recovered);
            let next = Next::Within(log.states[mark.states].top as usize..=log.entries.len());
            let listening = Listening::new(taste, next, members).made_by_server(by_server);
            self.listening.insert(channel.into(), listening);
            return;
        }
        let is_empty = !result.recovered && result.publications.is_empty();
        let find = |is_cut: bool| {
            log.states_since(mark.states, &result.epoch).find_map(|state| {
                let wants = |entry: &Entry| taste.wants(entry) && !ear.is_deaf_to(entry);
                let given = recovered(kind, log, state, recover, wants).filter(|_| !is_cut);
                let is_recovered = given.is_some() && asks;
                // With what it is given the client steps forward from where it was.
                let since = recover.map_or(0, |(offset, _)| *offset);
                let start = match &given {
                    Some(given) if !given.is_empty() => since,
                    _ => state.top,
                };
                let given = given.unwrap_or_default();
                let offsets = given.iter().map(|&place| log.entries[place].offset);
                let is_it = (start, is_recovered) == (result.offset, result.recovered)
                    && offsets.eq(result.publications.iter().map(|publication| publication.offset));
                is_it.then_some((state, given))
            })
        };
        let found = find(may_be_cut && is_empty);
        let is_void = found.is_none() && may_be_void && is_empty;
        let found = found.or_else(|| find(true).filter(|_| is_void));
        let states = || &log.states[mark.states..];
        let (state, given) =
            found.unwrap_or_else(|| panic!("{channel} from {recover:?}: {result:?}, {:?}", states()));
        let top = state.base + state.top as usize;
        let mut listening = Listening::new(taste, Next::At(top), members).made_by_server(by_server);
        for (&place, publication) in given.iter().zip(&result.publications) {
            listening.is_given(place, publication, &ear);
        }
        let offset = result.publications.last().map_or(result.offset, |publication| publication.offset);
        listening.starts_at(top);
        listening.is_void = is_void;
        self.positions.insert(channel.into(), (offset, result.epoch.to_string()));
        self.listening.insert(channel.into(), listening);
    }

    fn not_subscribed(
        &mut self,
        channel: &str,
        &Wish { taste, mark, recover, .. }: &Wish<'_>,
        twice: bool,
        error: &Error,
        books: &mut Books<'_>,
    ) {
        let (kind, log) = (Kind::of(channel), books.record.channel(channel));
        match error.code {
            code if code == Error::ALREADY_SUBSCRIBED.code => {
                // The server may have subscribed it without its asking.
                let granted = books.backend.granted(self.id.as_deref().unwrap_or_default());
                let is_given = granted.contains_key(channel) || books.backend.has_ordered(channel);
                assert!(twice || is_given, "{channel}: {error:?}");
            }
            code if code == Error::UNRECOVERABLE_POSITION.code => {
                let mut states = log.states[mark.states..].iter();
                let is_lost = |state: &State| {
                    recovered(kind, log, *state, recover, |entry| taste.wants(entry)).is_none()
                };
                assert!(states.any(is_lost), "{channel} could be recovered from {recover:?}");
                self.positions.remove(channel);
            }
            code if code == Error::PERMISSION_DENIED.code => {
                let granted = books.backend.granted(self.id.as_deref().unwrap_or_default());
                let is_others = channel.starts_with("own") && !granted.contains_key(channel);
                assert!(is_others, "{channel} is for everybody, or its own");
            }
            code if code == Backend::REFUSAL => assert!(kind.asks, "nobody refuses {channel}"),
            _ => assert!(is_busy(error), "{channel} is refused: {error:?}"),
        }
    }

    /// A subscription is over, if there was one.
    pub(super) fn ends(&mut self, channel: &str, books: &Books<'_>) -> Option<Listening> {
        let listening = self.listening.remove(channel)?;
        let most = listening.most_missed(&self.ear(channel, books.record, books.room));
        if Kind::of(channel).is_lossy() {
            self.losses.entry(channel.into()).or_default().over += most;
        }
        Some(listening)
    }
}

fn is_busy(error: &Error) -> bool {
    error.code == Error::TOO_MANY_REQUESTS.code
}

fn expect_presence(log: &Channel, mark: Mark, body: &Res<'_>) {
    let mut moments = log.present_since(mark.members);
    let is_right = match body {
        Res::Presence(PresenceResult { presence }) => moments.any(|present| {
            let given = presence.iter().map(|(client, info)| (&**client, &*info.user));
            assert!(presence.iter().all(|(client, info)| *client == info.client));
            given.eq(present)
        }),
        Res::PresenceStats(stats) => moments.any(|present| {
            let users = present.values().collect::<std::collections::BTreeSet<_>>().len();
            (stats.num_clients as usize, stats.num_users as usize) == (present.len(), users)
        }),
        _ => false,
    };
    assert!(is_right, "nobody was there like that: {body:?}");
}
