//! Reading on in a channel.

use std::sync::Arc;
use std::task::Waker;

use wavecast_hub::{PollError, PollQuery, Polled, StreamPosition};
use wavecast_protocol::centrifuge::Error;

use super::call::PollRefusal;
use super::waits::Waits;
use crate::node::Node;
use crate::session::{Admitted, Refused};

/// Somebody who reads a channel.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) admitted: Admitted,
    /// What has been seen; `None`: nothing yet, it begins now.
    pub(super) position: Option<StreamPosition>,
}

impl Reader {
    /// Where to go on when only so many of the publications were given.
    pub(super) fn position_behind(&self, polled: &Polled, taken: usize) -> StreamPosition {
        let epoch = Arc::clone(&polled.position.epoch);
        match taken.checked_sub(1).and_then(|last| polled.publications.get(last)) {
            Some(last) => StreamPosition { offset: last.offset, epoch },
            // Nothing: where it was. Who began with the latest of a cache has seen nothing yet.
            None => self.position.clone().unwrap_or(StreamPosition { offset: 0, epoch }),
        }
    }
}

/// Goes on in one channel until there is something that passes its filter, or nothing more.
pub(super) fn read_one(
    node: &Node,
    reader: &mut Reader,
    waker: Option<&Waker>,
    waits: &mut Waits<'_>,
) -> Result<Polled, PollRefusal> {
    loop {
        let Admitted { channel, options, filter, gets_latest, .. } = &reader.admitted;
        let query = PollQuery {
            since: reader.position.as_ref().map(StreamPosition::as_since),
            publications_max: node.rules().history_max,
            mode: options.recovery_mode,
            filter: filter.as_ref(),
            auto_cache_recover: *gets_latest,
        };
        let polled = node.hub().poll(channel, query, options, node.now_ms(), waker);
        let mut polled = polled.map_err(|error| {
            let error = match error {
                PollError::NoStream => Error::NOT_AVAILABLE,
                PollError::ChannelLimit => Error::LIMIT_EXCEEDED,
            };
            PollRefusal { channel: Some(channel.clone()), ..Refused::Error(error).into() }
        })?;
        if let Some(ticket) = polled.waiting {
            waits.push(channel.clone(), ticket);
        }
        if let Some(filter) = filter {
            polled.publications.retain(|publication| filter.matches(publication.tags.as_deref()));
        }
        let is_nothing = polled.publications.is_empty() && !polled.is_gap;
        if is_nothing {
            // What does not pass the filter is passed over for good.
            reader.position = Some(polled.position.clone());
        }
        if !is_nothing || !polled.has_more {
            return Ok(polled);
        }
    }
}
