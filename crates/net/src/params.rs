//! The named parts of a path, as a route has found them.

use std::borrow::Cow;

use wavecast_websocket::handshake::decode;

/// The parts of a path that a route names: of `/game/{room}` the `room`. Without routes there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Params<'p>(&'p [(&'p str, &'p str)]);

impl<'p> Params<'p> {
    pub(crate) fn new(pairs: &'p [(&'p str, &'p str)]) -> Self {
        Self(pairs)
    }

    /// The part with this name, percent-decoded (RFC 3986 §2.1). `None` if the route has none, or if it is not UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'p, str>> {
        self.iter().find(|(other, _)| *other == name).and_then(|(_, value)| decode(value))
    }

    /// Names and values as they stand in the path, in its order; not decoded.
    pub fn iter(&self) -> impl Iterator<Item = (&'p str, &'p str)> + use<'p> {
        self.0.iter().copied()
    }
}
