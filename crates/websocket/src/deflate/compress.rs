//! Messages become compressed frames (RFC 7692 §7.2.1).

use super::compression::Compression;
use super::window::Window;
use crate::frame::{self, Opcode, Reserved};
use crate::mask::{self, Key};
use std::fmt;
use zlib_rs::{Deflate, DeflateConfig, DeflateFlush};

/// The fewest bits that a compressor keeps to.
const BITS_MIN: u8 = 9;

/// Sizes of windows that a compressor can have.
const SIZES: usize = (Window::BITS_MAX - BITS_MIN) as usize + 1;

/// What every flush ends with, and §7.2.1 leaves out.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Memory for a compressed message that is kept from one to the next.
const KEPT_BYTES: usize = 64 * 1024;

/// Compresses the messages of any number of connections.
///
/// It owns nothing before its first message; then a compressor for each size of window that was asked for (of seven), and
/// what the last message needed.
#[derive(Debug)]
pub struct Deflater {
    level: u8,
    memory_level: u8,
    bytes_min: usize,
    fresh: [Option<Box<Stream>>; SIZES],
    // The last message, as long as its memory, so that bytes are not cleared each time.
    scratch: Vec<u8>,
}

/// What a connection with context takeover has of its own: a compressor that remembers what it sent.
#[derive(Debug)]
pub struct Context {
    stream: Stream,
    is_behind: bool,
}

impl Context {
    /// The peer was sent a compressed message that this compressor has not seen, as in a broadcast: what follows must not
    /// refer back across it, so it begins anew.
    pub fn passed_over(&mut self) {
        self.is_behind = true;
    }
}

impl Deflater {
    /// One that owns nothing yet.
    #[must_use]
    pub fn new(options: &Compression) -> Self {
        Self {
            level: options.level.clamp(1, 9),
            memory_level: options.memory_level.clamp(1, 9),
            bytes_min: options.bytes_min,
            fresh: [const { None }; SIZES],
            scratch: Vec::new(),
        }
    }

    /// Appends a message as one frame to `out`: compressed, or plain if it is short or not made shorter. Tells whether it is
    /// compressed.
    ///
    /// With context takeover `context` is what the connection keeps, made by its first message that is long enough; else it
    /// is not looked at. `key` masks, as a client must and a server must not.
    pub fn encode(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        window: Window,
        context: &mut Option<Box<Context>>,
        key: Option<Key>,
        out: &mut Vec<u8>,
    ) -> bool {
        if payload.len() < self.bytes_min {
            frame::encode(opcode, payload, key, out);
            return false;
        }
        if !window.takeover() {
            return self.encode_fresh(opcode, payload, window.bits(), key, out);
        }
        let Context { stream, is_behind } = &mut **context.get_or_insert_with(|| {
            let stream = Stream::new(self.level, self.memory_level, window.bits());
            Box::new(Context { stream, is_behind: false })
        });
        if std::mem::take(is_behind) {
            stream.0.reset();
        }
        // Never plain for being longer: the peer's window would lack what ours has.
        match stream.compress(payload, &mut self.scratch) {
            Some(len) => {
                write(opcode, &self.scratch[..len], key, out);
                self.tidy();
                true
            }
            None => {
                *is_behind = true;
                frame::encode(opcode, payload, key, out);
                false
            }
        }
    }

    /// As [`encode`](Self::encode) without context takeover: what any connection may be sent whose window has at least so many
    /// bits, so one frame serves all of them.
    pub fn encode_fresh(
        &mut self,
        opcode: Opcode,
        payload: &[u8],
        bits: u8,
        key: Option<Key>,
        out: &mut Vec<u8>,
    ) -> bool {
        // Within 256 bytes nothing refers back further than 256 bytes.
        let fits = bits >= BITS_MIN || payload.len() <= 1 << Window::BITS_MIN;
        if payload.len() >= self.bytes_min && fits {
            let bits = bits.clamp(BITS_MIN, Window::BITS_MAX);
            let (level, memory_level) = (self.level, self.memory_level);
            let stream = self.fresh[usize::from(bits - BITS_MIN)]
                .get_or_insert_with(|| Box::new(Stream::new(level, memory_level, bits)));
            stream.0.reset();
            if let Some(len) = stream.compress(payload, &mut self.scratch)
                && len < payload.len()
            {
                write(opcode, &self.scratch[..len], key, out);
                self.tidy();
                return true;
            }
            self.tidy();
        }
        frame::encode(opcode, payload, key, out);
        false
    }

    fn tidy(&mut self) {
        if self.scratch.len() > KEPT_BYTES {
            self.scratch = Vec::new();
        }
    }
}

/// One frame with the bit that says *compressed* (§6).
fn write(opcode: Opcode, compressed: &[u8], key: Option<Key>, out: &mut Vec<u8>) {
    let header = frame::encode_header(true, Reserved::RSV1, opcode, compressed.len() as u64, key);
    out.reserve(header.len() + compressed.len());
    out.extend_from_slice(&header);
    let start = out.len();
    out.extend_from_slice(compressed);
    if let Some(key) = key {
        mask::apply(key, &mut out[start..]);
    }
}

struct Stream(Deflate);

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(..)")
    }
}

impl Stream {
    fn new(level: u8, memory_level: u8, bits: u8) -> Self {
        Self(Deflate::new_with_config(DeflateConfig {
            level: i32::from(level),
            // Below zero: without the header of zlib.
            window_bits: -i32::from(bits),
            mem_level: i32::from(memory_level),
            ..DeflateConfig::default()
        }))
    }

    /// The length of the compressed message at the front of `scratch`, which grows to what it may need. `None` if the
    /// compressor did not take it, which is not expected: then it must be reset.
    fn compress(&mut self, payload: &[u8], scratch: &mut Vec<u8>) -> Option<usize> {
        if payload.is_empty() {
            // §7.2.3.6. A compressor that has nothing to flush writes nothing.
            scratch.resize(scratch.len().max(1), 0);
            scratch[0] = 0;
            return Some(1);
        }
        // At worst every byte takes nine bits, and blocks their headers.
        let bound = payload.len() + payload.len() / 8 + 64;
        if scratch.len() < bound {
            scratch.resize(bound, 0);
        }
        let (read, written) = (self.0.total_in(), self.0.total_out());
        self.0.compress(payload, scratch, DeflateFlush::SyncFlush).ok()?;
        let consumed = self.0.total_in() - read;
        let len = usize::try_from(self.0.total_out() - written).ok()?;
        let compressed = scratch.get(..len)?.strip_suffix(&TAIL)?;
        (consumed == payload.len() as u64 && len < scratch.len()).then_some(compressed.len())
    }
}
