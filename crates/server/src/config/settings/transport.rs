//! `sse.*`, `http_stream.*`, `emulation.*` and `uni_*.*`: sessions of clients whose way is no WebSocket, or one that goes one way.

/// `sse.*`, `http_stream.*`, `uni_sse.*` and `uni_http_stream.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamEndpoint {
    /// `enabled`: sessions come in here. Default false; true in the development profile.
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/connection/` and the name of the section.
    pub handler_prefix: String,
    /// `max_request_body_size`: bytes of the request, which holds the connect command, default 65536; beyond is answered
    /// 413.
    pub max_request_body_size: usize,
}

impl StreamEndpoint {
    /// What the section `sse` is by default.
    pub fn sse() -> Self {
        Self::at("/connection/sse")
    }

    /// What the section `http_stream` is by default.
    pub fn http_stream() -> Self {
        Self::at("/connection/http_stream")
    }

    /// What the section `uni_sse` is by default.
    pub fn uni_sse() -> Self {
        Self::at("/connection/uni_sse")
    }

    /// What the section `uni_http_stream` is by default.
    pub fn uni_http_stream() -> Self {
        Self::at("/connection/uni_http_stream")
    }

    fn at(path: &str) -> Self {
        Self { enabled: false, handler_prefix: path.to_owned(), max_request_body_size: 64 * 1024 }
    }
}

/// `uni_websocket.*`: a WebSocket on which the client says one thing at most.
#[derive(Debug, Clone, PartialEq)]
pub struct UniWebSocket {
    /// `enabled`: default false; true in the development profile.
    pub enabled: bool,
    /// `handler_prefix`: its path, default `/connection/uni_websocket`.
    pub handler_prefix: String,
}

impl Default for UniWebSocket {
    fn default() -> Self {
        Self { enabled: false, handler_prefix: "/connection/uni_websocket".into() }
    }
}

/// `emulation.*`: the way of a client on such a stream to its session.
#[derive(Debug, Clone, PartialEq)]
pub struct Emulation {
    /// `handler_prefix`: its path, default `/emulation`. It is there with either of the transports.
    pub handler_prefix: String,
    /// `max_request_body_size`: bytes of one request, default 65536; beyond is answered 413.
    pub max_request_body_size: usize,
    /// `connection_limit` (own): HTTP connections that are kept open by clients who have said something, default 10000; they do
    /// not count for `http_server.connection_limit` as long as there are no more of them.
    pub connection_limit: usize,
}

impl Default for Emulation {
    fn default() -> Self {
        Self {
            handler_prefix: "/emulation".into(),
            max_request_body_size: 64 * 1024,
            connection_limit: 10_000,
        }
    }
}
