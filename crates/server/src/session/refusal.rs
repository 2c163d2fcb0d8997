//! Why a command is not carried out: an error for its reply, the end of the session, or a key that has to be fetched first.

use wavecast_protocol::centrifuge::{Disconnect, Error, Reply};

use super::question::Question;
use super::step::Step;
use crate::token::{KeyId, Refusal};

/// Why a command is not carried out.
#[derive(Debug)]
pub(super) enum Refused {
    Error(Error),
    Close(Disconnect),
    /// The command is to be tried again when the key is there, or known not to be.
    Key(KeyId),
}

impl Refused {
    /// What follows from it for the command with this id.
    pub(super) fn step<'c>(self, id: u32) -> Step<'c> {
        match self {
            Self::Error(error) => Step::Reply(Reply { id, body: Err(error) }),
            Self::Close(disconnect) => Step::Close(disconnect),
            Self::Key(wanted) => Step::Ask(Question::Key(wanted)),
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

/// The rules for subscription tokens; those for connection tokens differ where a token is bad, see `connect`.
impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Expired => Self::Error(Error::TOKEN_EXPIRED),
            Refusal::Invalid(reason) => {
                tracing::info!(%reason, "subscription token refused");
                Self::Error(Error::PERMISSION_DENIED)
            }
            Refusal::KeyWanted(wanted) => Self::Key(wanted),
        }
    }
}
