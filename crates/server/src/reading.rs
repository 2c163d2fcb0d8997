//! What may be asked of a node's channels: what was published, who is there, which there are; and that their history be dropped.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use wavecast_hub::{ChannelOptions, ClientInfo, HistoryError, HistoryPage, HistoryQuery, PresenceStats};
use wavecast_protocol::centrifuge::Error;

use crate::node::Node;

/// Clients of a channel that are listed for the back end; in one with more they can only be counted. A client's own presence
/// command lists fewer.
pub const PRESENCE_CLIENTS_MAX: usize = 100_000;

impl Node {
    /// Reads from a channel's history.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 108 where no history is kept, 106 when there are too many channels, 112 when what
    /// follows the position is not there any more.
    pub fn history(&self, channel: &str, query: HistoryQuery<'_>) -> Result<HistoryPage, Error> {
        self.history_with(channel, query, self.rules().options(channel)?)
    }

    pub(crate) fn history_with(
        &self,
        channel: &str,
        query: HistoryQuery<'_>,
        options: &ChannelOptions,
    ) -> Result<HistoryPage, Error> {
        if !options.has_history() {
            return Err(Error::NOT_AVAILABLE);
        }
        self.hub().history(channel, query, options, self.now_ms()).map_err(|error| match error {
            HistoryError::UnrecoverablePosition => Error::UNRECOVERABLE_POSITION,
            HistoryError::ChannelLimit => Error::LIMIT_EXCEEDED,
        })
    }

    /// Who is in a channel: one entry for each session.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 108 where no presence is kept, 106 when there are more than
    /// [`PRESENCE_CLIENTS_MAX`].
    pub fn presence(&self, channel: &str) -> Result<Vec<Arc<ClientInfo>>, Error> {
        self.check_presence(channel)?;
        let list = self.hub().presence(channel, PRESENCE_CLIENTS_MAX);
        if list.is_cut {
            return Err(too_many(&format!("more than {PRESENCE_CLIENTS_MAX} clients are present")));
        }
        Ok(list.clients)
    }

    /// How many clients and users are in a channel.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 108 where no presence is kept.
    pub fn presence_stats(&self, channel: &str) -> Result<PresenceStats, Error> {
        self.check_presence(channel)?;
        Ok(self.hub().presence_stats(channel))
    }

    /// Drops a channel's publications. Its position goes on, so that who missed one of them is told.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 108 where no history is kept.
    pub fn remove_history(&self, channel: &str) -> Result<(), Error> {
        if !self.rules().options(channel)?.has_history() {
            return Err(Error::NOT_AVAILABLE);
        }
        self.hub().remove_history(channel);
        Ok(())
    }

    /// Whether anybody on this node is subscribed to a channel: for a program that would make a publication for nobody. A name
    /// that can be no channel has none.
    ///
    /// It costs one lock and one look into a table, and waits for no shard, so it may be asked before each publication. It is
    /// right at the moment that it looks: who subscribes has been counted before the reply is sent, so who publishes only to
    /// somebody reaches them with the next publication; who leaves is counted until its shard has carried that out. How many
    /// there are, [`channels`](Self::channels) says.
    #[must_use]
    pub fn has_subscribers(&self, channel: &str) -> bool {
        self.hub().has_subscribers(channel)
    }

    /// The channels of this node that have subscribers and that `accept` agrees to, with how many they have; in no order.
    /// `accept` is called while channels are locked, must be fast, and must not call the node.
    ///
    /// Cancel-safe: it changes nothing.
    ///
    /// # Errors
    /// 106 when there are more than `channels_max`, 111 when not all shards answered in time.
    pub async fn channels(
        &self,
        channels_max: usize,
        accept: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Vec<(Arc<str>, usize)>, Error> {
        let find = || self.hub().channels(channels_max.saturating_add(1), accept);
        // A million names take a while, in which other calls want to be answered.
        let names = match Handle::current().runtime_flavor() {
            RuntimeFlavor::MultiThread => block_in_place(find),
            _ => find(),
        };
        if names.len() > channels_max {
            return Err(too_many(&format!("more than {channels_max} channels match: ask for fewer")));
        }
        let counts = self.count(names.clone()).await?;
        // The last subscriber of one may have left meanwhile.
        Ok(names.into_iter().zip(counts).filter(|(_, count)| *count > 0).collect())
    }

    fn check_presence(&self, channel: &str) -> Result<(), Error> {
        if self.rules().options(channel)?.presence { Ok(()) } else { Err(Error::NOT_AVAILABLE) }
    }
}

fn too_many(problem: &str) -> Error {
    Error { message: format!("limit exceeded: {problem}").into(), ..Error::LIMIT_EXCEEDED }
}
