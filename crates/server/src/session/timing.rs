//! The session's clock: pings and their answers, and what expires.
//!
//! One timer serves all of it: it is set to whatever comes first, and [`Session::due`] says what that was. Times are
//! milliseconds of the shard; what a token says in Unix time is converted once, when it is accepted.

use std::time::Duration;

use wavecast_protocol::centrifuge::{Disconnect, Unsubscribed};

use super::joining::Anew;
use super::rules::Rules;
use super::state::{Phase, Ping, Session};
use super::step::Step;
use crate::channels::ChannelNumber;

/// A moment, by the shard's clock and by the calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Milliseconds since the shard began; it never goes back.
    pub(crate) shard_ms: u64,
    /// Unix milliseconds.
    pub(crate) unix_ms: u64,
}

impl Moment {
    /// Unix seconds.
    pub(crate) fn unix_s(self) -> u64 {
        self.unix_ms / 1000
    }

    /// Unix seconds, as tokens count them.
    pub(crate) fn unix_i64(self) -> i64 {
        i64::try_from(self.unix_s()).unwrap_or(i64::MAX)
    }

    /// The shard's time after a delay; the end of all times, for one of zero, which says that there is none.
    pub(crate) fn deadline(self, delay: Duration) -> u64 {
        if delay.is_zero() { u64::MAX } else { self.shard_ms.saturating_add(ms(delay)) }
    }

    /// The shard's time at which a Unix time in seconds comes.
    pub(crate) fn at_unix(self, seconds: u64) -> u64 {
        let until_ms = seconds.saturating_mul(1000).saturating_sub(self.unix_ms);
        self.shard_ms.saturating_add(until_ms)
    }

    /// When a client comes that has been told the [`ttl`](Self::ttl) of a Unix time, up to a second after it: what the
    /// client itself refreshes must not end before.
    pub(crate) fn told(self, seconds: u64) -> u64 {
        self.shard_ms.saturating_add(u64::from(self.ttl(seconds)) * 1000)
    }

    /// Whole seconds until a Unix time, rounded up, at least one, as the protocol's `ttl`.
    pub(crate) fn ttl(self, seconds: u64) -> u32 {
        let until_ms = seconds.saturating_mul(1000).saturating_sub(self.unix_ms);
        u32::try_from(until_ms.div_ceil(1000)).unwrap_or(u32::MAX).max(1)
    }
}

/// What the session's timer demands.
#[derive(Debug)]
pub(crate) enum Due {
    /// Nothing for now; look again after this time. `None`: never.
    Rest(Option<Duration>),
    /// Send a ping.
    Ping,
    /// The session is over.
    Close(Disconnect),
    /// The connection's time is up: ask the hook.
    Refresh,
    /// A subscription's time is up: ask the hook.
    SubRefresh(ChannelNumber),
    /// A subscription of the client's has expired.
    Unsubscribe(ChannelNumber, Unsubscribed),
}

impl Session {
    /// The clock begins: until then connect must have come.
    pub(crate) fn wait_for_connect(&mut self, now: Moment, rules: &Rules) {
        self.ping_at_ms = now.deadline(rules.stale_close_delay);
    }

    /// The clock of a connected session begins, with the first ping after `first`.
    pub(crate) fn begin_pings(&mut self, now: Moment, first: Duration) {
        self.ping_at_ms = now.deadline(first);
    }

    /// What is due now. Call it until it says [`Due::Rest`].
    pub(crate) fn due(&mut self, now: Moment, rules: &Rules) -> Due {
        if self.ping_at_ms <= now.shard_ms
            && let Some(due) = self.beat(now, rules)
        {
            return due;
        }
        if let Some(due) = self.expired(now, rules) {
            return due;
        }
        Due::Rest(self.next_due(now, rules))
    }

    /// How long until something may be due; `None`: for ever.
    pub(crate) fn next_due(&self, now: Moment, rules: &Rules) -> Option<Duration> {
        let next = [self.ping_at_ms].into_iter().chain(self.expiries(rules)).min();
        let next = next.filter(|&at| at < u64::MAX);
        next.map(|at| Duration::from_millis(at.saturating_sub(now.shard_ms).max(1)))
    }

    fn beat(&mut self, now: Moment, rules: &Rules) -> Option<Due> {
        match (self.phase, self.ping) {
            // Whoever waits for the back office is not stale: the command has come. It may be refused yet, and then stay.
            (Phase::Connecting | Phase::Welcomed, _) => {
                self.ping_at_ms = now.deadline(rules.stale_close_delay);
                None
            }
            (Phase::Waiting | Phase::Refused, _) => Some(Due::Close(Disconnect::STALE)),
            // No answer is wanted: ping after ping.
            (Phase::Connected, Ping::Resting) if rules.pong_timeout.is_zero() || !self.answers_pings() => {
                self.ping_at_ms = now.deadline(rules.ping_interval);
                Some(Due::Ping)
            }
            (Phase::Connected, Ping::Resting) => {
                self.ping = Ping::Asked;
                self.ping_at_ms = now.deadline(rules.pong_timeout);
                Some(Due::Ping)
            }
            (Phase::Connected, Ping::Asked) if self.is_paused() => {
                // We do not read: the answer may be there.
                self.ping_at_ms = now.deadline(rules.pong_timeout);
                None
            }
            (Phase::Connected, Ping::Asked) => Some(Due::Close(Disconnect::NO_PONG)),
        }
    }

    /// An answer to a ping has come; one without a question is against the protocol.
    pub(crate) fn pong<'c>(&mut self, now: Moment, rules: &Rules) -> Step<'c> {
        if self.ping != Ping::Asked {
            return Step::Close(Disconnect::BAD_REQUEST);
        }
        self.ping = Ping::Resting;
        // The timer may come early and find nothing to do, which is cheaper than to set it with every pong.
        let rest = rules.ping_interval.saturating_sub(rules.pong_timeout);
        self.ping_at_ms = self.ping_at_ms.max(now.shard_ms).saturating_add(ms(rest));
        Step::Nothing
    }

    /// Whether its client can answer a ping: on a WebSocket that goes one way the browser itself does.
    fn answers_pings(&self) -> bool {
        !(self.wire.is_one_way() && self.wire.is_stream())
    }

    /// The pong of the WebSocket itself has come, whether it was asked for or not.
    pub(crate) fn is_alive(&mut self, now: Moment, rules: &Rules) {
        if self.ping == Ping::Asked {
            self.pong(now, rules);
        }
    }

    fn expired(&mut self, now: Moment, rules: &Rules) -> Option<Due> {
        if let Some(identity) = &mut self.identity
            && let Some(at) = identity.expires_ms
        {
            if !identity.client_refreshes && !identity.is_asked && rules.hooks().refresh && at <= now.shard_ms
            {
                identity.is_asked = true;
                return Some(Due::Refresh);
            }
            if at.saturating_add(ms(rules.expired_close_delay)) <= now.shard_ms {
                return Some(Due::Close(Disconnect::EXPIRED));
            }
        }
        let index = self.subscriptions.iter().position(|subscription| {
            subscription.more.as_ref().is_some_and(|more| match more.expires_ms {
                None => false,
                Some(at) => {
                    let asks = more.asks(subscription.marks.client_refreshes);
                    (asks && at <= now.shard_ms)
                        || at.saturating_add(ms(rules.expired_sub_close_delay)) <= now.shard_ms
                }
            })
        })?;
        let subscription = &mut self.subscriptions[index];
        let client_refreshes = subscription.marks.client_refreshes;
        if let Some(more) = &mut subscription.more
            && more.asks(client_refreshes)
        {
            more.is_asked = true;
            return Some(Due::SubRefresh(subscription.channel));
        }
        Some(match Anew::expired(subscription.marks.by_server) {
            Anew::Subscribe(why) => Due::Unsubscribe(subscription.channel, why),
            Anew::Connect(why) => Due::Close(why),
        })
    }

    /// When something of the session's expires, or is to be asked about.
    fn expiries<'s>(&'s self, rules: &'s Rules) -> impl Iterator<Item = u64> + 's {
        let connection = self.identity.as_ref().and_then(|identity| {
            let asks = !identity.client_refreshes && !identity.is_asked && rules.hooks().refresh;
            identity
                .expires_ms
                .map(|at| if asks { at } else { at.saturating_add(ms(rules.expired_close_delay)) })
        });
        let subscriptions = self.subscriptions.iter().filter_map(move |subscription| {
            let more = subscription.more.as_ref()?;
            let at = more.expires_ms?;
            let asks = more.asks(subscription.marks.client_refreshes);
            Some(if asks { at } else { at.saturating_add(ms(rules.expired_sub_close_delay)) })
        });
        connection.into_iter().chain(subscriptions)
    }
}

impl super::state::More {
    /// Whether the hook is to be asked when the time is up.
    fn asks(&self, client_refreshes: bool) -> bool {
        !client_refreshes && !self.is_asked && self.options.sub_refresh_hook.is_some()
    }
}

/// The interval of pings in the protocol's whole seconds, rounded up: 0 would say that there are none, and a client that
/// waits a little longer than it has to loses nothing.
pub(super) fn ping_seconds(interval: Duration) -> u32 {
    let seconds = interval.as_secs().saturating_add(u64::from(interval.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
