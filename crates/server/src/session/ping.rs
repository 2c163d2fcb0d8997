//! Pings of the protocol: the server asks, the client answers, silence ends the session.

use wavecast_protocol::centrifuge::Disconnect;

use super::{Phase, Rules, Session, Step};

/// Where the session stands between two pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ping {
    /// The timer is set for the next ping.
    #[default]
    Resting,
    /// A ping has gone out, and the timer is set for its answer.
    Asked,
    /// It has been answered; the timer still runs.
    Answered,
}

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
