//! What a peer may cost before it is refused.

/// The bounds a connection is held to. Each has a default that suits the open Internet; all may be changed per
/// listener, and even from one call to the next.
///
/// Memory is never reserved because a peer announced a length: buffers grow with the bytes that have arrived, and
/// these limits are checked as soon as a header announces that one will be passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest HTTP head (first line, fields and the empty line) in bytes. Default 16,384. Reached: a request is
    /// answered with 431, a response fails the handshake.
    pub head_bytes_max: usize,
    /// Most header fields in an HTTP head. Default 100. Reached: as above.
    pub head_fields_max: usize,
    /// Longest payload of one data frame in bytes. Default 16 MiB. Reached: close code 1009.
    pub frame_bytes_max: u64,
    /// Longest message, all its fragments together, in bytes. Default 16 MiB. Reached: close code 1009.
    pub message_bytes_max: usize,
    /// Most fragments in one message, empty ones included. Default 131,072, so that a message of 4 MiB sent 64 bytes
    /// at a time passes. Reached: close code 1008.
    pub fragments_max: u32,
    /// Most pongs that wait to be sent on one connection. Default 16. Reached: the pings after that are answered by
    /// one pong, for the latest of them (RFC 6455 §5.5.3); see [`Pongs`](crate::Pongs).
    pub pongs_pending_max: u16,
}

impl Limits {
    /// The documented defaults, for use in a `const`.
    pub const DEFAULT: Self = Self {
        head_bytes_max: 16 * 1024,
        head_fields_max: 100,
        frame_bytes_max: 16 * 1024 * 1024,
        message_bytes_max: 16 * 1024 * 1024,
        fragments_max: 131_072,
        pongs_pending_max: 16,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
