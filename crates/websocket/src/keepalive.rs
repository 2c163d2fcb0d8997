//! Whether the peer is still there: when to ping, and when to give up (RFC 6455 §5.5.2).
//!
//! Time is an argument, in milliseconds of any clock that does not run backwards (one that does makes the wait longer,
//! never shorter). Every byte from the peer is a sign of life, so a busy connection is never pinged.

/// How long silence may last. One for all connections of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// Silence after which a ping is sent, in milliseconds. Default 25,000: below the 30 to 60 seconds after which
    /// common proxies and mobile networks forget a silent connection. 0: no pings, and the peer is never given up.
    pub ping_interval_ms: u32,
    /// Further silence, from the ping on, after which the peer counts as dead, in milliseconds. Default 10,000.
    pub pong_timeout_ms: u32,
}

impl Intervals {
    /// The documented defaults, for use in a `const`.
    pub const DEFAULT: Self = Self { ping_interval_ms: 25_000, pong_timeout_ms: 10_000 };
}

impl Default for Intervals {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing before this time; `None`: nothing at all.
    Wait {
        /// When to ask again, on the caller's clock.
        until_ms: Option<u64>,
    },
    /// Send a ping. It counts as sent now; the answer to the next question is to wait for the pong.
    SendPing,
    /// The peer has been silent for too long: end the connection ([`ABNORMAL`](crate::CloseCode::ABNORMAL)).
    PeerDead,
}

/// What one connection remembers: 16 bytes.
///
/// ```
/// use wavecast_websocket::keepalive::{Action, Intervals, KeepAlive};
///
/// let intervals = Intervals { ping_interval_ms: 1_000, pong_timeout_ms: 200 };
/// let mut alive = KeepAlive::new(0);
/// assert_eq!(alive.poll(&intervals, 400), Action::Wait { until_ms: Some(1_000) });
/// assert_eq!(alive.poll(&intervals, 1_000), Action::SendPing);
/// assert_eq!(alive.poll(&intervals, 1_100), Action::Wait { until_ms: Some(1_200) });
/// alive.heard(1_150); // the pong, or anything else
/// assert_eq!(alive.poll(&intervals, 1_200), Action::Wait { until_ms: Some(2_150) });
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KeepAlive {
    // When the peer was last heard, or, while `pinged`, when the ping was sent.
    since_ms: u64,
    pinged: bool,
}

impl KeepAlive {
    /// A connection that was opened now.
    #[must_use]
    pub const fn new(now_ms: u64) -> Self {
        Self { since_ms: now_ms, pinged: false }
    }

    /// Bytes came in. To be called, too, when reading resumes after a pause of ours: silence that we caused is not
    /// held against the peer.
    pub const fn heard(&mut self, now_ms: u64) {
        self.since_ms = now_ms;
        self.pinged = false;
    }

    /// What to do at this time.
    pub const fn poll(&mut self, intervals: &Intervals, now_ms: u64) -> Action {
        if intervals.ping_interval_ms == 0 {
            return Action::Wait { until_ms: None };
        }
        let patience_ms = if self.pinged { intervals.pong_timeout_ms } else { intervals.ping_interval_ms };
        let until_ms = self.since_ms.saturating_add(patience_ms as u64);
        if now_ms < until_ms {
            return Action::Wait { until_ms: Some(until_ms) };
        }
        if self.pinged {
            return Action::PeerDead;
        }
        self.since_ms = now_ms;
        self.pinged = true;
        Action::SendPing
    }
}
