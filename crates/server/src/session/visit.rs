//! A visit: what a session would let somebody do who keeps none.
//!
//! The session's own commands decide. A visit makes a session for as long as one of them takes, and keeps what came of it: who
//! it is, and which subscriptions came with that. What has to wait is asked between two of them, so a visit may move from
//! thread to thread.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use wavecast_hub::{ChannelOptions, Filter, RecoveryMode};
use wavecast_net::shard::ConnectionId;
use wavecast_protocol::centrifuge::{ConnectRequest, Disconnect, Error, SubscribeRequest};

use super::command::Context;
use super::handshake::Handshake;
use super::identity::Identity;
use super::permission::Who;
use super::question::{Answered, Question};
use super::rules::Rules;
use super::state::{Phase, Session};
use super::step::{Join, Step};
use super::subscribe::may_recover;
use super::timing::Moment;
use crate::token::Allowed;
use crate::wire_form::WireForm;

/// How hooks are told that somebody polls.
const TRANSPORT: &str = "poll";
/// No reply is sent, so nobody reads the number of the command.
const COMMAND: u32 = 1;

/// Somebody who asks once.
#[derive(Debug)]
pub(crate) struct Visit {
    client: [u8; 16],
    handshake: Option<Handshake>,
    identity: Option<Box<Identity>>,
    /// Channels that token, hook or configuration subscribe the visitor to.
    given: Vec<Admitted>,
}

/// What follows from a step of a visit.
#[derive(Debug)]
pub(crate) enum Next<T> {
    Done(T),
    /// The back office has to be asked first.
    Ask(Box<Question>),
    Refused(Refused),
}

/// Why a visitor is turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A command would have been answered with this.
    Error(Error),
    /// A session would have ended with this.
    Close(Disconnect),
}

/// A channel that a visitor may read.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) channel: Box<str>,
    /// Those of the namespace.
    pub(crate) options: Arc<ChannelOptions>,
    /// What publications have to pass.
    pub(crate) filter: Option<Filter>,
    /// Who names no position is given the latest publication.
    pub(crate) gets_latest: bool,
    /// For how long; `None`: for good.
    expires_in: Option<Duration>,
    may_read: bool,
}

impl Visit {
    /// A visitor with this request. `client` is its name for hooks.
    pub(crate) fn new(client: [u8; 16], fields: &HeaderMap, rules: &Rules) -> Self {
        let names = &rules.hooks().headers;
        let handshake = Handshake::of(
            fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())),
            names,
            &[],
            rules.user_id_header.as_deref(),
        );
        Self { client, handshake, identity: None, given: Vec::new() }
    }

    /// Lets the visitor in, or not. A connect hook is told which channels are wished for.
    pub(crate) fn connect(
        &mut self,
        token: &str,
        channels: &[Box<str>],
        rules: &Rules,
        now: Moment,
    ) -> Next<()> {
        let cx = context(rules, now);
        // What is no channel is told apart by its own error, later.
        let wishes = channels.iter().filter(|channel| rules.options(channel).is_ok());
        let request = ConnectRequest {
            token: token.into(),
            subs: wishes.map(|channel| (Cow::from(&**channel), SubscribeRequest::default())).collect(),
            ..ConnectRequest::default()
        };
        let mut session = self.session();
        let step = session.connect(COMMAND, request, &cx).unwrap_or_else(|refused| refused.step(COMMAND));
        self.follow_connect(step, &cx)
    }

    /// The connect hook has answered.
    pub(crate) fn connect_answered(&mut self, answered: Answered, rules: &Rules, now: Moment) -> Next<()> {
        let cx = context(rules, now);
        let mut session = self.session();
        session.phase = Phase::Connecting;
        let step = session.answered(answered, &cx);
        self.follow_connect(step, &cx)
    }

    fn follow_connect(&mut self, step: Step<'_>, cx: &Context<'_>) -> Next<()> {
        let Step::Welcome(accepted) = step else { return not_done(step) };
        let who = Who(accepted.identity.as_deref());
        self.given = accepted.joins.into_iter().map(|join| Admitted::of(join, who, cx)).collect();
        self.identity = accepted.identity;
        Next::Done(())
    }

    /// Whether the visitor may read a channel: be subscribed to it, and recover there or read its history.
    pub(crate) fn subscribe(&mut self, channel: &str, rules: &Rules, now: Moment) -> Next<Admitted> {
        let cx = context(rules, now);
        match rules.options(channel) {
            Err(error) => return Next::Refused(Refused::Error(error)),
            Ok(options) if !options.has_history() => {
                return Next::Refused(Refused::Error(Error::NOT_AVAILABLE));
            }
            Ok(_) => {}
        }
        if let Some(given) = self.given.iter().find(|given| *given.channel == *channel) {
            return given.clone().checked();
        }
        let request =
            SubscribeRequest { channel: channel.into(), recoverable: true, ..SubscribeRequest::default() };
        self.in_session(|session| {
            let step = session.subscribe(COMMAND, request, &cx);
            follow_subscribe(step.unwrap_or_else(|refused| refused.step(COMMAND)), session.who(), &cx)
        })
    }

    /// The subscribe hook has answered.
    pub(crate) fn subscribe_answered(
        &mut self,
        answered: Answered,
        rules: &Rules,
        now: Moment,
    ) -> Next<Admitted> {
        let cx = context(rules, now);
        self.in_session(|session| {
            let step = session.answered(answered, &cx);
            follow_subscribe(step, session.who(), &cx)
        })
    }

    /// Whether a revocation means the visitor.
    pub(crate) fn is_revoked(&mut self, rules: &Rules, now: Moment) -> bool {
        self.in_session(|session| session.is_revoked(rules, now))
    }

    /// For how long the visitor may stay; `None`: for good.
    pub(crate) fn expires_in(&self) -> Option<Duration> {
        self.identity.as_ref()?.expires_ms.map(Duration::from_millis)
    }

    /// Lends what is known of the visitor to a session.
    fn in_session<T>(&mut self, act: impl FnOnce(&mut Session) -> T) -> T {
        let mut session = self.session();
        session.phase = Phase::Connected;
        session.identity = self.identity.take();
        let result = act(&mut session);
        self.identity = session.identity.take();
        result
    }

    fn session(&self) -> Session {
        Session::new(ConnectionId::nobody(), self.client, WireForm::WebSocketJson)
            .with_handshake(self.handshake.clone())
    }
}

impl Admitted {
    fn of(join: Join<'_>, who: Who<'_>, cx: &Context<'_>) -> Self {
        let Join { channel, options, gets_latest, joining, .. } = join;
        let terms = joining.terms.as_deref();
        let own = terms.map_or(&options, |terms| &terms.options);
        let allowed = terms.map_or_else(Allowed::default, |terms| terms.allowed);
        let caches = own.recovery_mode == RecoveryMode::Cache && own.auto_cache_recover;
        Self {
            filter: joining.filter().cloned(),
            gets_latest: gets_latest || caches,
            expires_in: terms
                .and_then(|terms| terms.expires)
                .map(|expiry| Duration::from_millis(expiry.at_ms)),
            may_read: joining.marks.recoverable || may_recover(who, &channel, own, allowed, cx),
            channel: channel.into_owned().into(),
            options,
        }
    }

    /// For how long the visitor may read it; `None`: for good.
    pub(crate) fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn checked(self) -> Next<Self> {
        if self.may_read { Next::Done(self) } else { Next::Refused(Refused::Error(Error::PERMISSION_DENIED)) }
    }
}

fn follow_subscribe(step: Step<'_>, who: Who<'_>, cx: &Context<'_>) -> Next<Admitted> {
    match step {
        Step::Join(join) => Admitted::of(*join, who, cx).checked(),
        step => not_done(step),
    }
}

/// What follows from a step that lets nobody in.
fn not_done<T>(step: Step<'_>) -> Next<T> {
    match step {
        Step::Ask(mut question) => {
            question.set_transport(TRANSPORT);
            Next::Ask(Box::new(question))
        }
        Step::Reply(reply) => Next::Refused(Refused::Error(reply.body.err().unwrap_or(Error::INTERNAL))),
        Step::Close(disconnect) => Next::Refused(Refused::Close(disconnect)),
        _ => Next::Refused(Refused::Error(Error::INTERNAL)),
    }
}

/// A visitor begins when it comes: its clock starts at 0. No channel has a number, since it is in none.
fn context(rules: &Rules, now: Moment) -> Context<'_> {
    Context { rules, now, number_of: &|_| None }
}
