//! The tables of codes: what went wrong with a command, why a connection ends, why a subscription ends.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// Why a command failed. 100–399 are the protocol's own, 400–1999 an application's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The number programs act upon.
    pub code: u32,
    /// The text people read.
    pub message: Cow<'static, str>,
    /// The client may try again later; its library does so by itself for connect and subscribe.
    pub temporary: bool,
}

impl Error {
    /// Something failed in the server; the client may try again.
    pub const INTERNAL: Self = Self::of(100, "internal server error", true);
    /// The client must authenticate first.
    pub const UNAUTHORIZED: Self = Self::of(101, "unauthorized", false);
    /// The channel's namespace does not exist.
    pub const UNKNOWN_CHANNEL: Self = Self::of(102, "unknown channel", false);
    /// The client may not do this.
    pub const PERMISSION_DENIED: Self = Self::of(103, "permission denied", false);
    /// There is no such method.
    pub const METHOD_NOT_FOUND: Self = Self::of(104, "method not found", false);
    /// The client is subscribed to the channel already.
    pub const ALREADY_SUBSCRIBED: Self = Self::of(105, "already subscribed", false);
    /// A limit is reached, such as that on channels.
    pub const LIMIT_EXCEEDED: Self = Self::of(106, "limit exceeded", false);
    /// The request makes no sense.
    pub const BAD_REQUEST: Self = Self::of(107, "bad request", false);
    /// The server or the channel does not offer this.
    pub const NOT_AVAILABLE: Self = Self::of(108, "not available", false);
    /// The token's time is up; the client fetches a new one and tries again.
    pub const TOKEN_EXPIRED: Self = Self::of(109, "token expired", false);
    /// The connection's or subscription's time is up.
    pub const EXPIRED: Self = Self::of(110, "expired", false);
    /// The client is too fast; it may try again.
    pub const TOO_MANY_REQUESTS: Self = Self::of(111, "too many requests", true);
    /// The stream does not hold what follows the position.
    pub const UNRECOVERABLE_POSITION: Self = Self::of(112, "unrecoverable position", false);
    /// The state changed while it was paged through; the client begins again.
    pub const CONCURRENT_PAGINATION: Self = Self::of(113, "concurrent pagination", true);
    /// The server API's meaning of 113.
    pub const CONFLICT: Self = Self::of(113, "conflict", false);

    const fn of(code: u32, message: &'static str, temporary: bool) -> Self {
        Self { code, message: Cow::Borrowed(message), temporary }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Error {}

/// Why the server ends a connection: code and reason of the WebSocket close frame, or of a disconnect push where
/// the transport has no close frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Disconnect {
    /// The code of the close frame.
    pub code: u16,
    /// The reason of the close frame, at most 123 bytes.
    pub reason: Cow<'static, str>,
}

impl Disconnect {
    /// The codes that there are: those of close frames that are not WebSocket's own (RFC 6455 §7.4.2).
    pub const CODES: RangeInclusive<u16> = 3000..=4999;

    /// The client ended it.
    pub const CONNECTION_CLOSED: Self = Self::of(3000, "connection closed");
    /// The node shuts down.
    pub const SHUTDOWN: Self = Self::of(3001, "shutdown");
    /// Something failed in the server.
    pub const SERVER_ERROR: Self = Self::of(3004, "internal server error");
    /// The connection's token expired and was not refreshed in time.
    pub const EXPIRED: Self = Self::of(3005, "connection expired");
    /// A subscription's token expired and was not refreshed in time.
    pub const SUB_EXPIRED: Self = Self::of(3006, "subscription expired");
    /// The client reads more slowly than the server writes.
    pub const SLOW: Self = Self::of(3008, "slow");
    /// Writing to the connection failed.
    pub const WRITE_ERROR: Self = Self::of(3009, "write error");
    /// The server cannot vouch for the client's position any more.
    pub const INSUFFICIENT_STATE: Self = Self::of(3010, "insufficient state");
    /// An operator asked the client to connect anew.
    pub const FORCE_RECONNECT: Self = Self::of(3011, "force reconnect");
    /// A ping was not answered in time.
    pub const NO_PONG: Self = Self::of(3012, "no pong");
    /// The client is too fast.
    pub const TOO_MANY_REQUESTS: Self = Self::of(3013, "too many requests");
    /// The client has to drop its token and positions and begin anew.
    pub const STATE_INVALIDATED: Self = Self::of(3014, "state invalidated");
    /// The token cannot be accepted.
    pub const INVALID_TOKEN: Self = Self::of(3500, "invalid token");
    /// The client breaks the protocol.
    pub const BAD_REQUEST: Self = Self::of(3501, "bad request");
    /// The client did not send connect in time.
    pub const STALE: Self = Self::of(3502, "stale");
    /// An operator ended the connection for good.
    pub const FORCE_NO_RECONNECT: Self = Self::of(3503, "force disconnect");
    /// There are as many connections as there may be.
    pub const CONNECTION_LIMIT: Self = Self::of(3504, "connection limit");
    /// The client would have more channels than it may.
    pub const CHANNEL_LIMIT: Self = Self::of(3505, "channel limit");
    /// The client chose a protocol that the server cannot use here.
    pub const INAPPROPRIATE_PROTOCOL: Self = Self::of(3506, "inappropriate protocol");
    /// The client may not connect.
    pub const PERMISSION_DENIED: Self = Self::of(3507, "permission denied");
    /// The server does not offer this.
    pub const NOT_AVAILABLE: Self = Self::of(3508, "not available");
    /// The client made too many errors.
    pub const TOO_MANY_ERRORS: Self = Self::of(3509, "too many errors");

    const fn of(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }

    /// The client should connect again: true for all codes but 3500–3999 and 4500–4999.
    pub const fn reconnect(&self) -> bool {
        !matches!(self.code, 3500..=3999 | 4500..=4999)
    }
}

impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

/// Why the server, or the client itself, ends a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Unsubscribed {
    /// The number programs act upon.
    pub code: u32,
    /// The text people read.
    pub reason: &'static str,
}

impl Unsubscribed {
    /// The client asked for it. Never sent.
    pub const CLIENT: Self = Self::of(0, "client unsubscribed");
    /// The connection ended. Never sent.
    pub const DISCONNECT: Self = Self::of(1, "client disconnected");
    /// The back end asked for it.
    pub const SERVER: Self = Self::of(2000, "server unsubscribe");
    /// The server cannot vouch for the position any more.
    pub const INSUFFICIENT_STATE: Self = Self::of(2500, "insufficient state");
    /// The subscription's token expired and was not refreshed in time.
    pub const EXPIRED: Self = Self::of(2501, "subscription expired");
    /// The client has to drop the token and position of the subscription and begin anew.
    pub const STATE_INVALIDATED: Self = Self::of(2502, "state invalidated");

    const fn of(code: u32, reason: &'static str) -> Self {
        Self { code, reason }
    }

    /// The client should subscribe again: true from 2500 on.
    pub const fn resubscribe(&self) -> bool {
        self.code >= 2500
    }
}

impl fmt::Display for Unsubscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_codes_do_not_reconnect() {
        for (code, reconnect) in [(3000, true), (3499, true), (3500, false), (3999, false), (4000, true)] {
            assert_eq!(Disconnect { code, reason: "".into() }.reconnect(), reconnect, "{code}");
        }
        for (code, reconnect) in [(4499, true), (4500, false), (4999, false), (1000, true)] {
            assert_eq!(Disconnect { code, reason: "".into() }.reconnect(), reconnect, "{code}");
        }
        assert!(Disconnect::SLOW.reconnect() && !Disconnect::BAD_REQUEST.reconnect());
    }

    #[test]
    fn insufficient_state_resubscribes() {
        assert!(Unsubscribed::INSUFFICIENT_STATE.resubscribe() && !Unsubscribed::SERVER.resubscribe());
    }
}
