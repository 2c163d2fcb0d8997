//! What waits for a group in which not everybody gets everything, or newer messages replace older ones: each message is a frame
//! of its own.

use std::rc::Rc;
use std::sync::Arc;

use wavecast_hub::{Filter, Publication, Tags};
use wavecast_net::shard::ConnectionId;
use wavecast_net::{Bundle, Frame, Lane};

use super::outlet::Outlet;

/// The tag whose value tells apart what of a channel is kept by `latest`.
const KEY_TAG: &str = "key";

/// Messages in order.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pieces: Vec<Piece>,
    bytes: usize,
}

#[derive(Debug)]
struct Piece {
    frame: Frame,
    for_whom: Audience,
}

/// Who of a group gets a message.
#[derive(Debug, Default)]
pub(super) struct Audience {
    /// What filters are asked about; `None`: they are not.
    pub(super) publication: Option<Arc<Publication>>,
    /// Who is not to be sent it.
    pub(super) excluded: Box<[ConnectionId]>,
}

impl Audience {
    fn has(&self, member: ConnectionId, filter: Option<&Rc<Filter>>) -> bool {
        let matches = match (filter, &self.publication) {
            (Some(filter), Some(publication)) => filter.matches(publication.tags.as_deref()),
            _ => true,
        };
        matches && !self.excluded.contains(&member)
    }
}

impl Audience {
    /// Whether everybody of another audience is of this one.
    fn takes_the_place_of(&self, other: &Self) -> bool {
        self.publication.is_none() && self.excluded.iter().all(|id| other.excluded.contains(id))
    }
}

impl Pieces {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts a framed message behind the others, or in the place of the one with the same key, where everybody who was to get
    /// that gets this instead.
    pub(super) fn push(&mut self, framed: &[u8], lane: Option<Lane>, for_whom: Audience) {
        let older = lane
            .as_ref()
            .filter(|lane| lane.key.is_some())
            .and_then(|lane| self.pieces.iter_mut().rev().find(|older| older.frame.lane() == Some(lane)))
            .filter(|older| for_whom.takes_the_place_of(&older.for_whom));
        self.bytes += framed.len();
        let frame = lane.map_or_else(|| Frame::new(framed), |lane| Frame::in_lane(framed, lane.clone(), 1));
        let piece = Piece { frame: frame.deflatable(), for_whom };
        match older {
            Some(older) => {
                self.bytes -= older.frame.len();
                *older = piece;
            }
            None => self.pieces.push(piece),
        }
    }

    /// Sends what waits. `filters` are those of the members, in their order, or none. Who gets all of it at once gets it in
    /// one frame: with a `lane` that may be dropped while it waits, without it is kept, as the newest of each key has to be.
    pub(super) fn send(
        &mut self,
        members: &[ConnectionId],
        filters: &[Rc<Filter>],
        lane: Option<u32>,
        outlet: &mut impl Outlet,
    ) {
        let Self { pieces, .. } = std::mem::take(self);
        if pieces.is_empty() {
            return;
        }
        let (frames, audiences): (Vec<_>, Vec<_>) =
            pieces.into_iter().map(|piece| (piece.frame, piece.for_whom)).unzip();
        let bundle = Bundle::from(frames);
        let mut all = None;
        for (place, &member) in members.iter().enumerate() {
            let filter = filters.get(place);
            let is_for = |audience: &Audience| audience.has(member, filter);
            if audiences.iter().all(is_for) && (audiences.len() == 1 || outlet.is_idle(member)) {
                outlet.one(member, all.get_or_insert_with(|| together(bundle.frames(), lane)));
            } else {
                outlet.some(member, &bundle, &mut |index| is_for(&audiences[index]));
            }
        }
    }
}

/// What tells apart the publications of a channel of which only the newest are kept.
pub(super) fn key(tags: Option<&Tags>) -> Box<str> {
    tags.and_then(|tags| tags.get(KEY_TAG)).map(String::as_str).unwrap_or_default().into()
}

/// One frame for those who get all of them at once.
fn together(frames: &[Frame], lane: Option<u32>) -> Frame {
    if let [frame] = frames {
        return frame.clone();
    }
    let bytes: Vec<u8> = frames.iter().flat_map(|frame| frame.iter().copied()).collect();
    let lane = lane.map(|number| Lane { number, key: None });
    let frame = lane.map_or_else(|| Frame::new(&bytes), |lane| Frame::in_lane(&bytes, lane, 1));
    frame.holding(frames.len() as u32).deflatable()
}
