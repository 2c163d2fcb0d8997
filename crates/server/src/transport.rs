//! What a session's bytes travel in.

/// A transport, as the configuration and the metrics name it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Transport {
    #[default]
    WebSocket,
    Sse,
    HttpStream,
    UniWebSocket,
    UniSse,
    UniHttpStream,
}

impl Transport {
    /// All of them, each at its place: `transport as usize`.
    pub(crate) const ALL: [Self; 6] =
        [Self::WebSocket, Self::Sse, Self::HttpStream, Self::UniWebSocket, Self::UniSse, Self::UniHttpStream];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Sse => "sse",
            Self::HttpStream => "http_stream",
            Self::UniWebSocket => "uni_websocket",
            Self::UniSse => "uni_sse",
            Self::UniHttpStream => "uni_http_stream",
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
