//! What a session's bytes travel in.

/// A transport, as the configuration and the metrics name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transport {
    #[default]
    WebSocket,
}

impl Transport {
    /// All of them, each at its place: `transport as usize`.
    pub(crate) const ALL: [Self; 1] = [Self::WebSocket];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_place() {
        for (place, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(transport as usize, place, "{}", transport.name());
        }
    }
}
