//! What a shard allows: every limit, with its default and what happens when it is reached.

use std::borrow::Cow;
use std::time::Duration;

use wavecast_websocket::deflate::Compression;
use wavecast_websocket::keepalive::Intervals;
use wavecast_websocket::{CloseCode, Limits};

/// Limits and time-outs of one shard. The defaults suit a push server on the open internet.
#[derive(Clone, Debug)]
pub struct Options {
    /// Limits of the WebSocket protocol: head, frame, message, fragments, pongs. A peer that passes one is closed with the
    /// code of RFC 6455 §7.4.1 that names it (a head: with an HTTP status).
    pub websocket: Limits,
    /// Whether messages are compressed where the client offers it (RFC 7692), and how. Default `None`: no.
    ///
    /// Without context takeover, which is the default of [`Compression`], it costs a connection nothing; a shard owns 425 KB
    /// from its first compressed messages on.
    pub compression: Option<Compression>,
    /// The same for connections that receive in pieces
    /// ([`Connections::receive_in_pieces`](crate::shard::Connections::receive_in_pieces)), of which nothing is kept: by
    /// default frames, messages and the number of fragments are not limited there.
    pub websocket_in_pieces: Limits,
    /// Bytes that may wait for one connection (each frame counts 32 bytes more than its length); a single frame may be
    /// longer when nothing else waits. Default 1 MiB. When a frame does not fit,
    /// [`Handler::overflow`](crate::shard::Handler::overflow) decides; by default the connection is closed with 1013.
    /// While more than half of it waits nothing is received: a peer whose own messages are answered faster than it reads
    /// is held back, and not cut off for it. (What the messages of one read provoke should fit the other half: see
    /// [`Options::receive_bytes`].)
    pub outbox_bytes_max: usize,
    /// Length of the buffer that all connections of a shard receive into, and so of one read, bytes; at least 4 KiB. Default
    /// 256 KiB: sixteen messages of 16 KB in one system call. A connection owns none of it. Shorter where a short message
    /// may provoke a long one.
    pub receive_bytes: usize,
    /// From how many bytes on what the messages of one read have provoked for their own connection leaves at once, while they
    /// are in the processor's cache; what is less waits for the end of the turn. Default 0: all of it leaves at once, which
    /// suits who answers in [`Handler::message`](crate::shard::Handler::message). Who sends more in the same turn, from
    /// [`Handler::turn`](crate::shard::Handler::turn) say, saves a system call by waiting.
    pub at_once_bytes: usize,
    /// Connections of one shard, however far they have come. Default 1,000,000. Further ones are closed at once.
    pub connections_max: usize,
    /// Time from accept to a whole request head. Default 10 s; then status 408.
    pub head_timeout: Duration,
    /// Silence after which a peer is pinged, and further silence after which it counts as dead: the connection ends without
    /// a closing handshake then. Default 25 s and 10 s; an interval of 0 switches both off.
    pub keep_alive: Intervals,
    /// How long a connection may live. Default `None`: as long as it likes.
    pub lifetime: Option<Lifetime>,
    /// Time for the closing handshake and for what still waits to be sent. Default 5 s; then the socket is closed.
    pub close_timeout: Duration,
    /// Time for the peer to end its side after we ended ours, so that the close frame is not lost in a reset.
    /// Default 2 s.
    pub linger_timeout: Duration,
    /// Events that may wait in the inbox. Default 65,536. When it is full, whoever pushes is told.
    pub events_max: usize,
    /// Control messages that may wait in the inbox. Default 16,384.
    pub control_max: usize,
    /// Sends to the subscribers of one fan-out between two looks at all other connections. Default 128: about half a
    /// millisecond.
    pub flush_slice: usize,
    /// Events handled between two looks at the sockets. Default 1,024.
    pub events_per_turn: usize,
    /// Groups with members on this shard ([`server::Connection::join`](crate::server::Connection::join)). Default 65,536.
    pub groups_max: usize,
    /// Groups that one connection may be in at a time. Default 64.
    pub groups_of_connection_max: usize,
    /// Looks at connections that still shake hands (TLS), between two looks at all others. Default 8; at least 1. A whole
    /// handshake takes two looks, and with a key on P-256 some 0.3 ms (RSA of 2048 bits: 1 ms); the rest wait their turn.
    pub handshakes_per_turn: usize,
}

/// How long a connection may live, and what its peer is told then: for credentials that age, and so that clients spread over
/// the servers that have been added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// The longest time from open to close, to 16 ms.
    pub max: Duration,
    /// The time that is drawn by chance for a connection is shorter than `max` by up to this: connections that came together
    /// do not end together.
    pub spread: Duration,
    /// The code of the close frame.
    pub code: CloseCode,
    /// The reason in the close frame, at most 123 bytes; what is longer is cut.
    pub reason: Cow<'static, str>,
}

impl Lifetime {
    /// A lifetime that ends with 1001 (going away), spread over its last tenth.
    #[must_use]
    pub const fn new(max: Duration) -> Self {
        let reason = Cow::Borrowed("the connection has lived its time");
        Self {
            max,
            spread: Duration::from_millis(max.as_millis() as u64 / 10),
            code: CloseCode::GOING_AWAY,
            reason,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            websocket: Limits::default(),
            compression: None,
            websocket_in_pieces: Limits {
                frame_bytes_max: i64::MAX as u64,
                message_bytes_max: usize::MAX,
                fragments_max: u32::MAX,
                ..Limits::default()
            },
            outbox_bytes_max: 1 << 20,
            receive_bytes: 256 * 1024,
            at_once_bytes: 0,
            connections_max: 1_000_000,
            head_timeout: Duration::from_secs(10),
            keep_alive: Intervals::default(),
            lifetime: None,
            close_timeout: Duration::from_secs(5),
            linger_timeout: Duration::from_secs(2),
            events_max: 65_536,
            control_max: 16_384,
            flush_slice: 128,
            events_per_turn: 1024,
            groups_max: 65_536,
            groups_of_connection_max: 64,
            handshakes_per_turn: 8,
        }
    }
}
