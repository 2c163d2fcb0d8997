//! Several kinds of connections on one server, by the path that they ask for.

use std::any::Any;
use std::sync::Arc;

use super::connection::Connection;
use super::events::Events;
use super::hall::Hall;
use super::pattern::{InvalidPath, Pattern};
use super::request::Request;
use crate::message::{MessageRef, Piece};
use crate::params::Params;
use crate::shard::{Close, ConnectionError, ConnectionId, Connections, Opening, Verdict};

/// Paths and what happens there: each with events of its own and a state of its own.
///
/// ```
/// use wavecast_net::server::{Connection, Events, Routes};
/// use wavecast_net::shard::Opening;
/// use wavecast_net::MessageRef;
///
/// struct Chat;
/// struct Game;
///
/// impl Events for Chat {
///     fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
///         connection.broadcast(message).ok();
///     }
/// }
///
/// /// Keeps the name of its room.
/// impl Events<String> for Game {
///     fn open(&self, connection: &mut Connection<'_, String>, opening: &Opening<'_>) {
///         let room = opening.params.get("room").unwrap_or_default().into_owned();
///         connection.join(&room).ok();
///         *connection.state_mut() = room;
///     }
///
///     fn message(&self, connection: &mut Connection<'_, String>, message: MessageRef<'_>) {
///         let room = connection.state().clone();
///         connection.group(&room).send_to_others(message).ok();
///     }
/// }
///
/// let routes = Routes::new().at("/chat", Chat).at("/game/{room}", Game);
/// ```
///
/// # What matches
/// A path is compared with the target of the request as it was sent, without its query: byte by byte, case matters, nothing
/// is decoded or normalised, and `/chat/` is another path than `/chat`. `{name}` stands for one part between two slashes that
/// is not empty; `{*name}`, at the end, for all of the rest, which may be empty. A path may name 8 parts.
/// Where several routes match, parts are compared from the left: a literal goes before a `{name}`, and that before a
/// `{*name}`; the order in which routes were added does not matter. Where none matches the answer is 404.
///
/// # Cost
/// A connection behind a route has one allocation, for its state, and each of its events one indirect call.
#[derive(Default)]
pub struct Routes {
    routes: Vec<Route>,
}

struct Route {
    pattern: Pattern,
    entrance: Box<dyn Entrance>,
}

/// The state of a connection behind a route.
#[derive(Default)]
pub struct Routed(Option<Box<dyn Seat>>);

/// Where the connections of one route come in.
trait Entrance: Send + Sync {
    fn request(&self, request: Asked<'_>) -> (Verdict, Box<dyn Seat>);
    fn seat(&self) -> Box<dyn Seat>;
}

/// A [`Request`] without its state.
struct Asked<'r> {
    request: &'r Request<'r, Routed>,
    params: Params<'r>,
}

/// One connection behind a route: its state, and the events that know its type.
trait Seat: Send {
    fn open(&mut self, context: Context<'_>, opening: &Opening<'_>);
    fn message(&mut self, context: Context<'_>, message: MessageRef<'_>);
    fn piece(&mut self, context: Context<'_>, piece: Piece<'_>);
    fn ping(&mut self, context: Context<'_>, payload: &[u8]);
    fn pong(&mut self, context: Context<'_>, payload: &[u8]);
    fn drained(&mut self, context: Context<'_>);
    fn close(&mut self, context: Context<'_>, close: &Close<'_>);
    fn error(&mut self, context: Context<'_>, error: &ConnectionError);
    fn put(&mut self, state: Box<dyn Any + Send>);
}

/// A [`Connection`] without its state.
struct Context<'c> {
    connections: &'c mut Connections,
    hall: &'c mut Hall,
    id: ConnectionId,
}

impl Routes {
    /// No routes: everything is answered 404.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route.
    ///
    /// # Panics
    /// When the path is no path of a route, or another route matches the same paths: a mistake of the program. Where paths come
    /// from elsewhere, see [`Routes::try_at`].
    #[must_use]
    #[track_caller]
    pub fn at<S: Default + Send + 'static>(self, path: &str, events: impl Events<S>) -> Self {
        match self.try_at(path, events) {
            Ok(routes) => routes,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`Routes::at`].
    ///
    /// # Errors
    /// [`InvalidPath`] where [`Routes::at`] panics.
    pub fn try_at<S: Default + Send + 'static>(
        mut self,
        path: &str,
        events: impl Events<S>,
    ) -> Result<Self, InvalidPath> {
        let pattern = Pattern::new(path)?;
        if self.routes.iter().any(|route| route.pattern.is_same(&pattern)) {
            return Err(InvalidPath::taken(path));
        }
        let entrance = Box::new(Typed { events: Arc::new(events), state: std::marker::PhantomData });
        self.routes.push(Route { pattern, entrance });
        self.routes.sort_by_cached_key(|route| route.pattern.precedence());
        Ok(self)
    }
}

impl Routed {
    pub(super) fn put(&mut self, state: Box<dyn Any + Send>) {
        if let Some(seat) = &mut self.0 {
            seat.put(state);
        }
    }
}

impl Events<Routed> for Routes {
    fn request(&self, request: &mut Request<'_, Routed>) -> Verdict {
        let path = request.head.path().unwrap_or_default();
        let found = self.routes.iter().find_map(|route| Some((route, route.pattern.matches(path)?)));
        let Some((route, found)) = found else {
            return Verdict::refuse(404, "there is nothing at this path");
        };
        let asked = Asked { request, params: Params::new(found.pairs()) };
        let (verdict, seat) = route.entrance.request(asked);
        request.state.0 = Some(seat);
        verdict
    }

    fn open(&self, connection: &mut Connection<'_, Routed>, opening: &Opening<'_>) {
        let path = opening.head.path().unwrap_or_default();
        let found = self.routes.iter().find_map(|route| Some((route, route.pattern.matches(path)?)));
        let Some((route, found)) = found else { return connection.terminate() };
        let opening = Opening { params: Params::new(found.pairs()), ..*opening };
        connection.state.0.get_or_insert_with(|| route.entrance.seat());
        connection.seated(|seat, context| seat.open(context, &opening));
    }

    fn message(&self, connection: &mut Connection<'_, Routed>, message: MessageRef<'_>) {
        connection.seated(|seat, context| seat.message(context, message));
    }

    fn piece(&self, connection: &mut Connection<'_, Routed>, piece: Piece<'_>) {
        connection.seated(|seat, context| seat.piece(context, piece));
    }

    fn ping(&self, connection: &mut Connection<'_, Routed>, payload: &[u8]) {
        connection.seated(|seat, context| seat.ping(context, payload));
    }

    fn pong(&self, connection: &mut Connection<'_, Routed>, payload: &[u8]) {
        connection.seated(|seat, context| seat.pong(context, payload));
    }

    fn drained(&self, connection: &mut Connection<'_, Routed>) {
        connection.seated(|seat, context| seat.drained(context));
    }

    fn close(&self, connection: &mut Connection<'_, Routed>, close: &Close<'_>) {
        connection.seated(|seat, context| seat.close(context, close));
    }

    fn error(&self, connection: &mut Connection<'_, Routed>, error: &ConnectionError) {
        connection.seated(|seat, context| seat.error(context, error));
    }
}

impl Connection<'_, Routed> {
    fn seated(&mut self, event: impl FnOnce(&mut dyn Seat, Context<'_>)) {
        if let Some(seat) = &mut self.state.0 {
            let context = Context { connections: self.connections, hall: self.hall, id: self.id };
            event(&mut **seat, context);
        }
    }
}

/// A route whose types are known.
struct Typed<E, S> {
    events: Arc<E>,
    state: std::marker::PhantomData<fn() -> S>,
}

struct TypedSeat<E, S> {
    events: Arc<E>,
    state: S,
}

impl<S: Default + Send + 'static, E: Events<S>> Entrance for Typed<E, S> {
    fn request(&self, Asked { request, params }: Asked<'_>) -> (Verdict, Box<dyn Seat>) {
        let mut seat = Box::new(TypedSeat { events: Arc::clone(&self.events), state: S::default() });
        let &Request { head, peer, hall, id, .. } = request;
        let verdict =
            self.events.request(&mut Request { head, peer, params, hall, id, state: &mut seat.state });
        (verdict, seat)
    }

    fn seat(&self) -> Box<dyn Seat> {
        Box::new(TypedSeat { events: Arc::clone(&self.events), state: S::default() })
    }
}

impl<S: Default + Send + 'static, E: Events<S>> Seat for TypedSeat<E, S> {
    fn open(&mut self, context: Context<'_>, opening: &Opening<'_>) {
        self.events.open(&mut context.with(&mut self.state), opening);
    }

    fn message(&mut self, context: Context<'_>, message: MessageRef<'_>) {
        self.events.message(&mut context.with(&mut self.state), message);
    }

    fn piece(&mut self, context: Context<'_>, piece: Piece<'_>) {
        self.events.piece(&mut context.with(&mut self.state), piece);
    }

    fn ping(&mut self, context: Context<'_>, payload: &[u8]) {
        self.events.ping(&mut context.with(&mut self.state), payload);
    }

    fn pong(&mut self, context: Context<'_>, payload: &[u8]) {
        self.events.pong(&mut context.with(&mut self.state), payload);
    }

    fn drained(&mut self, context: Context<'_>) {
        self.events.drained(&mut context.with(&mut self.state));
    }

    fn close(&mut self, context: Context<'_>, close: &Close<'_>) {
        self.events.close(&mut context.with(&mut self.state), close);
    }

    fn error(&mut self, context: Context<'_>, error: &ConnectionError) {
        self.events.error(&mut context.with(&mut self.state), error);
    }

    fn put(&mut self, state: Box<dyn Any + Send>) {
        if let Ok(state) = state.downcast::<S>() {
            self.state = *state;
        }
    }
}

impl<'c> Context<'c> {
    fn with<S>(self, state: &'c mut S) -> Connection<'c, S> {
        let Self { connections, hall, id } = self;
        Connection { connections, hall, id, state }
    }
}
