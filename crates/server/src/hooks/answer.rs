//! What comes back from a hook.

use wavecast_protocol::centrifuge::{Disconnect, Error};

/// What a hook says to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// Yes, with what goes with it.
    Ok(T),
    /// The command is answered with this error. An application's own codes are 400–1999.
    Error(Error),
    /// The connection ends with this code. An application's own codes are 4000–4499 (come back) and 4500–4999 (do not).
    Disconnect(Disconnect),
    /// Nobody decided: the server goes on as if there were no hook.
    NotHandled,
}

impl<T> Answer<T> {
    /// The server's or the back end's fault: error 100, which tells the client to try again.
    pub const INTERNAL: Self = Self::Error(Error::INTERNAL);

    /// The same answer with something else in its yes.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Ok(grant) => Answer::Ok(change(grant)),
            Answer::Error(error) => Answer::Error(error),
            Answer::Disconnect(disconnect) => Answer::Disconnect(disconnect),
            Answer::NotHandled => Answer::NotHandled,
        }
    }
}

impl<T> From<Error> for Answer<T> {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl<T> From<Disconnect> for Answer<T> {
    fn from(disconnect: Disconnect) -> Self {
        Self::Disconnect(disconnect)
    }
}

impl<T> From<Result<T, Error>> for Answer<T> {
    fn from(result: Result<T, Error>) -> Self {
        result.map_or_else(Self::Error, Self::Ok)
    }
}
