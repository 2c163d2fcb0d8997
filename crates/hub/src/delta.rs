//! Fossil deltas: what has to be copied from one payload, and what to be added, to get the next.
//!
//! The format is that of the Fossil version control system (its "delta format" document), which the Centrifuge clients
//! read: the length of the target, then pieces `NNN@MMM,` (copy NNN bytes from MMM) and `NNN:…` (NNN literal bytes),
//! and a checksum. Numbers are in base 64. The encoder is our own and differs from Fossil's in two ways: its time is
//! bounded whatever the payloads hold, and it never cuts a UTF-8 character, so that the delta of two texts is a text,
//! which a client in JSON needs.

use std::fmt;

/// The longest payload that deltas are made of and for, bytes: beyond it they would take too long.
pub const DELTA_PAYLOAD_BYTES_MAX: usize = 256 * 1024;

/// Matches are found by this many bytes.
const WINDOW: usize = 8;
/// Windows of the base that are remembered at most; in a longer base they lie further apart.
const WINDOWS_MAX: usize = 4096;
/// Places in the base that are compared with one place in the target.
const CANDIDATES_MAX: usize = 8;
/// What a literal costs in addition when a copy splits it.
const SPLIT_COST: usize = 2;
const DIGITS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~";

/// Makes the delta that leads from `base` to `target`; `None` if it would be longer than `bytes_max`, or if one of the
/// payloads is longer than [`DELTA_PAYLOAD_BYTES_MAX`]. Close to `bytes_max` it may give up on one that would just do.
///
/// If the target is UTF-8, so is the delta.
pub fn create(base: &[u8], target: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    if base.len().max(target.len()) > DELTA_PAYLOAD_BYTES_MAX {
        return None;
    }
    let mut encoder = Encoder { base, target, done: 0, delta: Vec::new(), bytes_max };
    encoder.number(target.len(), b'\n');
    // Most payloads differ from the one before in the middle: what is the same at both ends is not searched for.
    let prefix = common_prefix(base, target);
    let suffix = common_suffix(&base[prefix..], &target[prefix..]);
    encoder.copy(Match { from: 0, to: 0, length: prefix })?;
    let middle = target.len() - suffix;
    if middle - encoder.done >= WINDOW && base.len() >= WINDOW {
        encoder.search(&Windows::of(base), middle)?;
    }
    encoder.copy(Match { from: base.len() - suffix, to: middle, length: suffix })?;
    encoder.finish()
}

/// Applies a delta to the payload that it was made from.
///
/// # Errors
/// Whatever is wrong with the delta, or that it was made from something else. Nothing longer than `bytes_max` is built.
pub fn apply(base: &[u8], delta: &[u8], bytes_max: usize) -> Result<Vec<u8>, DeltaError> {
    let mut reader = Reader { rest: delta };
    let length = reader.number(b"\n")?.0;
    if length > bytes_max {
        return Err(DeltaError::TooLong { bytes_max });
    }
    let mut target = Vec::with_capacity(length.min(base.len() + delta.len()));
    loop {
        let (number, kind) = reader.number(b"@:;")?;
        let piece = match kind {
            b'@' => {
                let (from, _) = reader.number(b",")?;
                from.checked_add(number).and_then(|end| base.get(from..end)).ok_or(DeltaError::WrongBase)?
            }
            b':' => reader.literal(number)?,
            _ if target.len() != length => return Err(DeltaError::Malformed),
            _ if u32::try_from(number) != Ok(checksum(&target)) => return Err(DeltaError::WrongBase),
            _ => return Ok(target),
        };
        if piece.len() > length - target.len() {
            return Err(DeltaError::Malformed);
        }
        target.extend_from_slice(piece);
    }
}

/// Why a delta cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeltaError {
    /// It is no delta.
    Malformed,
    /// It was made from another payload.
    WrongBase,
    /// The result would be longer than allowed.
    TooLong {
        /// The most bytes that are allowed.
        bytes_max: usize,
    },
}

impl fmt::Display for DeltaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the delta is malformed"),
            Self::WrongBase => f.write_str("the delta was made from another payload than the one at hand"),
            Self::TooLong { bytes_max } => write!(f, "the delta gives more than {bytes_max} bytes"),
        }
    }
}

impl std::error::Error for DeltaError {}

/// `length` bytes of the target, at `to`, are those of the base at `from`.
#[derive(Debug, Clone, Copy)]
struct Match {
    from: usize,
    to: usize,
    length: usize,
}

struct Encoder<'a> {
    base: &'a [u8],
    target: &'a [u8],
    /// The delta covers the target up to here.
    done: usize,
    delta: Vec<u8>,
    bytes_max: usize,
}

impl Encoder<'_> {
    /// Covers the target up to `end` as far as the base has the same bytes somewhere; `None` if it gets too long.
    fn search(&mut self, windows: &Windows<'_>, end: usize) -> Option<()> {
        let mut at = self.done;
        while at + WINDOW <= end {
            let candidates = windows.like(window(self.target, at));
            let matches = candidates.map(|from| self.extend(Match { from, to: at, length: WINDOW }, end));
            match matches.max_by_key(|found| found.length) {
                Some(longest) if self.copy(longest)? => at = self.done,
                _ => at += 1,
            }
            if self.delta.len() + (at - self.done) > self.bytes_max {
                return None;
            }
        }
        Some(())
    }

    /// Lengthens a match in both directions, not over what is done and not beyond `end`.
    fn extend(&self, found: Match, end: usize) -> Match {
        let Match { from, to, length } = found;
        let after = common_prefix(&self.base[from + length..], &self.target[to + length..end]);
        let before = common_suffix(&self.base[..from], &self.target[self.done..to]);
        Match { from: from - before, to: to - before, length: before + length + after }
    }

    /// Writes what stands before the copy as a literal, and the copy, if that is worth it: says whether it is.
    fn copy(&mut self, found: Match) -> Option<bool> {
        let Match { from, to, length } = self.whole_characters(found);
        if length <= digits(length) + digits(from) + 2 + SPLIT_COST {
            return Some(false);
        }
        self.literal(to)?;
        self.number(length, b'@');
        self.number(from, b',');
        self.done += length;
        Some(true)
    }

    /// Shortens a copy that begins or ends within a character of the target. In what is no text there may be more than
    /// three such bytes; then it does not matter.
    fn whole_characters(&self, Match { mut from, mut to, mut length }: Match) -> Match {
        let is_within = |at: usize| self.target.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
        for _ in 0..3 {
            if length > 0 && is_within(to) {
                (from, to, length) = (from + 1, to + 1, length - 1);
            }
        }
        for _ in 0..3 {
            if length > 0 && is_within(to + length) {
                length -= 1;
            }
        }
        Match { from, to, length }
    }

    fn literal(&mut self, end: usize) -> Option<()> {
        let literal = &self.target[self.done..end];
        if !literal.is_empty() {
            self.number(literal.len(), b':');
            self.delta.extend_from_slice(literal);
            self.done = end;
        }
        (self.delta.len() <= self.bytes_max).then_some(())
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        self.literal(self.target.len())?;
        self.number(checksum(self.target) as usize, b';');
        (self.delta.len() <= self.bytes_max).then_some(self.delta)
    }

    /// A number and what it stands for.
    fn number(&mut self, number: usize, kind: u8) {
        let digit = |at| DIGITS[(number >> (6 * at)) & 63];
        self.delta.extend((0..digits(number)).rev().map(digit));
        self.delta.push(kind);
    }
}

/// The windows of a base, found by what is in them.
struct Windows<'a> {
    base: &'a [u8],
    stride: usize,
    /// By hash: one more than the number of the first window; 0 for none.
    first: Vec<u32>,
    /// By window: one more than the number of the next one with this hash.
    next: Vec<u32>,
}

impl<'a> Windows<'a> {
    /// `base` has at least one window.
    fn of(base: &'a [u8]) -> Self {
        let places = base.len() - WINDOW + 1;
        let stride = places.div_ceil(WINDOWS_MAX);
        let count = places.div_ceil(stride);
        let mut windows =
            Self { base, stride, first: vec![0; (2 * count).next_power_of_two()], next: vec![0; count] };
        // From the last to the first, so that earlier ones are found first.
        for number in (0..count).rev() {
            let slot = windows.slot(window(base, number * stride));
            windows.next[number] = std::mem::replace(&mut windows.first[slot], number as u32 + 1);
        }
        windows
    }

    /// Where in the base these bytes are, as far as it is remembered.
    fn like(&self, wanted: u64) -> impl Iterator<Item = usize> {
        let mut link = self.first[self.slot(wanted)];
        let chain = std::iter::from_fn(move || {
            let number = link.checked_sub(1)? as usize;
            link = self.next[number];
            Some(number * self.stride)
        });
        chain.take(CANDIDATES_MAX).filter(move |&from| window(self.base, from) == wanted)
    }

    fn slot(&self, window: u64) -> usize {
        (window.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (self.first.len() - 1)
    }
}

/// The window at a place; zeros where there is none.
fn window(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |window| u64::from_le_bytes(*window))
}

/// How many digits a number has in base 64.
const fn digits(number: usize) -> usize {
    if number == 0 { 1 } else { number.ilog2() as usize / 6 + 1 }
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let chunks = a.as_chunks::<WINDOW>().0.iter().zip(b.as_chunks::<WINDOW>().0);
    let same = WINDOW * chunks.take_while(|(a, b)| a == b).count();
    same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// The sum of the big-endian words of four bytes, the last one filled up with zeros.
fn checksum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).fold(0, |sum, &word| sum.wrapping_add(u32::from_be_bytes(word)))
}

/// What is left of a delta.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next number, below 2^36, and what it stands for, which is one of `kinds`.
    fn number(&mut self, kinds: &[u8]) -> Result<(usize, u8), DeltaError> {
        let mut number = 0;
        for (at, &byte) in self.rest.iter().enumerate() {
            if kinds.contains(&byte) && at > 0 {
                self.rest = &self.rest[at + 1..];
                return Ok((usize::try_from(number).map_err(|_| DeltaError::Malformed)?, byte));
            }
            let digit = value_of(byte).filter(|_| at < 6).ok_or(DeltaError::Malformed)?;
            number = number << 6 | u64::from(digit);
        }
        Err(DeltaError::Malformed)
    }

    fn literal(&mut self, length: usize) -> Result<&'a [u8], DeltaError> {
        let (literal, rest) = self.rest.split_at_checked(length).ok_or(DeltaError::Malformed)?;
        self.rest = rest;
        Ok(literal)
    }
}

/// The value of a digit in base 64.
const fn value_of(digit: u8) -> Option<u8> {
    Some(match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'Z' => digit - b'A' + 10,
        b'_' => 36,
        b'a'..=b'z' => digit - b'a' + 37,
        b'~' => 63,
        _ => return None,
    })
}
