//! What passes between a link and the driver: what a read has brought, and what a send has left to do.

use std::ops::Range;

use crate::frame::Batch;

/// Buffers that all links of a driver share, each for as long as one call.
#[derive(Default)]
pub(super) struct Scratch {
    /// Frames made one piece.
    pub(super) flat: Vec<u8>,
    /// What a read has decrypted; some 64 KiB at most.
    #[cfg(feature = "tls")]
    pub(super) plain: Vec<u8>,
    /// One record, or what a session answers.
    #[cfg(feature = "tls")]
    pub(super) cipher: Vec<u8>,
}

/// A send that has not gone out whole.
pub(super) struct InFlight {
    pub(super) batch: Batch,
    /// Plain bytes of it that the link has taken.
    pub(super) sent: usize,
}

/// What a read has brought.
pub(super) enum Arrival {
    /// Plain bytes, in this part of the buffer; at least one.
    Bytes {
        /// Where they stand.
        range: Range<usize>,
        /// There may be more, and no new edge will say so.
        more: bool,
    },
    /// Plain bytes, in [`Scratch::plain`]; at least one.
    #[cfg(feature = "tls")]
    Plain {
        /// As above.
        more: bool,
    },
    /// No plain bytes this time.
    Nothing {
        /// As above.
        more: bool,
    },
    /// The peer has ended its side.
    Ended,
}

/// What going on with a send has come to.
pub(super) struct Progress {
    /// The socket has taken bytes that it had refused.
    pub(super) moved: bool,
    /// A send was in flight, and has gone out whole.
    pub(super) finished: bool,
}
