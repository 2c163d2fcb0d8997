//! Why a command is not carried out: an error for its reply, the end of the session, or a key that has to be fetched first.

use wavecast_protocol::centrifuge::{Disconnect, Error, Reply};

use super::question::{Question, TokenKind};
use super::step::Step;
use crate::token::{KeyId, Refusal};

/// Why a command is not carried out.
#[derive(Debug)]
pub(super) enum Refused {
    Error(Error),
    Close(Disconnect),
    /// The command is to be tried again when the key is there, or known not to be. With the channel that it is to subscribe to,
    /// if it is.
    Key(TokenKind, KeyId, Option<Box<str>>),
}

impl Refused {
    /// What follows from it for the command with this id.
    pub(super) fn step<'c>(self, id: u32) -> Step<'c> {
        match self {
            Self::Error(error) => Step::Reply(Reply { id, body: Err(error) }),
            Self::Close(disconnect) => Step::Close(disconnect),
            Self::Key(kind, key, channel) => Step::Ask(Question::Key { id, kind, key, channel }),
        }
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Disconnect> for Refused {
    fn from(disconnect: Disconnect) -> Self {
        Self::Close(disconnect)
    }
}

impl Refused {
    /// Why a token is not taken: `invalid` and `expired` say what follows from that here.
    pub(super) fn of_token(refusal: Refusal, kind: TokenKind, invalid: Self, expired: Self) -> Self {
        match refusal {
            Refusal::Expired | Refusal::NotYetValid => expired,
            Refusal::Invalid(flaw) => {
                tracing::info!(?kind, %flaw, "token refused");
                invalid
            }
            Refusal::KeyWanted(key) => Self::Key(kind, key, None),
            Refusal::KeyUnavailable => Self::Error(Error::INTERNAL),
        }
    }

    /// The command is to subscribe to this channel.
    pub(super) fn of_subscribing_to(self, channel: &str) -> Self {
        match self {
            Self::Key(kind, key, _) => Self::Key(kind, key, Some(channel.into())),
            other => other,
        }
    }
}
