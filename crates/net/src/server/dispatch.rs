//! From a shard's events to the program's: the state of each connection is looked up, and a panic stays with its connection.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::error;
use wavecast_websocket::CloseCode;

use super::command::Command;
use super::connection::Connection;
use super::events::Events;
use super::hall::Hall;
use super::request::Request;
use super::routes::Routed;
use crate::message::{MessageRef, Piece};
use crate::params::Params;
use crate::shard::{
    self, Close, ConnectionError, ConnectionId, Connections, Detached, Handler, Opening, Slots, Verdict,
};

/// The handler of one shard.
pub(super) struct Dispatch<E, S> {
    events: Arc<E>,
    /// By slot: no lock, and no look-up by name.
    states: Slots<Option<S>>,
    hall: Hall,
    side_door: Option<SideDoor>,
}

/// Takes what asks for no WebSocket.
pub(super) type SideDoor = Arc<dyn Fn(Detached) + Send + Sync>;

/// Opens a side door to somebody's HTTP service, once there are shards that handshakes may go back to.
#[cfg(feature = "hyper")]
pub(super) type Fallback = Box<dyn FnOnce(crate::mount::Mount) -> SideDoor + Send>;

impl<S: Default + Send + 'static, E: Events<S>> Dispatch<E, S> {
    pub(super) fn new(events: Arc<E>, hall: Hall, side_door: Option<SideDoor>) -> Self {
        Self { events, states: Slots::new(), hall, side_door }
    }

    /// Has an event happen to a connection; `false` if it panicked.
    fn happen(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        event: impl FnOnce(&E, &mut Connection<'_, S>),
    ) -> bool {
        let Self { events, states, hall, .. } = self;
        let Some(state) = states.get_mut(id.slot()).and_then(Option::as_mut) else { return true };
        let mut connection = Connection { connections, hall, id, state };
        catch_unwind(AssertUnwindSafe(|| event(events, &mut connection))).is_ok()
    }

    /// As [`Dispatch::happen`]; whose event panics is closed.
    fn happen_or_close(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        event: impl FnOnce(&E, &mut Connection<'_, S>),
    ) {
        if !self.happen(connections, id, event) {
            self.panicked(connections, id);
        }
    }

    #[cold]
    fn panicked(&mut self, connections: &mut Connections, id: ConnectionId) {
        error!(slot = id.slot(), "an event panicked: its connection is closed with 1011");
        if connections.is_open(id) {
            self.happen(connections, id, |events, connection| {
                events.error(connection, &ConnectionError::Panicked);
            });
        }
        connections.fail(id, CloseCode::INTERNAL_ERROR, "internal error");
    }

    /// The state goes, and a panic of its destructor with it.
    fn drop_state(&mut self, id: ConnectionId) {
        let state = self.states.get_mut(id.slot()).and_then(Option::take);
        if catch_unwind(AssertUnwindSafe(|| drop(state))).is_err() {
            error!(slot = id.slot(), "the state of a connection panicked as it was dropped");
        }
    }
}

impl<S: Default + Send + 'static, E: Events<S>> Handler for Dispatch<E, S> {
    type Event = Command;

    fn request(&mut self, &shard::Request { id, head, peer }: &shard::Request<'_>) -> Verdict {
        if self.side_door.is_some() && !head.is_websocket_upgrade() {
            return Verdict::SideDoor;
        }
        self.states.reach(id.slot());
        let verdict = catch_unwind(AssertUnwindSafe(|| {
            let state = self.states[id.slot()].insert(S::default());
            let hall = &self.hall;
            self.events.request(&mut Request { head, peer, params: Params::default(), hall, id, state })
        }));
        let verdict = verdict.unwrap_or_else(|_| {
            error!(%peer, "the event `request` panicked: 500");
            Verdict::refuse(500, "internal error")
        });
        if matches!(verdict, Verdict::Refuse { .. } | Verdict::RefuseWith { .. } | Verdict::SideDoor) {
            self.drop_state(id);
        }
        verdict
    }

    fn turned_away(&mut self, id: ConnectionId) {
        self.drop_state(id);
    }

    fn open(&mut self, connections: &mut Connections, id: ConnectionId, opening: &Opening<'_>) {
        self.hall.roster.enter(id);
        self.hall.handle.opened();
        self.happen_or_close(connections, id, |events, connection| events.open(connection, opening));
    }

    fn message(&mut self, connections: &mut Connections, id: ConnectionId, message: MessageRef<'_>) {
        self.happen_or_close(connections, id, |events, connection| events.message(connection, message));
    }

    fn piece(&mut self, connections: &mut Connections, id: ConnectionId, piece: Piece<'_>) {
        self.happen_or_close(connections, id, |events, connection| events.piece(connection, piece));
    }

    fn ping(&mut self, connections: &mut Connections, id: ConnectionId, payload: &[u8]) {
        self.happen_or_close(connections, id, |events, connection| events.ping(connection, payload));
    }

    fn pong(&mut self, connections: &mut Connections, id: ConnectionId, payload: &[u8]) {
        self.happen_or_close(connections, id, |events, connection| events.pong(connection, payload));
    }

    fn drained(&mut self, connections: &mut Connections, id: ConnectionId) {
        self.happen_or_close(connections, id, Events::drained);
    }

    fn close(&mut self, connections: &mut Connections, id: ConnectionId, close: &Close<'_>) {
        if !self.happen(connections, id, |events, connection| events.close(connection, close)) {
            error!(slot = id.slot(), "the event `close` panicked");
        }
        self.hall.roster.depart(id);
        self.hall.handle.closed();
        self.drop_state(id);
    }

    fn error(&mut self, connections: &mut Connections, id: ConnectionId, error: &ConnectionError) {
        self.happen_or_close(connections, id, |events, connection| events.error(connection, error));
    }

    fn side_door(&mut self, detached: Detached) {
        if let Some(take) = &self.side_door
            && catch_unwind(AssertUnwindSafe(|| take(detached))).is_err()
        {
            error!("the side door panicked");
        }
    }

    fn event(&mut self, connections: &mut Connections, mut command: Command) {
        if let Command::Decide(decided) = &mut command
            && let Some(state) = decided.state.take()
        {
            let place = self.states.get_mut(decided.id.slot()).and_then(Option::as_mut);
            let place = place.filter(|_| connections.awaits_verdict(decided.id));
            // One of the two is dropped, by a destructor of the program.
            let put = AssertUnwindSafe(|| place.map_or((), |place| put(place, state)));
            if catch_unwind(put).is_err() {
                error!(slot = decided.id.slot(), "the state of a connection panicked as it was dropped");
            }
        }
        self.hall.carry_out(connections, command);
    }
}

/// Puts a state into its place: that of a connection, or of one behind a route.
fn put<S: 'static>(place: &mut S, state: Box<dyn Any + Send>) {
    match state.downcast::<S>() {
        Ok(state) => *place = *state,
        Err(state) => {
            if let Some(routed) = (place as &mut dyn Any).downcast_mut::<Routed>() {
                routed.put(state);
            }
        }
    }
}
