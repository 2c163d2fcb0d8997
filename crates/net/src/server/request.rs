//! A request at the door of the server, and a verdict on it that may come later.

use std::any::Any;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::net::SocketAddr;

use wavecast_websocket::handshake::RequestHead;

use super::command::{Command, Decided};
use super::hall::Hall;
use super::peer::{Peer, PeerError};
use crate::params::Params;
use crate::shard::{ConnectionId, Verdict};

/// A whole request head, before anything has opened. What is put into its state here is there when it opens.
pub struct Request<'r, S = ()> {
    /// What was asked for.
    pub head: &'r RequestHead<'r>,
    /// Where it came from; behind a proxy that says so with the PROXY protocol, the client's address.
    pub peer: SocketAddr,
    /// The parts of the path that the route names; none without routes.
    pub params: Params<'r>,
    pub(super) hall: &'r Hall,
    pub(super) id: ConnectionId,
    pub(super) state: &'r mut S,
}

/// The promise of a verdict on a request ([`Verdict::Later`]). It may be sent to any thread. Dropped without an answer, it
/// refuses with 500.
#[must_use = "without an answer the request is refused"]
#[derive(Debug)]
pub struct Decision<S = ()> {
    peer: Option<Peer>,
    state: PhantomData<fn(S)>,
}

impl<S: Send + 'static> Request<'_, S> {
    /// The first field with this name in any case, if its value is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The first parameter of the query with this name, decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        self.head.query_parameter(name)
    }

    /// The value of the first cookie with this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.head.cookie(name)
    }

    /// The part of the path with this name, decoded: see [`Routes`](super::Routes).
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.params.get(name)
    }

    /// What the program will keep of the connection; so far `S::default()`.
    #[must_use]
    pub fn state(&self) -> &S {
        self.state
    }

    /// What the program will keep of the connection. It is dropped if the connection does not open.
    pub fn state_mut(&mut self) -> &mut S {
        self.state
    }

    /// For a verdict that has to be waited for. Return [`Verdict::Later`] and give the decision to whoever knows:
    ///
    /// ```
    /// use wavecast_net::server::{Connection, Events, Request};
    /// use wavecast_net::shard::Verdict;
    /// use wavecast_net::MessageRef;
    ///
    /// # fn look_up(token: &str) -> Option<String> { (token == "7f").then(|| "ada".into()) }
    /// struct Members;
    ///
    /// impl Events<String> for Members {
    ///     fn request(&self, request: &mut Request<'_, String>) -> Verdict {
    ///         let Some(token) = request.query("token").map(|token| token.into_owned()) else {
    ///             return Verdict::refuse(401, "who are you?");
    ///         };
    ///         let decision = request.later();
    ///         std::thread::spawn(move || match look_up(&token) {
    ///             Some(name) => decision.answer_with(name, Verdict::Upgrade),
    ///             None => decision.answer(Verdict::refuse(403, "not you")),
    ///         });
    ///         Verdict::Later
    ///     }
    ///
    ///     fn message(&self, connection: &mut Connection<'_, String>, _: MessageRef<'_>) {
    ///         let name = connection.state().clone();
    ///         connection.send(&name).ok();
    ///     }
    /// }
    /// ```
    pub fn later(&self) -> Decision<S> {
        Decision { peer: Some(self.hall.peer(self.id)), state: PhantomData }
    }
}

impl<S: Send + 'static> Decision<S> {
    /// Gives the verdict. Where the request has gone meanwhile, or its time is over, nothing happens.
    ///
    /// # Errors
    /// [`PeerError`] when the control lane of the shard's inbox is full, or the server has ended. The request is answered 503
    /// when its time is over, then.
    pub fn answer(mut self, verdict: Verdict) -> Result<(), PeerError> {
        self.give(verdict, None)
    }

    /// As [`Decision::answer`], with what the program keeps of the connection from now on.
    ///
    /// # Errors
    /// As [`Decision::answer`].
    pub fn answer_with(mut self, state: S, verdict: Verdict) -> Result<(), PeerError> {
        self.give(verdict, Some(Box::new(state)))
    }
}

impl<S> Decision<S> {
    fn give(&mut self, verdict: Verdict, state: Option<Box<dyn Any + Send>>) -> Result<(), PeerError> {
        let Some(peer) = self.peer.take() else { return Ok(()) };
        let decided = Decided { id: peer.id(), verdict, state };
        peer.remote().push_control(Command::Decide(Box::new(decided))).map_err(|_| PeerError)
    }
}

impl<S> Drop for Decision<S> {
    fn drop(&mut self) {
        self.give(Verdict::refuse(500, "no decision"), None).ok();
    }
}
