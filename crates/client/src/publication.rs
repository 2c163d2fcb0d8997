//! What is published, and its place in a channel's stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use wavecast_protocol::centrifuge;

use crate::data::Data;

/// One publication of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// The channel it was published to.
    pub channel: Arc<str>,
    /// Its place in the channel's stream; 0 where the channel keeps no history.
    pub offset: u64,
    /// What was published.
    pub data: Data,
    /// Who published it, where it came from a client.
    pub info: Option<ClientInfo>,
    /// What the publisher attached. Often empty.
    pub tags: BTreeMap<String, String>,
    /// When the server took it, in milliseconds since 1970; 0 where the server does not say.
    pub time_ms: i64,
}

impl Publication {
    /// Reads [`data`](Self::data), which is JSON, as a value of yours.
    ///
    /// # Errors
    ///
    /// What deserialising returns.
    pub fn json<'p, T: Deserialize<'p>>(&'p self) -> serde_json::Result<T> {
        self.data.parse()
    }
}

/// Who is behind a publication, a join or a leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// The user; empty for an anonymous one.
    pub user: String,
    /// The session.
    pub client: String,
    /// What the connection was given by token or hook.
    pub conn_info: Option<Data>,
    /// What the subscription was given by token or hook.
    pub chan_info: Option<Data>,
}

/// A place in a channel's stream. Offsets can only be compared within one epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StreamPosition {
    /// The offset of the last publication that is known.
    pub offset: u64,
    /// Names this life of the stream; another epoch means that the stream began anew.
    pub epoch: String,
}

impl Publication {
    pub(crate) fn new(channel: Arc<str>, publication: &centrifuge::Publication<'_>, data: Data) -> Self {
        Self {
            channel,
            offset: publication.offset,
            data,
            info: publication.info.as_ref().map(ClientInfo::from),
            tags: publication.tags.clone().into_owned(),
            time_ms: publication.time,
        }
    }
}

impl From<&centrifuge::ClientInfo<'_>> for ClientInfo {
    fn from(info: &centrifuge::ClientInfo<'_>) -> Self {
        Self {
            user: info.user.clone().into_owned(),
            client: info.client.clone().into_owned(),
            conn_info: Data::present(info.conn_info),
            chan_info: Data::present(info.chan_info),
        }
    }
}
