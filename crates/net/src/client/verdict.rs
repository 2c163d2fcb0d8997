//! Whether to connect again: what a close code, a status or an error says about the next attempt.

use std::time::Duration;

use wavecast_websocket::CloseCode;
use wavecast_websocket::handshake::HandshakeError;

use super::error::{Closed, ConnectError};

/// Longest time that a server can put off the next attempt with `Retry-After`.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What follows when there is no connection (any more).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Connect again, after a delay.
    Retry,
    /// Stop for good.
    Stop,
}

impl Verdict {
    /// What a [`Reconnect`](super::Reconnect) does by default when a connection has ended.
    ///
    /// It stops after the codes 1000 (the purpose is fulfilled), 1002, 1003, 1007, 1008, 1009 and 1010 (the same would
    /// happen again), 3000 and 3003 (unauthorized, forbidden); and it connects again after all others, and where there
    /// was no close frame.
    #[must_use]
    pub fn default_after_close(closed: &Closed) -> Self {
        after_close(closed)
    }

    /// What it does by default when there was no connection to be had.
    ///
    /// It stops where the next attempt would be the same: after an error in the URL, a header, a proxy's URL or the own
    /// settings of TLS, and after a status of 3xx or 4xx, except 408, 421, 425 and 429; it connects again after all
    /// others.
    #[must_use]
    pub fn default_after_refusal(error: &ConnectError) -> Self {
        after_refusal(error)
    }
}

pub(super) fn after_close(closed: &Closed) -> Verdict {
    match closed.code {
        CloseCode::NORMAL
        | CloseCode::PROTOCOL_ERROR
        | CloseCode::UNSUPPORTED
        | CloseCode::INVALID_PAYLOAD
        | CloseCode::POLICY_VIOLATION
        | CloseCode::MESSAGE_TOO_BIG
        | CloseCode::MANDATORY_EXTENSION => Verdict::Stop,
        // IANA registry: unauthorized, forbidden.
        code if matches!(code.get(), 3000 | 3003) => Verdict::Stop,
        _ => Verdict::Retry,
    }
}

pub(super) fn after_refusal(error: &ConnectError) -> Verdict {
    match error {
        ConnectError::Url(_)
        | ConnectError::TlsUnavailable
        | ConnectError::ProxyUrl(_)
        | ConnectError::Request(_) => Verdict::Stop,
        #[cfg(feature = "tls")]
        ConnectError::Tls(error) if matches!(error.fault(), super::tls_error::TlsFault::Config(_)) => {
            Verdict::Stop
        }
        ConnectError::Handshake(HandshakeError::Status(rejected)) => match rejected.status {
            408 | 421 | 425 | 429 => Verdict::Retry,
            300..=499 => Verdict::Stop,
            _ => Verdict::Retry,
        },
        _ => Verdict::Retry,
    }
}

/// How long the server wants to be left alone (RFC 9110 §10.2.3); a date counts as nothing said.
pub(super) fn retry_after(error: &ConnectError) -> Duration {
    let ConnectError::Handshake(HandshakeError::Status(rejected)) = error else { return Duration::ZERO };
    let seconds = rejected.header("retry-after").and_then(|value| value.trim().parse().ok());
    seconds.map_or(Duration::ZERO, Duration::from_secs).min(RETRY_AFTER_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::error::Side;
    use wavecast_websocket::handshake::Rejected;

    fn rejected(status: u16, retry_after: &str) -> ConnectError {
        let headers = vec![("Retry-After".to_owned(), retry_after.to_owned())];
        let rejected = Rejected { status, headers, body_start: Vec::new() };
        ConnectError::Handshake(HandshakeError::Status(Box::new(rejected)))
    }

    #[test]
    fn codes_and_statuses_say_what_follows() {
        for (code, stops) in [
            (CloseCode::NORMAL, true),
            (CloseCode::GOING_AWAY, false),
            (CloseCode::PROTOCOL_ERROR, true),
            (CloseCode::NO_STATUS, false),
            (CloseCode::ABNORMAL, false),
            (CloseCode::POLICY_VIOLATION, true),
            (CloseCode::MESSAGE_TOO_BIG, true),
            (CloseCode::INTERNAL_ERROR, false),
            (CloseCode::SERVICE_RESTART, false),
            (CloseCode::TRY_AGAIN_LATER, false),
            (CloseCode::new(3000).unwrap(), true),
            (CloseCode::new(3003).unwrap(), true),
            (CloseCode::new(4000).unwrap(), false),
        ] {
            let closed = Closed { code, reason: String::new(), by: Side::Peer };
            assert_eq!(after_close(&closed) == Verdict::Stop, stops, "{code}");
        }
        for (status, stops) in [
            (200, false),
            (302, true),
            (401, true),
            (403, true),
            (404, true),
            (408, false),
            (429, false),
            (503, false),
        ] {
            assert_eq!(after_refusal(&rejected(status, "")) == Verdict::Stop, stops, "{status}");
        }
        assert_eq!(after_refusal(&ConnectError::TlsUnavailable), Verdict::Stop);
        assert_eq!(after_refusal(&ConnectError::Io(std::io::ErrorKind::BrokenPipe.into())), Verdict::Retry);
    }

    #[test]
    fn a_server_can_put_off_an_attempt_but_not_for_ever() {
        for (value, seconds) in [("", 0), ("7", 7), (" 7 ", 7), ("-7", 0), ("soon", 0), ("99999999999", 300)]
        {
            assert_eq!(retry_after(&rejected(503, value)), Duration::from_secs(seconds), "{value:?}");
        }
    }
}
