//! How a session ended, and what follows from it: the codes that tell fatal from transient.

use wavecast_net::client::{CloseCode, Closed};
use wavecast_protocol::centrifuge::{Disconnect, Error};

use crate::error::Cause;

/// How a session ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) cause: Cause,
    pub(crate) next: Next,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Reconnect,
    /// Reconnect with another token.
    RenewToken,
    /// Reconnect with other tokens, and without positions.
    StartAnew,
    /// The client is over.
    Stop,
}

impl End {
    /// The transport failed, or was closed without a code of the push protocol.
    pub(crate) fn transport(error: impl std::fmt::Display) -> Self {
        Self { cause: Cause::transport(error), next: Next::Reconnect }
    }

    /// This program wants it so.
    pub(crate) fn local(reason: &str) -> Self {
        Self { cause: Cause::new(Cause::LOCAL, reason), next: Next::Stop }
    }

    /// There is no token to be had.
    pub(crate) fn unauthorized() -> Self {
        Self { cause: Cause::unauthorized(), next: Next::Stop }
    }

    /// The connection was closed with a close frame.
    pub(crate) fn closed(closed: Option<&Closed>) -> Self {
        match closed {
            // The same message would be too big the next time.
            Some(closed) if closed.code == CloseCode::MESSAGE_TOO_BIG => {
                Self { cause: Cause::new(closed.code.get().into(), "message size limit"), next: Next::Stop }
            }
            Some(closed) if closed.code.get() >= Disconnect::CONNECTION_CLOSED.code => {
                Self::disconnected(closed.code.get().into(), &closed.reason)
            }
            Some(closed) => Self::transport(closed),
            None => Self::transport("connection closed"),
        }
    }

    /// The server has ended the connection.
    pub(crate) fn disconnected(code: u32, reason: &str) -> Self {
        let next = match code {
            _ if code == u32::from(Disconnect::STATE_INVALIDATED.code) => Next::StartAnew,
            _ if Disconnect::reconnects(code) => Next::Reconnect,
            _ => Next::Stop,
        };
        Self { cause: Cause::new(code, reason), next }
    }

    /// The server has refused the connect command, or a new token.
    pub(crate) fn refused(error: &Error) -> Self {
        let next = match error {
            _ if error.code == Error::TOKEN_EXPIRED.code => Next::RenewToken,
            _ if is_transient(error) => Next::Reconnect,
            _ => Next::Stop,
        };
        Self { cause: Cause::new(error.code, error.message.clone()), next }
    }

    /// What the server said is not the protocol.
    pub(crate) fn misbehaved(error: impl std::fmt::Display) -> Self {
        Self::transport(format_args!("the server does not speak the protocol: {error}"))
    }
}

/// Whether the same may succeed later.
pub(crate) fn is_transient(error: &Error) -> bool {
    error.temporary || error.code < Error::INTERNAL.code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_follows() {
        let table = [
            (3000, Next::Reconnect),
            (3001, Next::Reconnect),
            (3005, Next::Reconnect),
            (3012, Next::Reconnect),
            (3014, Next::StartAnew),
            (3499, Next::Reconnect),
            (3500, Next::Stop),
            (3999, Next::Stop),
            (4000, Next::Reconnect),
            (4499, Next::Reconnect),
            (4500, Next::Stop),
            (4999, Next::Stop),
            (5000, Next::Reconnect),
        ];
        for (code, next) in table {
            assert_eq!(End::disconnected(code, "").next, next, "{code}");
        }
        let table = [
            (Error::INTERNAL, Next::Reconnect),
            (Error::UNAUTHORIZED, Next::Stop),
            (Error::TOKEN_EXPIRED, Next::RenewToken),
            (Error::TOO_MANY_REQUESTS, Next::Reconnect),
            (Error { code: 1, ..Error::NOT_AVAILABLE }, Next::Reconnect),
            (Error { code: 500, ..Error::NOT_AVAILABLE }, Next::Stop),
        ];
        for (error, next) in table {
            assert_eq!(End::refused(&error).next, next, "{error}");
        }
    }
}
