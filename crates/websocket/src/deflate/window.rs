//! What was agreed on for one direction of a connection.

use std::num::NonZeroU8;

const TAKEOVER: u8 = 0x80;

/// How the messages of one direction are compressed: how far back they may refer, and whether into earlier messages. One
/// byte, with `None` too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window(NonZeroU8);

impl Window {
    /// The most bits a window can have: 32 KiB.
    pub const BITS_MAX: u8 = 15;
    /// The fewest bits that can be agreed on: 256 bytes.
    pub const BITS_MIN: u8 = 8;

    /// A window of `2^bits` bytes; what is not within 8 to 15 is taken as the nearest that is.
    ///
    /// With 8 bits there is no takeover: no compressor keeps to so small a window across messages.
    #[must_use]
    pub const fn new(bits: u8, takeover: bool) -> Self {
        let bits = match bits {
            0..=Self::BITS_MIN => Self::BITS_MIN,
            Self::BITS_MAX.. => Self::BITS_MAX,
            within => within,
        };
        let flag = if takeover && bits > Self::BITS_MIN { TAKEOVER } else { 0 };
        match NonZeroU8::new(bits | flag) {
            Some(packed) => Self(packed),
            None => unreachable!(),
        }
    }

    /// The base-2 logarithm of its size in bytes, 8 to 15.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0.get() & !TAKEOVER
    }

    /// Whether a message may refer to what earlier ones said.
    #[must_use]
    pub const fn takeover(self) -> bool {
        self.0.get() & TAKEOVER != 0
    }
}
