//! What one side is willing to do about compression.

use super::window::Window;

/// How one side compresses, and what it wants of its peer. The same for both roles: *send* is what we send.
///
/// # What it costs
///
/// Without context takeover, the default, a connection owns nothing: a shard (or a client) owns one [`Deflater`] and one
/// [`Inflater`], which take what the table says, once, from the first compressed message on, and for the last message up
/// to 64 KiB each. With takeover each connection has its own, from its first compressed message on:
///
/// | direction | bytes |
/// | --- | --- |
/// | receive | 45 KB, whatever the window |
/// | send | 135 KB + 2^`send_window_bits` × 4 + 2^`memory_level` × 448: 381 KB by default, 138 KB at least |
///
/// [`Deflater`]: super::Deflater
/// [`Inflater`]: super::Inflater
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Whether messages of ours may refer to earlier ones, if the peer allows it. Default `false`.
    pub send_takeover: bool,
    /// Whether messages of the peer may. Default `false`: it is told not to.
    pub receive_takeover: bool,
    /// The most that we refer back, as a power of two, 9 to 15. Default 15. A peer may ask for less. One that asks for 8 gets
    /// messages of up to 256 bytes compressed and longer ones plain, because no compressor keeps to so small a window.
    pub send_window_bits: u8,
    /// The most that the peer may refer back, 9 to 15. Default 15. With less, a server declines the offer of a client that
    /// cannot be held to it.
    pub receive_window_bits: u8,
    /// How hard to try, 1 (fast) to 9 (small). Default 1.
    pub level: u8,
    /// Memory of a compressor, 1 to 9. Default 8. Less compresses long messages worse.
    pub memory_level: u8,
    /// Messages shorter than this many bytes are sent plain. Default 128: little is won there, and nothing lost.
    pub bytes_min: usize,
}

impl Compression {
    /// The documented defaults, for use in a `const`.
    pub const DEFAULT: Self = Self {
        send_takeover: false,
        receive_takeover: false,
        send_window_bits: Window::BITS_MAX,
        receive_window_bits: Window::BITS_MAX,
        level: 1,
        memory_level: 8,
        bytes_min: 128,
    };

    /// The bits of [`send_window_bits`](Self::send_window_bits), within what a compressor can do.
    pub(super) fn send_bits(&self) -> u8 {
        self.send_window_bits.clamp(9, Window::BITS_MAX)
    }

    pub(super) fn receive_bits(&self) -> u8 {
        self.receive_window_bits.clamp(9, Window::BITS_MAX)
    }
}

impl Default for Compression {
    fn default() -> Self {
        Self::DEFAULT
    }
}
