//! The table of the subscriptions that the server makes by itself, and whoever listens to them. It
//! outlives connections: positions are given back at the next connect, so that the server can tell
//! what was missed.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::Notify;
use wavecast_protocol::centrifuge::{self, SubscribeRequest, SubscribeResult, Unsubscribed};

use crate::data::Data;
use crate::delta::Deltas;
use crate::end::End;
use crate::error::Cause;
use crate::event::{ServerEvent, SubscriptionEvent};
use crate::publication::StreamPosition;
use crate::queue::{self, EventReceiver, EventSender};
use crate::stream::{Stream, Taken};

/// The server's subscriptions.
#[derive(Debug)]
pub(crate) struct ServerChannels {
    table: HashMap<Arc<str>, ServerChannel>,
    listener: Listener,
    /// Messages that the listener has not got since it fell behind.
    messages_dropped: u64,
    channels_max: usize,
    events_max: usize,
    attention: Arc<Notify>,
}

#[derive(Debug)]
struct ServerChannel {
    stream: Stream,
    /// Where the stream stands, whatever the listener got of it.
    top: Option<StreamPosition>,
    is_live: bool,
    /// The listener knows of the subscription.
    is_told: bool,
    /// The end of the subscription, while the listener has yet to be told.
    ended: Option<Cause>,
}

/// Whoever listens, if anybody does.
#[derive(Debug, Default)]
struct Listener {
    queue: Option<EventSender<ServerEvent>>,
    /// The queue was full: it gets nothing until there is room.
    is_behind: bool,
}

impl ServerChannels {
    pub(crate) fn new(channels_max: usize, events_max: usize, attention: Arc<Notify>) -> Self {
        Self {
            table: HashMap::new(),
            listener: Listener::default(),
            messages_dropped: 0,
            channels_max,
            events_max,
            attention,
        }
    }

    /// Makes somebody else the listener.
    pub(crate) fn listen(&mut self) -> EventReceiver<ServerEvent> {
        let (queue, receiver) = queue::bounded(self.events_max, self.attention.clone());
        let before = std::mem::replace(&mut self.listener, Listener { queue: Some(queue), is_behind: false });
        if let Some(queue) = before.queue {
            queue.end(Cause::new(Cause::LOCAL, "somebody else listens"));
        }
        self.table.retain(|_, entry| entry.ended.is_none());
        self.messages_dropped = 0;
        for entry in self.table.values_mut() {
            entry.is_told = false;
        }
        self.catch_up();
        receiver
    }

    /// Where to recover from, for the connect command.
    pub(crate) fn positions(&self) -> BTreeMap<Cow<'_, str>, SubscribeRequest<'_>> {
        let known = self.table.iter().filter_map(|(channel, entry)| Some((channel, entry.stream.since()?)));
        let request = |since: &'_ StreamPosition| SubscribeRequest {
            recover: true,
            offset: since.offset,
            epoch: since.epoch.clone().into(),
            ..SubscribeRequest::default()
        };
        known.map(|(channel, since)| (Cow::Borrowed(&**channel), request(since))).collect()
    }

    /// There is a session now, with these subscriptions and no others.
    pub(crate) fn connected(
        &mut self,
        subscriptions: &BTreeMap<Cow<'_, str>, SubscribeResult<'_>>,
    ) -> Result<(), End> {
        let ended: Vec<_> =
            self.table.keys().filter(|channel| !subscriptions.contains_key(&***channel)).cloned().collect();
        for channel in ended {
            let Unsubscribed { code, reason } = Unsubscribed::SERVER;
            self.unsubscribed(&channel, code, reason);
        }
        for (channel, result) in subscriptions {
            self.subscribed(channel, result)?;
        }
        Ok(())
    }

    /// The server has subscribed the client.
    pub(crate) fn subscribed(&mut self, channel: &str, result: &SubscribeResult<'_>) -> Result<(), End> {
        let known = self.table.get(channel).is_some_and(|entry| entry.ended.is_none());
        let live = self.table.values().filter(|entry| entry.ended.is_none()).count();
        if !known && live >= self.channels_max {
            return Err(End::local("the server makes more subscriptions than the options allow"));
        }
        let name: Arc<str> = channel.into();
        let entry = self.table.entry(name.clone()).or_insert_with(|| ServerChannel::new(name.clone()));
        entry.ended = None;
        entry.is_live = true;
        if self.listener.is_behind {
            entry.skip_to(result);
            return Ok(());
        }
        let taken = entry.stream.accepted(result, &|event| self.listener.tell(&name, event));
        entry.is_told = self.listener.queue.is_some();
        entry.top = entry.stream.position().cloned();
        if taken == Taken::Full {
            entry.skip_to(result);
            self.listener.fall_behind();
        }
        Ok(())
    }

    /// The server has ended a subscription.
    pub(crate) fn unsubscribed(&mut self, channel: &str, code: u32, reason: &str) {
        let Some((name, mut entry)) = self.table.remove_entry(channel) else { return };
        let cause = Cause::new(code, reason);
        if !entry.is_told {
            return;
        }
        let end = SubscriptionEvent::Unsubscribed(cause.clone());
        if self.listener.is_behind || !self.listener.tell(&name, end) {
            // Those that are told are as many as there may be subscriptions, and so are these.
            entry.is_live = false;
            entry.ended = Some(cause);
            self.table.insert(name, entry);
            self.listener.fall_behind();
        }
    }

    /// Something was published.
    pub(crate) fn published(&mut self, channel: &str, publication: &centrifuge::Publication<'_>) {
        let Some((name, entry)) = live(&mut self.table, channel) else { return };
        entry.reached(publication.offset);
        if self.listener.is_behind {
            entry.stream.fell_behind();
            return;
        }
        match entry.stream.published(publication, &|event| self.listener.tell(&name, event)) {
            Taken::Told => {}
            Taken::Full | Taken::Broken => {
                entry.stream.fell_behind();
                self.listener.fall_behind();
            }
        }
    }

    /// Something else happened in a channel.
    pub(crate) fn tell(&mut self, channel: &str, event: SubscriptionEvent) {
        let Some((name, entry)) = live(&mut self.table, channel) else { return };
        if self.listener.is_behind || !self.listener.tell(&name, event) {
            entry.stream.fell_behind();
            self.listener.fall_behind();
        }
    }

    /// The server has left out publications; false if it has no such subscription.
    pub(crate) fn dropped(&mut self, channel: &str, count: u64) -> bool {
        let Some((name, entry)) = live(&mut self.table, channel) else { return false };
        if self.listener.is_behind || !entry.stream.dropped(count, &|event| self.listener.tell(&name, event))
        {
            entry.stream.fell_behind();
            self.listener.fall_behind();
        }
        true
    }

    /// The back end has sent something to this client alone.
    pub(crate) fn message(&mut self, data: Data) {
        if self.listener.is_behind || !self.listener.push(ServerEvent::Message(data)) {
            self.messages_dropped = self.messages_dropped.saturating_add(1);
            self.listener.fall_behind();
        }
    }

    /// The session is over.
    pub(crate) fn disconnected(&mut self, cause: &Cause) {
        for (name, entry) in &mut self.table {
            if !std::mem::replace(&mut entry.is_live, false) {
                continue;
            }
            let listener = &self.listener;
            let tell = |event| !entry.is_told || listener.is_behind || listener.tell(name, event);
            entry.stream.interrupted(cause, &tell);
        }
    }

    /// The server said that what the client knows of its streams is void.
    pub(crate) fn forget(&mut self) {
        self.table.values_mut().for_each(|entry| entry.stream.forget());
    }

    /// Looks after what the listener did: it may have gone, or have made room.
    pub(crate) fn sweep(&mut self) {
        let Some(queue) = &self.listener.queue else { return };
        if queue.is_closed() {
            self.listener = Listener::default();
            self.table.retain(|_, entry| entry.ended.is_none());
        } else if self.listener.is_behind && queue.has_room() {
            queue.room_found();
            self.listener.is_behind = false;
            self.catch_up();
        }
    }

    /// The client is over.
    pub(crate) fn close(&mut self, cause: &Cause) {
        if let Some(queue) = self.listener.queue.take() {
            queue.end(cause.clone());
        }
    }

    /// Tells the listener what stands, as far as it does not know.
    fn catch_up(&mut self) {
        let dropped = self.messages_dropped;
        if dropped > 0 && !self.listener.push(ServerEvent::MessagesDropped(dropped)) {
            return self.listener.fall_behind();
        }
        self.messages_dropped = 0;
        let listener = &self.listener;
        let mut is_told = true;
        self.table.retain(|name, entry| {
            is_told = is_told && entry.catch_up(&|event| listener.tell(name, event));
            !is_told || entry.ended.is_none()
        });
        if !is_told {
            self.listener.fall_behind();
        }
    }
}

fn live<'t>(
    table: &'t mut HashMap<Arc<str>, ServerChannel>,
    channel: &str,
) -> Option<(Arc<str>, &'t mut ServerChannel)> {
    let name = table.get_key_value(channel)?.0.clone();
    let entry = table.get_mut(channel).filter(|entry| entry.is_live)?;
    Some((name, entry))
}

impl ServerChannel {
    fn new(channel: Arc<str>) -> Self {
        // Nothing can be done about a publication that is missing, so nobody counts them.
        let stream = Stream::new(channel, None, true, Deltas::none());
        Self { stream, top: None, is_live: true, is_told: false, ended: None }
    }

    /// The subscription stands, and the listener gets nothing of what the answer brings.
    fn skip_to(&mut self, result: &SubscribeResult<'_>) {
        self.stream.skipped(result);
        self.top = self.stream.top(result);
    }

    fn reached(&mut self, offset: u64) {
        if let Some(top) = &mut self.top {
            top.offset = top.offset.max(offset);
        }
    }

    /// Tells what stands; false if the queue is full.
    fn catch_up(&mut self, tell: &dyn Fn(SubscriptionEvent) -> bool) -> bool {
        if let Some(cause) = &self.ended {
            return tell(SubscriptionEvent::Unsubscribed(cause.clone()));
        }
        if !self.is_live {
            return true;
        }
        if !self.is_told {
            let position = self.top.clone();
            let begin = SubscriptionEvent::Subscribed {
                was_recovering: false,
                recovered: false,
                position,
                data: None,
            };
            self.is_told = tell(begin);
            self.stream.begin_at(self.top.clone());
            return self.is_told;
        }
        self.stream.go_on_from(self.top.clone(), tell)
    }
}

impl Listener {
    /// False if the queue is full. Nobody takes everything.
    fn push(&self, event: ServerEvent) -> bool {
        self.queue.as_ref().is_none_or(|queue| queue.push(event))
    }

    fn tell(&self, channel: &Arc<str>, event: SubscriptionEvent) -> bool {
        self.push(ServerEvent::Subscription { channel: channel.clone(), event })
    }

    fn fall_behind(&mut self) {
        if let Some(queue) = self.queue.as_ref().filter(|_| !self.is_behind) {
            self.is_behind = true;
            queue.await_room();
        }
    }
}
