//! Where the reader of an EventSource stands, in the `id` of its events: what its browser remembers, and says when it comes
//! back (HTML standard §9.2).
//!
//! An event that is for many says where they stand in its own channel. Who has more channels than that gets a copy that
//! names the others, too. What is dispatched and what is remembered are one event: whoever is cut off between any two bytes
//! has seen exactly what it remembers.

use std::fmt::Display;

/// The longest list that is said; who has more channels, or longer names, is not told where it stands.
const BYTES_MAX: usize = 4096;
const FIELD: &[u8] = b"id: ";

/// Appends the field that belongs to the event that is written next.
pub(crate) fn mark(places: &impl Display, out: &mut Vec<u8>) {
    let places = places.to_string();
    if !places.is_empty() && places.len() <= BYTES_MAX {
        out.extend_from_slice(FIELD);
        out.extend_from_slice(places.as_bytes());
        out.push(b'\n');
    }
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
            Some(_) => {}
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
        assert!(!without.starts_with(FIELD) && without.starts_with(b"data: "));
        let mut out = Vec::new();
        mark(&long, &mut out);
        mark(&"", &mut out);
        assert_eq!(out.len(), FIELD.len() + BYTES_MAX + 1);
    }
}
