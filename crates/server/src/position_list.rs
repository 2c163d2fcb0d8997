//! Where somebody stands in several channels, as one line of text: what `next` of a poll and `id:` of an event stream say,
//! and what their client sends back.
//!
//! `news:7:Xb3kQ0aZ,chat~23a:12:f00-_bar`: an entry is channel, offset and epoch, in the order that was asked for. It is split
//! from the right, so that a channel keeps its colons. What is neither a letter, a digit nor one of `-._:/$@!*` is written as
//! `~` and two hexadecimal digits for each byte, so the text means the same raw in a query, percent-encoded, in JSON, in an
//! HTTP header and in a line of an event stream.

use std::collections::HashSet;
use std::fmt;

use wavecast_hub::{Since, StreamPosition};

/// The longest text that is read, bytes. The head of a request is bounded more tightly by default.
const BYTES_MAX: usize = 64 * 1024;
/// The longest epoch that is read, bytes. Ours have eight.
const EPOCH_BYTES_MAX: usize = 64;
/// What an error repeats of an entry, characters.
const EXCERPT_CHARS_MAX: usize = 60;

/// A place in one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The channel's name.
    pub channel: Box<str>,
    /// Everything up to and including this has been seen there.
    pub position: StreamPosition,
}

impl Place {
    /// The same place, as the hub is asked for what follows it.
    pub fn since(&self) -> Since<'_> {
        self.position.as_since()
    }
}

/// Places in several channels, in the order that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PositionList {
    places: Vec<Place>,
}

impl PositionList {
    /// Reads the text that [`Display`](fmt::Display) writes. Inside names and epochs other characters than those above are
    /// taken as they are, but for `,` and `~`. An empty text has no places.
    ///
    /// # Errors
    /// Which entry is wrong, and what is allowed. More than `places_max` places, and a channel that stands twice, are wrong.
    pub fn parse(text: &str, places_max: usize) -> Result<Self, PositionListError> {
        if text.len() > BYTES_MAX {
            return Err(PositionListError::TooLong { bytes: text.len() });
        }
        if text.is_empty() {
            return Ok(Self::default());
        }
        // The text is bounded, so the entries can be counted before there is memory for them.
        let count = text.split(',').count();
        if count > places_max {
            return Err(PositionListError::TooMany { count, places_max });
        }
        let mut places: Vec<Place> = Vec::with_capacity(count);
        for (index, entry) in text.split(',').enumerate() {
            let wrong =
                |problem| PositionListError::Entry { number: index + 1, excerpt: excerpt(entry), problem };
            places.push(parse_place(entry).map_err(wrong)?);
        }
        let mut seen = HashSet::with_capacity(count);
        match places.iter().position(|place| !seen.insert(&*place.channel)) {
            None => Ok(Self { places }),
            Some(index) => Err(PositionListError::Entry {
                number: index + 1,
                excerpt: excerpt(&places[index].channel),
                problem: Problem::Twice,
            }),
        }
    }

    /// The places in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, Place> {
        self.places.iter()
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The place in a channel. It looks through all of them.
    pub fn get(&self, channel: &str) -> Option<&Place> {
        self.places.iter().find(|place| *place.channel == *channel)
    }
}

impl FromIterator<Place> for PositionList {
    /// The caller sees to it that no channel stands twice, and that there are not too many.
    fn from_iter<I: IntoIterator<Item = Place>>(places: I) -> Self {
        Self { places: places.into_iter().collect() }
    }
}

impl IntoIterator for PositionList {
    type Item = Place;
    type IntoIter = std::vec::IntoIter<Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.places.into_iter()
    }
}

impl<'l> IntoIterator for &'l PositionList {
    type Item = &'l Place;
    type IntoIter = std::slice::Iter<'l, Place>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for PositionList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Place { channel, position }) in self.places.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write_escaped(f, channel, is_plain)?;
            write!(f, ":{}:", position.offset)?;
            write_escaped(f, &position.epoch, |byte| is_plain(byte) && byte != b':')?;
        }
        Ok(())
    }
}

/// Why a text is no list of positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PositionListError {
    /// The text is too long.
    TooLong {
        /// Its length, bytes.
        bytes: usize,
    },
    /// It has too many entries.
    TooMany {
        /// How many.
        count: usize,
        /// The most that are allowed.
        places_max: usize,
    },
    /// One of the entries is wrong.
    Entry {
        /// Which, counted from 1.
        number: usize,
        /// Its beginning.
        excerpt: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is not channel, offset and epoch with colons between.
    Parts,
    /// The channel's name is empty.
    NoChannel,
    /// The offset is no number, or too large for one.
    Offset,
    /// The epoch is too long.
    Epoch,
    /// `~` is not followed by two hexadecimal digits, or what they mean is no UTF-8.
    Escape,
    /// The channel has an entry already.
    Twice,
}

impl fmt::Display for PositionListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "a position has at most {BYTES_MAX} bytes, and this one has {bytes}")
            }
            Self::TooMany { count, places_max } => {
                write!(f, "a position names at most {places_max} channels here, and this one names {count}")
            }
            Self::Entry { number, excerpt, problem } => {
                write!(f, "entry {number} of the position, {excerpt:?}: {problem}")
            }
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parts => f.write_str("an entry is channel:offset:epoch"),
            Self::NoChannel => f.write_str("the channel's name is empty"),
            Self::Offset => write!(f, "the offset is a number from 0 to {}, in digits", u64::MAX),
            Self::Epoch => write!(f, "an epoch has at most {EPOCH_BYTES_MAX} bytes"),
            Self::Escape => {
                f.write_str("~ stands before two hexadecimal digits, and what they spell is UTF-8")
            }
            Self::Twice => f.write_str("the channel has an entry already"),
        }
    }
}

impl std::error::Error for PositionListError {}

fn parse_place(entry: &str) -> Result<Place, Problem> {
    let (rest, epoch) = entry.rsplit_once(':').ok_or(Problem::Parts)?;
    let (channel, offset) = rest.rsplit_once(':').ok_or(Problem::Parts)?;
    if channel.is_empty() {
        return Err(Problem::NoChannel);
    }
    // `parse` alone would take a sign.
    let is_number = !offset.is_empty() && offset.bytes().all(|byte| byte.is_ascii_digit());
    let offset = is_number.then(|| offset.parse().ok()).flatten().ok_or(Problem::Offset)?;
    let (channel, epoch) = (unescape(channel)?, unescape(epoch)?);
    if epoch.len() > EPOCH_BYTES_MAX {
        return Err(Problem::Epoch);
    }
    Ok(Place { channel: channel.into(), position: StreamPosition { offset, epoch: epoch.into() } })
}

/// What means nothing in any of the places where the text may stand.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:/$@!*".contains(&byte)
}

fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str, is_plain: impl Fn(u8) -> bool) -> fmt::Result {
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate().filter(|&(_, byte)| !is_plain(byte)) {
        // Both ends are at ASCII or at bytes that are escaped: what lies between is ASCII.
        f.write_str(text.get(plain_from..at).unwrap_or_default())?;
        write!(f, "~{byte:02X}")?;
        plain_from = at + 1;
    }
    f.write_str(text.get(plain_from..).unwrap_or_default())
}

fn unescape(text: &str) -> Result<String, Problem> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, escaped)) = rest.split_once('~') {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = escaped.get(..2).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or(Problem::Escape)?;
        bytes.push(byte);
        rest = escaped.get(2..).unwrap_or_default();
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| Problem::Escape)
}

/// The beginning of what an error repeats.
pub(crate) fn excerpt(entry: &str) -> String {
    entry.chars().take(EXCERPT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn place(channel: &str, offset: u64, epoch: &str) -> Place {
        Place { channel: channel.into(), position: StreamPosition { offset, epoch: epoch.into() } }
    }

    fn list(places: &[Place]) -> PositionList {
        places.iter().cloned().collect()
    }

    #[test]
    fn a_list_is_one_line_that_is_safe_everywhere() {
        for (places, text) in [
            (vec![], ""),
            (vec![place("news", 7, "Xb3kQ0aZ")], "news:7:Xb3kQ0aZ"),
            (vec![place("a:b:c", 0, "e"), place("d", u64::MAX, "")], "a:b:c:0:e,d:18446744073709551615:"),
            (vec![place("$x#4,5", 1, "e")], "$x~234~2C5:1:e"),
            (vec![place("~%&+=\"\\ <>[]{}|^`';?()\n", 1, "-_")], {
                "~7E~25~26~2B~3D~22~5C~20~3C~3E~5B~5D~7B~7D~7C~5E~60~27~3B~3F~28~29~0A:1:-_"
            }),
            (vec![place("ä", 1, "a:b,c")], "~C3~A4:1:a~3Ab~2Cc"),
        ] {
            assert_eq!(list(&places).to_string(), text);
            assert_eq!(PositionList::parse(text, 2), Ok(list(&places)), "{text}");
        }
    }

    #[test]
    fn what_is_written_by_hand_is_taken() {
        let read = PositionList::parse("room#1 x:0:,ä:1:~c3~a4", 2).unwrap();
        assert_eq!(read, list(&[place("room#1 x", 0, ""), place("ä", 1, "ä")]));
        assert_eq!(read.get("ä").map(Place::since), Some(Since { offset: 1, epoch: "ä" }));
        assert_eq!(read.get("nobody"), None);
    }

    #[test]
    fn what_is_no_list_is_told_what_one_is() {
        let long_epoch = format!("a:1:{}", "e".repeat(65));
        for (text, expected) in [
            ("a", "entry 1 of the position, \"a\": an entry is channel:offset:epoch"),
            ("a:1", "an entry is channel:offset:epoch"),
            ("a:1:e,", "entry 2 of the position, \"\": an entry is channel:offset:epoch"),
            (",", "entry 1"),
            (":1:e", "the channel's name is empty"),
            ("a::e", "the offset is a number from 0 to 18446744073709551615"),
            ("a:+1:e", "the offset is a number"),
            ("a:-1:e", "the offset is a number"),
            ("a: 1:e", "the offset is a number"),
            ("a:1.0:e", "the offset is a number"),
            ("a:18446744073709551616:e", "the offset is a number"),
            ("a~:1:e", "two hexadecimal digits"),
            ("a~4:1:e", "two hexadecimal digits"),
            ("a~+4:1:e", "two hexadecimal digits"),
            ("a~äa:1:e", "two hexadecimal digits"),
            ("a~FF:1:e", "what they spell is UTF-8"),
            ("a:1:~zz", "two hexadecimal digits"),
            (&long_epoch, "an epoch has at most 64 bytes"),
            ("a:1:e,b:1:e,a:2:e", "entry 3 of the position, \"a\": the channel has an entry already"),
            ("a:1:e,~61:2:e", "the channel has an entry already"),
            ("a:1:e,b:1:e,c:1:e,d:1:e", "names at most 3 channels here, and this one names 4"),
        ] {
            let error = PositionList::parse(text, 3).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let too_long = "a".repeat(BYTES_MAX + 1);
        assert_eq!(
            PositionList::parse(&too_long, 3),
            Err(PositionListError::TooLong { bytes: BYTES_MAX + 1 })
        );
        let error = PositionList::parse(&"a".repeat(1000), 3).unwrap_err().to_string();
        assert!(error.len() < 200, "{error}");
    }

    fn places() -> impl Strategy<Value = Vec<Place>> {
        let places = proptest::collection::btree_map(".{1,12}", (any::<u64>(), ".{0,12}"), 0..6);
        places.prop_map(|places| {
            places.into_iter().map(|(channel, (offset, epoch))| place(&channel, offset, &epoch)).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_written_is_read_again(places in places()) {
            let written = list(&places).to_string();
            prop_assert!(written.bytes().all(|byte| is_plain(byte) || b",~".contains(&byte)), "{}", written);
            prop_assert_eq!(PositionList::parse(&written, 6), Ok(list(&places)));
        }

        #[test]
        fn no_text_is_more_than_an_error(text in "[a-c:,~0-9ä]{0,24}") {
            if let Ok(read) = PositionList::parse(&text, 4) {
                prop_assert_eq!(PositionList::parse(&read.to_string(), 4), Ok(read));
            }
        }
    }
}
