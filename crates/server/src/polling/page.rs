//! What of all channels fits into one answer.

use std::sync::Arc;

use wavecast_hub::{Polled, Publication};

use super::reader::Reader;
use crate::position_list::{Place, PositionList};

/// Bytes that a publication has in an answer beside what it carries, about.
const AROUND_BYTES: usize = 100;

/// What a poll has found.
#[derive(Debug, Default)]
pub struct PollPage {
    /// Publications, those of each channel in order.
    pub publications: Vec<Arc<Publication>>,
    /// Where to go on, in the order of the channels that were asked for.
    pub next: PositionList,
    /// Channels in which something is missing before `next`, or it cannot be ruled out.
    pub gaps: Vec<Box<str>>,
    /// More can be had at once.
    pub has_more: bool,
}

impl PollPage {
    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.gaps.is_empty()
    }

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
