//! Sessions walked through their commands: no socket, no clock, no hub.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod tokens;

use std::sync::Arc;
use std::time::Duration;

use wavecast_hub::{Joined, Publication, Recovery, StreamPosition};
use wavecast_net::shard::ConnectionId;
use wavecast_protocol::centrifuge::{Disconnect, Error, Reply, Res, json};

use super::{By, Context, Due, Ending, Moment, PageRoom, Rules, Session, Step, Ticket, Verifiers, Welcome};
use crate::channels::{ChannelNumber, Channels};
use crate::config::{Config, Overrides, load_from};
use crate::wire_form::WireForm;

fn rules(change: impl FnOnce(&mut Config)) -> Rules {
    let mut config = load_from(None, [], &Overrides::default()).unwrap().config;
    change(&mut config);
    let namespaces = config.namespaces().unwrap();
    Rules::new(&config, namespaces, Verifiers::default())
}

/// What a command leads to, in words that a test can compare.
#[derive(Debug, PartialEq)]
enum Led {
    Nothing,
    Json(String),
    Error(u32),
    Join(String),
    Leave,
    Publish(String, String),
    History(i32),
    Presence(String, bool),
    Asked,
    Close(u16),
}

struct Walk {
    session: Session,
    rules: Rules,
    channels: Channels,
    now: Moment,
}

impl Walk {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let session = Session::new(ConnectionId::for_tests(7, 0), [0xab; 16], WireForm::WebSocketJson);
        let now = Moment { shard_ms: 5, unix_ms: 1_700_000_000_000 };
        let mut walk = Self { session, rules: rules(change), channels: Channels::default(), now };
        walk.session.wait_for_connect(walk.now, &walk.rules);
        walk
    }

    fn with_rules(rules: Rules) -> Self {
        Self { rules, ..Self::new(|_| {}) }
    }

    fn connected(change: impl FnOnce(&mut Config)) -> Self {
        let mut walk = Self::new(change);
        assert!(matches!(walk.say(r#"{"id":1,"connect":{}}"#), Led::Json(_)));
        walk
    }

    fn say(&mut self, text: &str) -> Led {
        let command = match json::commands(text).next().unwrap() {
            Ok(command) => command,
            Err(error) => return Led::Close(error.disconnect().code),
        };
        let number_of = |name: &str| self.channels.find(name);
        let cx = Context { rules: &self.rules, now: self.now, number_of: &number_of };
        match self.session.command(command, &cx) {
            Step::Nothing => Led::Nothing,
            Step::Reply(Reply { body: Err(error), .. }) => Led::Error(error.code),
            Step::Reply(reply) | Step::Refreshed(reply) => Led::Json(encoded(&reply)),
            Step::Renewed { reply, .. } => reply.map_or(Led::Nothing, |reply| Led::Json(encoded(&reply))),
            Step::RpcResult { .. } => Led::Json("rpc".into()),
            Step::Welcome(accepted) => {
                let welcome = Welcome {
                    id: accepted.id,
                    data: accepted.data,
                    ttl: accepted.ttl,
                    pages: PageRoom::default(),
                    settled: Vec::new(),
                    left: 0,
                    has_place: false,
                };
                self.session.welcomed(accepted.identity, welcome);
                let welcome = self.session.take_welcome().unwrap();
                self.session.begin_pings(self.now, self.rules.ping_interval);
                let body = self.session.connect_result(&welcome, self.now, &self.rules).map(Res::Connect);
                Led::Json(encoded(&Reply { id: welcome.id, body }))
            }
            Step::Join(join) => {
                let mut joining = join.joining;
                joining.channel = self.channels.enter(&join.channel, &join.options);
                self.session.joining(joining);
                Led::Join(join.channel.into_owned())
            }
            Step::Leave { channel, .. } => {
                self.session.take_live(channel).unwrap();
                Led::Leave
            }
            Step::Unsubscribe(..) | Step::Outdated { .. } => Led::Leave,
            Step::Publish(publishing) => Led::Publish(
                publishing.channel.into_owned(),
                String::from_utf8_lossy(&publishing.publish.data).into_owned(),
            ),
            Step::History(history) => Led::History(history.limit),
            Step::Presence { channel, only_counts, .. } => Led::Presence(channel.into_owned(), only_counts),
            Step::Ask(_) => Led::Asked,
            Step::Close(Disconnect { code, .. }) => Led::Close(code),
        }
    }

    /// The reply to the subscribe command, whether it goes live, and the unsubscribe command that came meanwhile.
    fn hub_answers(&mut self, channel: &str, joined: &Joined) -> (String, bool, Option<u32>) {
        let number = self.number(channel);
        let joining = self.session.take_joining(number).unwrap();
        let By::Client(id) = joining.by else { panic!("nobody else asks") };
        let result = joining.result(joined).map(Res::Subscribe);
        let unsubscribed = if let Some(Ending::Client(id)) = &joining.ending { Some(*id) } else { None };
        let live = result.is_ok() && unsubscribed.is_none();
        let reply = encoded(&Reply { id, body: result });
        if live {
            self.session.goes_live(&joining, crate::channels::Seat::default());
        }
        (reply, live, unsubscribed)
    }

    fn number(&self, channel: &str) -> ChannelNumber {
        self.channels.find(channel).unwrap()
    }

    fn passes(&mut self, time: Duration) {
        let ms = time.as_millis() as u64;
        self.now = Moment { shard_ms: self.now.shard_ms + ms, unix_ms: self.now.unix_ms + ms };
    }

    fn due(&mut self) -> Due {
        self.session.due(self.now, &self.rules)
    }
}

fn encoded(reply: &Reply<'_>) -> String {
    let mut out = Vec::new();
    json::encode_reply(reply, &mut out);
    String::from_utf8(out).unwrap()
}

fn at(offset: u64, recovery: Recovery) -> Joined {
    Joined { position: StreamPosition { offset, epoch: Arc::from("e") }, recovery }
}

fn publication(offset: u64) -> Arc<Publication> {
    Arc::new(Publication {
        channel: Arc::from("c"),
        offset,
        data: offset.to_string().into_bytes().into(),
        is_json: true,
        ..Publication::default()
    })
}

#[test]
fn the_first_command_is_connect_and_there_is_no_second() {
    let mut walk = Walk::new(|_| {});
    assert_eq!(walk.say(r#"{"id":1,"subscribe":{"channel":"c"}}"#), Led::Close(3501));
    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say(r#"{"id":2,"connect":{}}"#), Led::Close(3501));
}

#[test]
fn connect_says_who_the_client_is_and_how_it_is_pinged() {
    let mut walk = Walk::new(|_| {});
    let Led::Json(reply) = walk.say(r#"{"id":5,"connect":{"name":"js"}}"#) else { panic!("a reply") };
    assert_eq!(
        reply,
        r#"{"id":5,"connect":{"client":"abababab-abab-abab-abab-abababababab","version":"0.1.0","ping":25,"pong":true}}"#
    );
}

#[test]
fn nobody_comes_in_without_leave() {
    let mut strangers = Walk::new(|config| config.client.allow_anonymous_connect_without_token = false);
    assert_eq!(strangers.say(r#"{"id":1,"connect":{}}"#), Led::Close(3501));
    // A token that nobody can verify is refused, not passed over.
    assert_eq!(Walk::new(|_| {}).say(r#"{"id":1,"connect":{"token":"x.y.z"}}"#), Led::Close(3500));
    let mut insecure = Walk::new(|config| config.client.insecure = true);
    assert!(matches!(insecure.say(r#"{"id":1,"connect":{}}"#), Led::Json(_)));
}

#[test]
fn a_subscription_joins_goes_live_and_ends() {
    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
    assert_eq!(walk.say(r#"{"id":3,"subscribe":{"channel":"c"}}"#), Led::Error(105));
    let (reply, live, _) = walk.hub_answers("c", &at(4, Recovery::NotAsked));
    assert_eq!(
        reply,
        r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"e","offset":4,"positioned":true}}"#
    );
    assert!(live);
    assert_eq!(walk.say(r#"{"id":4,"subscribe":{"channel":"c"}}"#), Led::Error(105));
    assert_eq!(walk.say(r#"{"id":5,"unsubscribe":{"channel":"c"}}"#), Led::Leave);
    assert_eq!(
        walk.say(r#"{"id":6,"unsubscribe":{"channel":"c"}}"#),
        Led::Json(r#"{"id":6,"unsubscribe":{}}"#.into())
    );
}

#[test]
fn an_unsubscribe_that_overtakes_the_hub_is_carried_out_after_its_answer() {
    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
    assert_eq!(walk.say(r#"{"id":3,"unsubscribe":{"channel":"c"}}"#), Led::Nothing);
    let (_, live, unsubscribed) = walk.hub_answers("c", &at(0, Recovery::NotAsked));
    assert_eq!((live, unsubscribed), (false, Some(3)));
    assert_eq!(walk.say(r#"{"id":4,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
}

#[test]
fn a_client_that_changes_its_mind_again_is_subscribed_in_the_end() {
    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
    assert_eq!(walk.say(r#"{"id":3,"unsubscribe":{"channel":"c"}}"#), Led::Nothing);
    assert_eq!(walk.say(r#"{"id":4,"subscribe":{"channel":"c"}}"#), Led::Join("c".into()));
    assert_eq!(walk.say(r#"{"id":5,"subscribe":{"channel":"c"}}"#), Led::Error(105));
    // The hub's answers come in the order in which it was asked.
    let (reply, live, unsubscribed) = walk.hub_answers("c", &at(1, Recovery::NotAsked));
    assert!(reply.starts_with(r#"{"id":2,"#), "{reply}");
    assert_eq!((live, unsubscribed), (false, Some(3)));
    let (reply, live, unsubscribed) = walk.hub_answers("c", &at(2, Recovery::NotAsked));
    assert!(reply.starts_with(r#"{"id":4,"#), "{reply}");
    assert_eq!((live, unsubscribed), (true, None));
    assert_eq!(walk.say(r#"{"id":6,"unsubscribe":{"channel":"c"}}"#), Led::Leave);
}

#[test]
fn pings_more_often_than_once_a_second_are_not_announced_as_none() {
    for (interval_ms, seconds) in [(200, 1), (1_000, 1), (1_500, 2), (0, 0)] {
        let mut walk = Walk::new(|config| config.client.ping_interval = Duration::from_millis(interval_ms));
        let Led::Json(reply) = walk.say(r#"{"id":1,"connect":{}}"#) else { panic!("a reply") };
        let announced = reply.contains(&format!(r#""ping":{seconds},"pong":true"#));
        assert!(announced || (seconds == 0 && !reply.contains("ping")), "{interval_ms} ms: {reply}");
    }
}

#[test]
fn recovered_is_said_with_what_was_missed_and_else_it_is_not_said() {
    let ask = r#"{"id":2,"subscribe":{"channel":"c","recover":true,"epoch":"e","offset":3}}"#;
    let mut walk = Walk::connected(|_| {});
    walk.say(ask);
    let recovered = Recovery::Recovered(vec![publication(4), publication(5)]);
    let (reply, ..) = walk.hub_answers("c", &at(5, recovered));
    assert_eq!(
        reply,
        r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"e","publications":[{"data":4,"offset":4},{"data":5,"offset":5}],"recovered":true,"offset":3,"positioned":true,"was_recovering":true}}"#
    );
    let mut walk = Walk::connected(|_| {});
    walk.say(ask);
    let (reply, live, _) = walk.hub_answers("c", &at(9, Recovery::Gap));
    assert!(
        live && reply.contains(r#""was_recovering":true"#) && !reply.contains("recovered\":true"),
        "{reply}"
    );
    assert!(reply.contains(r#""offset":9"#), "the client goes on from the top: {reply}");
}

#[test]
fn who_wants_an_error_for_a_gap_gets_it() {
    let mut walk = Walk::connected(|_| {});
    walk.say(r#"{"id":2,"subscribe":{"channel":"c","recover":true,"epoch":"e","offset":3,"flag":3}}"#);
    let (reply, live, _) = walk.hub_answers("c", &at(9, Recovery::Gap));
    assert_eq!(reply, r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#);
    assert!(!live);
}

#[test]
fn what_is_not_allowed_or_not_offered_has_its_code() {
    let closed = |config: &mut Config| config.channel.without_namespace = Default::default();
    let mut walk = Walk::connected(closed);
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"c"}}"#), Led::Error(103));
    assert_eq!(walk.say(r#"{"id":3,"publish":{"channel":"c","data":1}}"#), Led::Error(103));
    assert_eq!(walk.say(r#"{"id":4,"history":{"channel":"c"}}"#), Led::Error(108), "there is none");
    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"$private"}}"#), Led::Error(103));
    let limited = |config: &mut Config| config.channel.without_namespace.allow_user_limited_channels = true;
    let mut named = Walk::connected(limited);
    assert_eq!(named.say(r#"{"id":3,"subscribe":{"channel":"c#42"}}"#), Led::Error(103));
    assert_eq!(walk.say(r#"{"id":4,"subscribe":{"channel":"c","type":4}}"#), Led::Error(108));
    assert_eq!(walk.say(r#"{"id":5,"subscribe":{"channel":"c","token":"x.y.z"}}"#), Led::Error(103));
    assert_eq!(Walk::connected(|_| {}).say(r#"{"id":6,"subscribe":{"channel":""}}"#), Led::Close(3501));
    assert_eq!(
        walk.say(&format!(r#"{{"id":7,"subscribe":{{"channel":"{}"}}}}"#, "c".repeat(256))),
        Led::Error(107)
    );
    assert_eq!(walk.say(r#"{"id":8,"publish":{"channel":"c"}}"#), Led::Error(107));
    assert_eq!(walk.say(r#"{"id":9,"presence_stats":{"channel":"c"}}"#), Led::Presence("c".into(), true));
    assert_eq!(walk.say(r#"{"id":10,"rpc":{"method":"m","data":1}}"#), Led::Error(108));
    assert_eq!(walk.say(r#"{"send":{"data":1}}"#), Led::Close(3508));
    assert_eq!(walk.say(r#"{"id":11}"#), Led::Close(3501));
}

#[test]
fn subscriptions_are_counted_against_the_limit() {
    let mut walk = Walk::connected(|config| config.client.channel_limit = 2);
    assert_eq!(walk.say(r#"{"id":2,"subscribe":{"channel":"a"}}"#), Led::Join("a".into()));
    assert_eq!(walk.say(r#"{"id":3,"subscribe":{"channel":"b"}}"#), Led::Join("b".into()));
    assert_eq!(walk.say(r#"{"id":4,"subscribe":{"channel":"c"}}"#), Led::Error(Error::LIMIT_EXCEEDED.code));
}

#[test]
fn publications_and_looks_back_pass_on_what_was_said() {
    let mut walk = Walk::connected(|_| {});
    let publish = r#"{"id":2,"publish":{"channel":"c","data":{"a":[1, 2]}}}"#;
    assert_eq!(walk.say(publish), Led::Publish("c".into(), r#"{"a":[1, 2]}"#.into()));
    assert_eq!(walk.say(r#"{"id":3,"history":{"channel":"c","limit":-1}}"#), Led::History(-1));
    assert_eq!(walk.say(r#"{"id":4,"ping":{}}"#), Led::Json(encoded(&Reply { id: 4, body: Ok(Res::Ping) })));
}

#[test]
fn pings_are_answered_or_the_session_ends() {
    let mut walk = Walk::new(|_| {});
    assert!(matches!(walk.due(), Due::Rest(Some(_))));
    walk.passes(Duration::from_secs(10));
    assert!(matches!(walk.due(), Due::Close(Disconnect { code: 3502, .. })));

    let mut walk = Walk::connected(|_| {});
    assert_eq!(walk.say("{}"), Led::Close(3501), "a pong without a ping");

    let mut walk = Walk::connected(|_| {});
    let (interval, timeout) = (walk.rules.ping_interval, Duration::from_secs(8));
    assert!(matches!(walk.due(), Due::Rest(Some(rest)) if rest == interval));
    walk.passes(interval);
    assert!(matches!(walk.due(), Due::Ping));
    assert!(matches!(walk.due(), Due::Rest(Some(rest)) if rest == timeout));
    walk.passes(Duration::from_secs(1));
    assert_eq!(walk.say("{}"), Led::Nothing);
    assert_eq!(walk.say("{}"), Led::Close(3501), "a second pong");
    walk.passes(timeout);
    assert!(matches!(walk.due(), Due::Rest(Some(_))), "it has answered");
    walk.passes(interval - timeout);
    assert!(matches!(walk.due(), Due::Ping));
    walk.passes(timeout);
    assert!(matches!(walk.due(), Due::Close(Disconnect { code: 3012, .. })));
}

#[test]
fn what_waits_at_the_back_office_is_counted_until_it_answers() {
    let mut walk = Walk::new(|_| {});
    walk.session.grown();
    let ticket = Ticket(std::num::NonZeroU32::MIN);
    walk.session.asked(ticket, None, 100_000);
    assert!(walk.session.grown() >= 100_000);
    assert!(walk.session.settles(ticket));
    assert!(walk.session.grown() <= -100_000);
}
