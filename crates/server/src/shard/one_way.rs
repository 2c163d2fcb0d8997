//! Sessions that go one way: nothing but pushes, and an HTTP answer that says whether they stand.
//!
//! Who opens an EventSource, or calls by curl, learns from the status that it may not come in; browsers then do not try
//! again. So the head of the answer, and what is pushed meanwhile, is kept until the last of the first commands has been
//! carried out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use wavecast_hub::{Publication, StreamPosition};
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{Disconnect, Error, Push, Reply, SubscribeResult, json};

use super::PushShard;
use super::replies::page_bytes;
use super::unanswered::Unanswered;
use crate::channels::ChannelNumber;
use crate::marks;
use crate::one_way::Introduction;
use crate::position_list::{Place, PositionList};
use crate::session::Settled;
use crate::wire_form::WireForm;

/// After how long browsers open an EventSource again. By chance: those who were closed in one storm do not come in one.
const COME_BACK_MIN: Duration = Duration::from_secs(1);
const COME_BACK_MAX: Duration = Duration::from_secs(5);

impl PushShard {
    /// A client of a WebSocket that goes one way has said who it is. What it says later is passed over: there is nothing that
    /// it could say.
    pub(super) fn introduced(&mut self, connections: &mut Connections, id: ConnectionId, request: &[u8]) {
        let Some(session) = self.sessions.get(id).filter(|session| session.waits_for_connect()) else {
            return;
        };
        debug_assert!(session.wire.is_one_way(), "others say commands");
        match Introduction::of_connect(request, &PositionList::default()) {
            Ok(introduction) => self.message_of(connections, id, &introduction.commands),
            Err(problem) => {
                let disconnect = Disconnect { reason: problem.into(), ..Disconnect::BAD_REQUEST };
                self.disconnect(connections, id, disconnect);
            }
        }
    }

    /// Tells browsers when to come back.
    pub(super) fn come_back_after(&self, connections: &mut Connections, form: WireForm) -> Vec<u8> {
        if form != WireForm::UniSse {
            return Vec::new();
        }
        let after = connections.jitter(COME_BACK_MIN, COME_BACK_MAX);
        format!("retry: {}\n\n", after.as_millis()).into_bytes()
    }

    /// The connect command of a session is answered: with what waits to be answered, if it does.
    pub(super) fn is_welcome(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        settled: &[Settled],
    ) -> bool {
        let mut mark = Vec::new();
        if self.sessions.get(id).is_some_and(|session| session.wire.marks_places()) {
            marks::mark(&self.places_at_welcome(id, settled), &mut mark);
        }
        let Some(unanswered) = self.unanswered.get_mut(&id) else { return false };
        if let Some(frame) = self.replies.take(id) {
            unanswered.push(&mark);
            unanswered.push(&frame);
        }
        self.one_is_answered(connections, id);
        true
    }

    /// Tells a client of nothing but pushes that it is subscribed, and what it has missed. `others`: where it stands
    /// elsewhere.
    pub(super) fn tell_subscribed(
        &mut self,
        connections: &mut Connections,
        id: ConnectionId,
        form: WireForm,
        channel: &str,
        others: &str,
        result: SubscribeResult<'_>,
    ) {
        let SubscribeResult { publications, .. } = result;
        let result = SubscribeResult { publications: Vec::new(), ..result };
        let is_marked = form.marks_places() && result.recoverable;
        let epoch: Arc<str> = (&*result.epoch).into();
        let mut framed = Vec::new();
        let mut add = |offset: u64, push: &[u8]| {
            if is_marked {
                let position = StreamPosition { offset, epoch: Arc::clone(&epoch) };
                let here: PositionList = [Place { channel: channel.into(), position }].into_iter().collect();
                marks::mark_with(&here.to_string(), others, &mut framed);
            }
            form.frame(push, &mut framed);
        };
        let mut push = Vec::new();
        json::encode_bare_subscribed(channel, &result, &mut push);
        // What it has missed comes next.
        let begins_at = publications.first().map_or(result.offset, |first| first.offset.saturating_sub(1));
        add(begins_at, &push);
        for publication in publications {
            let offset = publication.offset;
            push.clear();
            form.dialect()
                .encode_push(&Push::Publication { channel: channel.into(), publication }, &mut push);
            add(offset, &push);
        }
        let frame = Frame::from(framed.into_boxed_slice());
        match self.unanswered.contains_key(&id) {
            // It has been found to fit, and belongs to the answer.
            true => connections.send_anyway(id, &frame).ok(),
            false => connections.send_frame(id, &frame).ok(),
        };
        self.one_is_answered(connections, id);
    }

    /// Whether the answer to a request has room for these publications, and so many bytes more.
    pub(super) fn fits_into_answer(
        &mut self,
        id: ConnectionId,
        missed: &[Arc<Publication>],
        more: usize,
    ) -> bool {
        let bytes = if missed.is_empty() { 0 } else { page_bytes(missed.iter().map(|p| &**p)) + more };
        let bytes_max = self.node.config().client.queue_max_size / 2;
        self.unanswered.get_mut(&id).is_some_and(|unanswered| unanswered.takes(bytes, bytes_max))
    }

    /// Where a client stands: in the channels that it is subscribed to, but for one, and where it left off in those that it
    /// is still to be subscribed to.
    pub(super) fn places_of(&self, id: ConnectionId, but: Option<ChannelNumber>) -> PositionList {
        let Some(session) = self.sessions.get(id) else { return PositionList::default() };
        let live = session.recoverable().filter(|channel| Some(*channel) != but);
        let here = but.map(|channel| &**self.channels.name(channel));
        let left_off = self.unanswered.get(&id).into_iter().flat_map(Unanswered::places);
        let left_off = left_off.filter(|place| {
            let is_live = self.channels.find(&place.channel).is_some_and(|channel| session.is_live(channel));
            !is_live && here != Some(&*place.channel)
        });
        live.filter_map(|channel| self.channels.place(channel)).chain(left_off.cloned()).collect()
    }

    /// Where a client stands that comes in: where its subscriptions began. What they have brought since goes out behind that.
    fn places_at_welcome(&self, id: ConnectionId, settled: &[Settled]) -> PositionList {
        let began = settled.iter().filter(|settled| settled.joining.marks.recoverable).map(|settled| Place {
            channel: (&*settled.channel).into(),
            position: settled.joined.position.clone(),
        });
        let left_off = self.unanswered.get(&id).into_iter().flat_map(Unanswered::places);
        let left_off =
            left_off.filter(|place| settled.iter().all(|settled| *settled.channel != *place.channel));
        began.chain(left_off.cloned()).collect()
    }

    /// Where those stand elsewhere who read a channel, if it is not the only one they read.
    pub(super) fn places_elsewhere(&self, channel: ChannelNumber) -> HashMap<ConnectionId, String> {
        let readers = self.channels.written_to_in(channel, WireForm::UniSse);
        let elsewhere = readers.map(|id| (id, self.places_of(id, Some(channel)).to_string()));
        elsewhere.filter(|(_, places)| !places.is_empty()).collect()
    }

    /// Whether a client that goes one way has named a channel that the server has given it already: that is no mistake of
    /// its.
    pub(super) fn has_it_anyway(&self, id: ConnectionId, reply: &Reply<'_>) -> bool {
        let is_given = matches!(&reply.body, Err(error) if error.code == Error::ALREADY_SUBSCRIBED.code);
        is_given && self.sessions.get(id).is_some_and(|session| session.wire.is_one_way())
    }

    /// One of the first commands has been carried out. After the last of them the request is answered.
    pub(super) fn one_is_answered(&mut self, connections: &mut Connections, id: ConnectionId) {
        let Some(unanswered) = self.unanswered.get_mut(&id) else { return };
        if unanswered.one_is_answered()
            && let Some(unanswered) = self.unanswered.remove(&id)
        {
            let first = Frame::from(unanswered.stands().into_boxed_slice());
            connections.fill_place(id, &first).ok();
        }
    }
}
