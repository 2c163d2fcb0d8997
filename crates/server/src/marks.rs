//! Where the reader of an EventSource stands, in the `id` of its events: what its browser remembers, and says when it comes
//! back (HTML standard §9.2).
//!
//! An event that is for many says where they stand in its own channel. Who has more channels than that gets a copy that
//! names the others, too. What is dispatched and what is remembered are one event: whoever is cut off between any two bytes
//! has seen exactly what it remembers.

use std::fmt::Display;

/// The longest list that is said; who has more channels, or longer names, is told to forget where it stood.
const BYTES_MAX: usize = 4096;
const FIELD: &[u8] = b"id: ";
/// Without it the browser would go on saying what it was told last, and be given again what it has had since.
const FORGET: &[u8] = b"id:\n";
/// An offset, an epoch of the hub's and what stands between.
const HERE_BYTES_MAX: usize = 64;

/// Appends the field that belongs to the event that is written next.
pub(crate) fn mark(places: &impl Display, out: &mut Vec<u8>) {
    mark_with(&places.to_string(), "", out);
}

/// The same for who stands in other places, too; these are written already.
pub(crate) fn mark_with(here: &str, others: &str, out: &mut Vec<u8>) {
    if here.is_empty() {
        return;
    }
    let comma = if others.is_empty() { "" } else { "," };
    if here.len() + comma.len() + others.len() > BYTES_MAX {
        return out.extend_from_slice(FORGET);
    }
    for part in [FIELD, here.as_bytes(), comma.as_bytes(), others.as_bytes(), b"\n"] {
        out.extend_from_slice(part);
    }
}

/// What marks add at most to so many events of a channel, for who stands in these other places.
pub(crate) fn bytes_max(events: usize, channel: &str, others: &str) -> usize {
    // Each byte of a name may be written as three.
    let here = 3 * channel.len() + HERE_BYTES_MAX;
    events * (FIELD.len() + (here + others.len()).min(BYTES_MAX) + 1)
}

/// Events whose ids name other places, too.
pub(crate) fn with_others(events: &[u8], others: &str) -> Vec<u8> {
    let mut marked = Vec::with_capacity(events.len() + others.len() + 1);
    // Data has one line an event, and begins otherwise.
    for line in events.split_inclusive(|&byte| byte == b'\n') {
        match line.strip_prefix(FIELD).and_then(|line| line.strip_suffix(b"\n")) {
            None => marked.extend_from_slice(line),
            Some(place) if place.len() + 1 + others.len() <= BYTES_MAX => {
                for part in [FIELD, place, b",", others.as_bytes(), b"\n"] {
                    marked.extend_from_slice(part);
                }
            }
            Some(_) => marked.extend_from_slice(FORGET),
        }
    }
    marked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_places_are_added_to_each_event_that_has_one() {
        let events = b"id: a:1:e\ndata: {\"id: \":1}\n\ndata: {}\n\nid: a:2:e\ndata: {}\n\n";
        let marked = with_others(events, "b:7:f");
        let expected = "id: a:1:e,b:7:f\ndata: {\"id: \":1}\n\ndata: {}\n\nid: a:2:e,b:7:f\ndata: {}\n\n";
        assert_eq!(String::from_utf8(marked).unwrap(), expected);
        let long = "x".repeat(BYTES_MAX);
        let without = with_others(events, &long);
        assert!(without.starts_with(b"id:\ndata: "), "it is forgotten, and not what was said last");
        let mut out = Vec::new();
        mark(&long, &mut out);
        mark(&"", &mut out);
        assert_eq!(out.len(), FIELD.len() + BYTES_MAX + 1);
        out.clear();
        mark_with("b:7:f", &long, &mut out);
        assert_eq!(out, FORGET);
    }
}
