//! What of all channels fits into one answer.

use std::sync::Arc;

use wavecast_hub::{Polled, Publication};

use super::call::PollPage;
use super::reader::Reader;
use crate::position_list::Place;

/// Bytes that a publication has in an answer beside what it carries, about.
const AROUND_BYTES: usize = 100;

impl PollPage {
    /// As much of what was found as fits, from each channel by turns, so that a busy one does not keep the others out.
    pub(super) fn of(readers: &[Reader], found: Vec<Polled>, bytes_max: usize) -> Self {
        let mut page = Self::default();
        let mut taken = vec![0; found.len()];
        let (mut bytes, mut turn) = (0, 0);
        'full: loop {
            let mut is_any_left = false;
            for (polled, taken) in found.iter().zip(&mut taken) {
                let Some(publication) = polled.publications.get(turn) else { continue };
                is_any_left = true;
                bytes += bytes_in_answer(publication);
                if bytes > bytes_max && !page.publications.is_empty() {
                    break 'full;
                }
                page.publications.push(Arc::clone(publication));
                *taken += 1;
            }
            if !is_any_left {
                break;
            }
            turn += 1;
        }
        let places = readers.iter().zip(found).zip(taken).map(|((reader, polled), taken)| {
            let is_whole = taken == polled.publications.len();
            page.has_more |= polled.has_more || !is_whole;
            if polled.is_gap {
                page.gaps.push(reader.admitted.channel.clone());
            }
            let position = if is_whole { polled.position } else { reader.position_behind(&polled, taken) };
            Place { channel: reader.admitted.channel.clone(), position }
        });
        page.next = places.collect();
        page
    }
}

/// What a publication takes in an answer, about, bytes.
fn bytes_in_answer(publication: &Publication) -> usize {
    let data = publication.data.len();
    let data = if publication.is_json { data } else { data + data / 3 };
    let info = publication.info.as_ref().map_or(0, |info| info.bytes_held());
    let tags = publication.tags.iter().flat_map(|tags| tags.iter());
    let tags: usize = tags.map(|(key, value)| key.len() + value.len() + 6).sum();
    data + info + tags + publication.channel.len() + AROUND_BYTES
}
