//! What comes from the peer: bytes become messages, or the pieces of one.

use wavecast_websocket::deflate::Inflater;
use wavecast_websocket::{CloseFrame, Connection, Event, Input, Limits, Part, Piece, ProtocolError};

use crate::message::MessageRef;

/// What a user may want to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived<'m> {
    Message(MessageRef<'m>),
    /// Only where pieces are asked for.
    Piece(Piece<'m>),
    Pong(&'m [u8]),
}

/// What the input led to.
pub(super) enum Next<'m, R> {
    /// What the user made of something.
    Made(R),
    /// Something that the user made nothing of.
    Nothing,
    Ping(&'m [u8]),
    Close(CloseFrame<'m>),
    NeedsBytes,
    Failed(ProtocolError),
}

#[derive(Debug)]
pub(super) struct Incoming {
    connection: Connection,
    /// Owns nothing until a compressed message comes.
    inflater: Inflater,
    /// Whether messages are received in pieces, by the call under way.
    in_pieces: bool,
    /// Whether a message has been handed out in part.
    mid_message: bool,
}

impl Incoming {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, inflater: Inflater::new(), in_pieces: false, mid_message: false }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    pub(super) fn in_pieces(&mut self, in_pieces: bool) {
        self.in_pieces = in_pieces;
    }

    /// Consumes input up to the next thing that `read` is shown, or that concerns the connection itself.
    pub(super) fn next<'m, R>(
        &'m mut self,
        input: &'m mut Input<'_>,
        limits: &Limits,
        read: &mut impl FnMut(Arrived<'_>) -> Option<R>,
    ) -> Next<'m, R> {
        let Self { connection, inflater, in_pieces, mid_message } = self;
        let received = if *in_pieces || *mid_message {
            match connection.receive_part(input, limits) {
                Ok(Some(Part::Piece(piece))) => {
                    *mid_message = !piece.is_last;
                    // Who goes on with whole messages does not want the rest of this one.
                    return match in_pieces.then(|| read(Arrived::Piece(piece))).flatten() {
                        Some(made) => Next::Made(made),
                        None => Next::Nothing,
                    };
                }
                Ok(Some(Part::Control(event))) => Ok(Some(event)),
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            }
        } else {
            connection.receive_with(input, limits, inflater)
        };
        let arrived = match received {
            Ok(Some(Event::Text(text))) => Arrived::Message(MessageRef::Text(text)),
            Ok(Some(Event::Binary(bytes))) => Arrived::Message(MessageRef::Binary(bytes)),
            Ok(Some(Event::Pong(payload))) => Arrived::Pong(payload),
            Ok(Some(Event::Ping(payload))) => return Next::Ping(payload),
            Ok(Some(Event::Close(close))) => return Next::Close(close),
            Ok(None) => return Next::NeedsBytes,
            Err(error) => return Next::Failed(error),
        };
        match read(arrived) {
            Some(made) => Next::Made(made),
            None => Next::Nothing,
        }
    }
}
