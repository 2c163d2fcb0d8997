//! Pings of the protocol: the server asks, the client answers, silence ends the session.

use wavecast_protocol::centrifuge::Disconnect;

use super::rules::Rules;
use super::state::{Phase, Ping, Session};
use super::step::Step;

/// What the session's timer demands.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Send a ping and set the timer.
    Ping { next: std::time::Duration },
    /// Just set the timer.
    Rest { next: std::time::Duration },
    /// The session is over.
    Close(Disconnect),
}

impl Session {
    /// The session's timer has come.
    pub(crate) fn beat(&mut self, rules: &Rules) -> Beat {
        if self.phase == Phase::Waiting {
            return Beat::Close(Disconnect::STALE);
        }
        match self.ping {
            // No answer is wanted: ping after ping.
            Ping::Resting if rules.pong_timeout.is_zero() => Beat::Ping { next: rules.ping_interval },
            Ping::Resting => {
                self.ping = Ping::Asked;
                Beat::Ping { next: rules.pong_timeout }
            }
            Ping::Asked => Beat::Close(Disconnect::NO_PONG),
            Ping::Answered => {
                self.ping = Ping::Resting;
                Beat::Rest { next: rules.ping_interval.saturating_sub(rules.pong_timeout) }
            }
        }
    }

    /// An answer to a ping has come; one without a question is against the protocol.
    pub(super) fn pong<'c>(&mut self) -> Step<'c> {
        if self.ping != Ping::Asked {
            return Step::Close(Disconnect::BAD_REQUEST);
        }
        self.ping = Ping::Answered;
        Step::Nothing
    }
}
