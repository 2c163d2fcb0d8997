//! What travels through a channel.

use crate::delta;
use crate::footprint::SHARED_BYTES;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

/// Key and value pairs that a publisher attaches to a publication, in the order of their keys.
pub type Tags = BTreeMap<String, String>;

/// Who a client is, as others in the channel may see it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// The user's id; empty for an anonymous user.
    pub user: Box<str>,
    /// The id of the session, unique among all nodes.
    pub client: Box<str>,
    /// What the connection's token or connect hook says about the user, in the form of the client protocol.
    pub conn_info: Option<Box<[u8]>>,
    /// What the subscription's token or subscribe hook says about the user in this channel.
    pub chan_info: Option<Box<[u8]>>,
}

impl ClientInfo {
    /// Memory that one shared `ClientInfo` holds, bytes.
    pub fn bytes_held(&self) -> usize {
        let texts = self.user.len() + self.client.len();
        let infos = [&self.conn_info, &self.chan_info].into_iter().flatten().map(|info| info.len());
        SHARED_BYTES + size_of::<Self>() + texts + infos.sum::<usize>()
    }
}

/// Somebody comes into a channel or goes out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The channel.
    pub channel: Arc<str>,
    /// Who it is.
    pub info: Arc<ClientInfo>,
}

/// One message in a channel, built once and shared by the history and by every shard that delivers it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publication {
    /// The channel it was published into.
    pub channel: Arc<str>,
    /// Its place in the channel's stream, counted from 1; 0 when it has none (no stream, or history skipped).
    pub offset: u64,
    /// The payload. The hub does not look into it.
    pub data: Box<[u8]>,
    /// Whether the payload is JSON on one line; else clients in JSON get it as base64 text.
    pub is_json: bool,
    /// Who published it; `None` when the back end did.
    pub info: Option<Box<ClientInfo>>,
    /// The publisher's tags.
    pub tags: Option<Box<Tags>>,
    /// When it was published, Unix time in milliseconds; 0 when unknown.
    pub time_ms: i64,
    /// Subscribers that take deltas may get one.
    pub delta: bool,
    /// Ids of the sessions that are not sent it when it is published. Whoever recovers gets it, since a new session has a
    /// new id.
    pub exclude: Option<Box<[Box<str>]>>,
    /// Room for the delta that [`Publication::delta_from`] makes. Empty at first.
    pub delta_slot: DeltaSlot,
}

/// The delta from one publication to the next, once it has been asked for. It says nothing about the publication: any two
/// are equal.
#[derive(Debug, Clone, Default)]
pub struct DeltaSlot(OnceLock<Made>);

#[derive(Debug, Clone)]
struct Made {
    /// Which publication it leads from. A weak reference keeps its address from being used again, and nothing else.
    base: Weak<Publication>,
    /// `None` when it would gain nothing.
    delta: Option<Box<[u8]>>,
}

impl PartialEq for DeltaSlot {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for DeltaSlot {}

/// Entries of a map of tags per piece of memory, on average, and the size of such a piece, bytes.
const TAGS_PER_NODE: usize = 7;
const TAGS_NODE_BYTES: usize = 11 * 2 * size_of::<String>() + 2 * size_of::<usize>();

impl Publication {
    /// Whether it is not for the client with this id.
    pub fn excludes(&self, client: &str) -> bool {
        self.exclude.iter().flatten().any(|excluded| **excluded == *client)
    }

    /// Memory that one shared publication holds, bytes; of the tags' map an estimate. Where there may be a delta, it is
    /// counted at its longest, made or not. The channel's name is not counted: the channel has it.
    pub fn bytes_held(&self) -> usize {
        let info = self.info.as_ref().map_or(0, |info| info.bytes_held());
        let tags = self.tags.as_ref().map_or(0, |tags| {
            let texts = tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
            size_of::<Tags>() + tags.len().div_ceil(TAGS_PER_NODE) * TAGS_NODE_BYTES + texts
        });
        let excluded = self.exclude.iter().flatten().map(|id| size_of::<Box<str>>() + id.len());
        let delta = if self.delta { delta_bytes_max(&self.data) } else { 0 };
        SHARED_BYTES + size_of::<Self>() + self.data.len() + info + tags + excluded.sum::<usize>() + delta
    }

    /// The Fossil delta that leads from the payload of `previous` to this one's. It is made when it is first asked for,
    /// and kept. Another thread that asks meanwhile waits for it, and so for no longer than making it would take that thread
    /// itself: well under a millisecond for 64 KiB, and the payloads are bounded.
    ///
    /// `None` where the publisher wants no deltas, where one would save less than an eighth, where a payload is longer
    /// than [`DELTA_PAYLOAD_BYTES_MAX`](delta::DELTA_PAYLOAD_BYTES_MAX), and for any other `previous` than the one that
    /// was asked for first. The whole payload does in each case.
    pub fn delta_from(&self, previous: &Arc<Self>) -> Option<&[u8]> {
        if !self.delta {
            return None;
        }
        let made = self.delta_slot.0.get_or_init(|| {
            let delta = delta::create(&previous.data, &self.data, delta_bytes_max(&self.data));
            let delta = delta.map(Vec::into_boxed_slice);
            Made { base: Arc::downgrade(previous), delta }
        });
        made.delta.as_deref().filter(|_| std::ptr::eq(made.base.as_ptr(), Arc::as_ptr(previous)))
    }
}

/// The longest delta that is worth having.
const fn delta_bytes_max(data: &[u8]) -> usize {
    if data.len() > delta::DELTA_PAYLOAD_BYTES_MAX { 0 } else { data.len() - data.len().div_ceil(8) }
}

/// A publication before it has its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Publish {
    /// The payload.
    pub data: Box<[u8]>,
    /// Whether the payload is JSON on one line.
    pub is_json: bool,
    /// Who publishes; `None` for the back end.
    pub info: Option<Box<ClientInfo>>,
    /// The publisher's tags.
    pub tags: Option<Box<Tags>>,
    /// Deliver it to those who are here now and keep it out of the stream: no offset, no recovery.
    pub skip_history: bool,
    /// When it was published, Unix time in milliseconds; 0 when unknown.
    pub time_ms: i64,
    /// Subscribers that take deltas may get one.
    pub delta: bool,
    /// Ids of the sessions that are not sent it.
    pub exclude: Option<Box<[Box<str>]>>,
    /// The version of the state that it carries: a stream that has this one or a later one already does not take it.
    /// 0: none.
    pub version: u64,
    /// The name of this life of versions; a new one begins again.
    pub version_epoch: Box<str>,
}
