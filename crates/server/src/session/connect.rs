//! The connect command: who is there?

use std::time::Duration;

use wavecast_protocol::centrifuge::{ConnectRequest, ConnectResult, Disconnect, Reply, Res};

use super::rules::Rules;
use super::state::{Phase, Session};
use super::step::Step;
use crate::VERSION;

/// Longest name of a client's library, in characters.
const NAME_CHARS_MAX: usize = 16;
/// Longest version of it.
const VERSION_CHARS_MAX: usize = 64;

impl Session {
    pub(super) fn connect<'c>(&mut self, id: u32, request: &ConnectRequest<'c>, rules: &Rules) -> Step<'c> {
        let too_long = |text: &str, max| text.chars().nth(max).is_some();
        if too_long(&request.name, NAME_CHARS_MAX) || too_long(&request.version, VERSION_CHARS_MAX) {
            return Step::Close(Disconnect::BAD_REQUEST);
        }
        if !rules.insecure {
            // No key is configured that could verify one: a token is never waved through.
            if !request.token.is_empty() {
                return Step::Close(Disconnect::INVALID_TOKEN);
            }
            if !rules.allow_anonymous {
                return Step::Close(Disconnect::BAD_REQUEST);
            }
        }
        self.phase = Phase::Connected;
        let result = ConnectResult {
            client: self.client().into(),
            version: VERSION.into(),
            ping: ping_seconds(rules.ping_interval),
            pong: !rules.ping_interval.is_zero() && !rules.pong_timeout.is_zero(),
            ..ConnectResult::default()
        };
        Step::Welcome(Reply { id, body: Ok(Res::Connect(result)) })
    }

    /// Whether the session's user may do what one option allows to users, and another to anonymous ones as well.
    pub(super) fn is_allowed(&self, for_users: bool, for_anonymous: bool) -> bool {
        for_users && (for_anonymous || !self.user.is_empty())
    }
}

/// The interval of pings in the protocol's whole seconds, rounded up: 0 would say that there are none, and a client that
/// waits a little longer than it has to loses nothing.
fn ping_seconds(interval: Duration) -> u32 {
    let seconds = interval.as_secs().saturating_add(u64::from(interval.subsec_nanos() > 0));
    u32::try_from(seconds).unwrap_or(u32::MAX)
}
