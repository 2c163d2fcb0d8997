//! A session that goes one way, from its request to the answer: what is kept until it is known whether it stands.

use std::time::Duration;

use wavecast_net::shard::Close;

use crate::one_way;
use crate::position_list::PositionList;
use crate::session::{Moment, PageRoom};
use crate::streams::{AnswerBy, Ended, answer, head_without_length};

/// A session whose request has not been answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    /// Commands that have not been carried out yet.
    left: usize,
    answer: AnswerBy,
    /// What goes out behind the head.
    first: Vec<u8>,
    /// Where its client left off: remembered for it in those channels that it is not subscribed to yet.
    places: PositionList,
    /// The publications that go out behind the head.
    pages: PageRoom,
    /// By when it has to stand, milliseconds of the shard.
    until_ms: u64,
}

impl Unanswered {
    pub(super) fn new(
        left: usize,
        answer: AnswerBy,
        first: Vec<u8>,
        places: PositionList,
        until_ms: u64,
    ) -> Self {
        Self { left, answer, first, places, pages: PageRoom::default(), until_ms }
    }

    /// Whether it takes so many bytes of publications more.
    pub(super) fn takes(&mut self, page_bytes: usize, bytes_max: usize) -> bool {
        self.pages.take(page_bytes, bytes_max)
    }

    /// How much time there still is; zero: none. `None`: there is no end to it.
    pub(super) fn time_left(&self, now: Moment) -> Option<Duration> {
        let left_ms = self.until_ms.saturating_sub(now.shard_ms);
        (self.until_ms < u64::MAX).then(|| Duration::from_millis(left_ms))
    }

    /// The answer where the session ends before it stands; the desk has words of its own.
    pub(super) fn refusal(&self, close: &Close<'_>) -> Vec<u8> {
        let AnswerBy::Shard(fields) = &self.answer else { return Vec::new() };
        let code = close.code.into();
        answer(one_way::status(code), fields, &one_way::refusal(code, close.reason))
    }

    /// Something goes out behind the head.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.first.extend_from_slice(bytes);
    }

    /// Where its client left off.
    pub(super) fn places(&self) -> &PositionList {
        &self.places
    }

    /// One of the first commands has been carried out; `true`: it was the last.
    pub(super) fn one_is_answered(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left == 0
    }

    /// The session stands: what goes out first.
    pub(super) fn stands(self) -> Vec<u8> {
        let mut bytes = match self.answer {
            AnswerBy::Shard(fields) => head_without_length(&fields),
            AnswerBy::Desk(desk) => {
                // Its client may have gone.
                desk.map(|desk| desk.send(Ok(())).ok());
                Vec::new()
            }
        };
        bytes.extend_from_slice(&self.first);
        bytes
    }

    /// The session has ended.
    pub(super) fn ended(self, close: &Close<'_>) {
        if let AnswerBy::Desk(Some(desk)) = self.answer {
            // Its client may have gone.
            desk.send(Err(Ended { code: close.code.into(), reason: close.reason.into() })).ok();
        }
    }
}
