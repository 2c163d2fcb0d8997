//! The back end: it answers what it is asked late and in any order, gives orders, and remembers both.

use std::collections::{BTreeMap, BTreeSet};

use tokio::sync::oneshot;
use wavecast_protocol::centrifuge::{Disconnect, Error};

use super::chance::Chance;
use super::kind::{CHANNELS, Kind};
use super::listening::COLOR;
use crate::hooks::{
    Answer, ConnectCall, ConnectGrant, Handlers, Hook, RefreshGrant, SubRefreshGrant, SubscribeGrant, Wants,
};
use crate::office::Asked;
use crate::session::{Answered, Question};

/// How long what has expired lives on when nobody refreshes it.
const GRACE_MS: u64 = 25_000;
/// A turn that is late.
const SLACK_MS: u64 = 100;

/// What the hooks of the simulation are asked.
pub(super) struct Asking;

impl Handlers for Asking {
    fn wants(&self) -> Wants {
        [Hook::Connect, Hook::Refresh, Hook::Subscribe, Hook::SubRefresh]
            .into_iter()
            .fold(Wants::NOTHING, Wants::and)
    }
}

#[derive(Default)]
pub(super) struct Backend {
    questions: Vec<Asked>,
    /// The subscriptions that it has given each client, with the color that a filter asks for.
    grants: BTreeMap<String, Grant>,
    /// How long things live: of a client and a channel; with an empty name, the connection.
    leases: BTreeMap<(String, String), Lease>,
    /// Channels that sessions were ordered into, or out of.
    ordered: BTreeSet<String>,
    /// Where the ends of orders show.
    orders: Vec<oneshot::Receiver<Result<(), Error>>>,
    /// It has ended sessions.
    pub(super) has_disconnected: bool,
    /// Unix milliseconds; the world moves it.
    pub(super) now_ms: u64,
}

/// Subscriptions of a connect command.
type Grant = BTreeMap<String, Option<&'static str>>;

/// When something expires, Unix milliseconds: not before `least`, and not after `most`.
#[derive(Debug)]
struct Lease {
    least: u64,
    most: u64,
    /// What was said since the world was quiet.
    said: Vec<u64>,
    is_condemned: bool,
}

impl Backend {
    /// The code of its own error.
    pub(super) const REFUSAL: u32 = 400;
    /// The code with which it sends clients away.
    pub(super) const DISCONNECT: u16 = 4100;

    pub(super) fn is_asked(&mut self, questions: impl IntoIterator<Item = Asked>) {
        self.questions.extend(questions);
    }

    pub(super) fn has_questions(&self) -> bool {
        !self.questions.is_empty()
    }

    /// The question that came first.
    pub(super) fn take_question(&mut self) -> Option<Asked> {
        (!self.questions.is_empty()).then(|| self.questions.remove(0))
    }

    pub(super) fn granted(&self, client: &str) -> &Grant {
        self.grants.get(client).unwrap_or_else(|| panic!("{client} was never let in"))
    }

    pub(super) fn has_ordered(&self, channel: &str) -> bool {
        self.ordered.contains(channel)
    }

    /// Whether the time of something may be up.
    pub(super) fn may_expire(&self, client: &str, channel: &str) -> bool {
        let lease = self.leases.get(&(client.to_owned(), channel.to_owned()));
        lease.is_some_and(|lease| {
            lease.is_condemned || lease.least.saturating_add(GRACE_MS) <= self.now_ms + SLACK_MS
        })
    }

    /// What is known of how long a client lives, for whoever has to find a fault.
    pub(super) fn lease(&self, client: &str) -> String {
        format!("{:?} at {}", self.leases.get(&(client.to_owned(), String::new())), self.now_ms)
    }

    /// Whether any subscription of a client may have expired.
    pub(super) fn may_any_expire(&self, client: &str) -> bool {
        CHANNELS.iter().any(|channel| self.may_expire(client, channel))
    }

    /// Whether the time of something is up for sure.
    pub(super) fn has_expired(&self, client: &str, channel: &str) -> bool {
        let lease = self.leases.get(&(client.to_owned(), channel.to_owned()));
        lease.is_some_and(|lease| lease.most.saturating_add(GRACE_MS + SLACK_MS) < self.now_ms)
    }

    /// All that was said has been heard.
    pub(super) fn is_quiet(&mut self) {
        for lease in self.leases.values_mut().filter(|lease| !lease.said.is_empty()) {
            // Of several nobody knows which was the last: orders overtake answers.
            lease.least = lease.said.iter().copied().min().unwrap_or_default();
            lease.most = lease.said.iter().copied().max().unwrap_or_default();
            lease.said.clear();
        }
    }

    /// Something is to live until then, Unix seconds; 0: for ever.
    pub(super) fn lets_live(&mut self, client: &str, channel: &str, expire_at_s: u64) {
        let at = if expire_at_s == 0 { u64::MAX } else { expire_at_s * 1000 };
        let key = (client.to_owned(), channel.to_owned());
        let lease = self.leases.entry(key).or_insert_with(|| Lease {
            least: at,
            most: at,
            said: Vec::new(),
            is_condemned: false,
        });
        // It may come too late.
        lease.is_condemned |= lease.least.saturating_add(GRACE_MS) <= self.now_ms + SLACK_MS;
        (lease.least, lease.most) = (lease.least.min(at), lease.most.max(at));
        lease.said.push(at);
    }

    fn condemns(&mut self, client: &str, channel: &str) {
        if let Some(lease) = self.leases.get_mut(&(client.to_owned(), channel.to_owned())) {
            lease.is_condemned = true;
        }
    }

    /// Sessions were ordered into a channel, or out of one; its end shows there.
    pub(super) fn orders(&mut self, channel: Option<&str>, end: oneshot::Receiver<Result<(), Error>>) {
        self.ordered.extend(channel.map(str::to_owned));
        self.orders.push(end);
    }

    /// Sessions may have been ordered out of every channel.
    pub(super) fn orders_out_of_all(&mut self) {
        self.ordered.extend(CHANNELS.map(str::to_owned));
    }

    /// Whoever gave an order has been answered.
    pub(super) fn expect_orders_done(&mut self) {
        for mut end in self.orders.drain(..) {
            let result = end.try_recv().expect("an order is done, one way or the other");
            assert!(result.as_ref().err().is_none_or(|error| error.temporary), "{result:?}");
        }
    }

    /// Answers one of the questions.
    pub(super) fn answer_one(&mut self, chance: &mut Chance) {
        if self.questions.is_empty() {
            return;
        }
        let Asked { question, answer } = self.questions.swap_remove(chance.below(self.questions.len()));
        let answered = match question {
            Question::Connect { call, draft } => Answered::Connect(self.connects(&call, chance), draft),
            Question::Subscribe { call, draft } => {
                let (client, channel) = (&call.caller.client, &call.channel);
                let answer = match chance.below(12) {
                    0 => Answer::Error(refusal()),
                    _ => {
                        let expire_at = self.some_time(client, channel, chance);
                        Answer::Ok(SubscribeGrant { expire_at, ..SubscribeGrant::default() })
                    }
                };
                Answered::Subscribe(answer, draft)
            }
            Question::Refresh { call } => {
                let client = &call.caller.client;
                self.expect_asked_in_time(client, "");
                Answered::Refresh(match chance.below(6) {
                    0 => {
                        self.condemns(client, "");
                        Answer::Ok(RefreshGrant { expired: true, ..RefreshGrant::default() })
                    }
                    1 => self.is_short_of_words(client, ""),
                    _ => {
                        let expire_at = self.some_time(client, "", chance);
                        Answer::Ok(RefreshGrant { expire_at, ..RefreshGrant::default() })
                    }
                })
            }
            Question::SubRefresh { call } => {
                let (client, name) = (&call.caller.client, &call.channel);
                self.expect_asked_in_time(client, name);
                let answer = match chance.below(6) {
                    0 => {
                        self.condemns(client, name);
                        Answer::Ok(SubRefreshGrant { expired: true, ..SubRefreshGrant::default() })
                    }
                    1 => self.is_short_of_words(client, name),
                    _ => {
                        let expire_at = self.some_time(client, name, chance);
                        Answer::Ok(SubRefreshGrant { expire_at, ..SubRefreshGrant::default() })
                    }
                };
                Answered::SubRefresh(answer, call.channel)
            }
            other => other.not_handled(),
        };
        answer(answered);
    }

    fn connects(&mut self, call: &ConnectCall, chance: &mut Chance) -> Answer<ConnectGrant> {
        let client = &call.caller.client;
        match chance.below(24) {
            0 => return Answer::Error(refusal()),
            1 => {
                let reason = "not today".into();
                return Answer::Disconnect(Disconnect { code: Self::DISCONNECT, reason });
            }
            2 => {
                // The client has what it wishes for and could have by itself.
                let own = |channel: &&String| !Kind::of(channel).asks && !channel.starts_with("own");
                let wished = call.channels.iter().filter(own).map(|channel| (channel.clone(), None));
                self.grants.insert(client.to_string(), wished.collect());
                return Answer::NotHandled;
            }
            _ => {}
        }
        let user = String::from_utf8(call.data.clone().unwrap_or_default().into()).unwrap();
        let user = user.trim_matches('"');
        let mut grant = Grant::new();
        if !user.is_empty() {
            grant.insert(format!("own:#{user}"), None);
        }
        let (mut channels, mut subs) = (Vec::new(), BTreeMap::new());
        for _ in 0..chance.below(4) {
            let channel = chance.pick(&CHANNELS);
            if grant.contains_key(channel) || channel.starts_with("own") {
                continue;
            }
            let color = chance.one_in(5).then_some("red");
            grant.insert(channel.into(), color);
            if color.is_none() && chance.one_in(2) {
                channels.push(channel.into());
                continue;
            }
            let filter = color.map(|color| format!(r#"{{"key":"{COLOR}","cmp":"eq","val":"{color}"}}"#));
            let tags_filter = filter.map(|filter| filter.into_bytes().into());
            let expire_at = if chance.one_in(4) { self.some_time(client, channel, chance) } else { 0 };
            subs.insert(
                channel.into(),
                SubscribeGrant { tags_filter, expire_at, ..SubscribeGrant::default() },
            );
        }
        self.grants.insert(client.to_string(), grant);
        let expire_at = if chance.one_in(3) { self.some_time(client, "", chance) } else { 0 };
        Answer::Ok(ConnectGrant { user: user.into(), expire_at, channels, subs, ..ConnectGrant::default() })
    }

    /// Until when something lives: a while, or for ever.
    fn some_time(&mut self, client: &str, channel: &str, chance: &mut Chance) -> i64 {
        let at = if chance.one_in(4) { 0 } else { self.now_ms / 1000 + 1 + chance.below(50) as u64 };
        self.lets_live(client, channel, at);
        at as i64
    }

    /// It has not decided: the server gives it a minute more.
    fn is_short_of_words<T>(&mut self, client: &str, channel: &str) -> Answer<T> {
        let at = self.now_ms / 1000 + 60;
        self.lets_live(client, channel, at);
        // The server takes the answer some turns later.
        self.lets_live(client, channel, at + 1);
        Answer::Error(Error::TOO_MANY_REQUESTS)
    }

    /// Nobody asks before the time is up.
    fn expect_asked_in_time(&self, client: &str, channel: &str) {
        let lease = &self.leases[&(client.to_owned(), channel.to_owned())];
        assert!(lease.least <= self.now_ms + SLACK_MS, "{client} in {channel}: {lease:?} at {}", self.now_ms);
    }
}

fn refusal() -> Error {
    Error { code: Backend::REFUSAL, message: "no".into(), temporary: false }
}
