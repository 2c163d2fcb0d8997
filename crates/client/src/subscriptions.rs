//! All that outlives a connection: the user's subscriptions and the server's, and which of them
//! something that the server says is for.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::Instant;
use wavecast_net::client::Backoff;
use wavecast_protocol::centrifuge::{Push, SubscribeResult};

use crate::channels::Channels;
use crate::end::End;
use crate::error::Cause;
use crate::event::SubscriptionEvent;
use crate::options::Options;
use crate::publication::ClientInfo;
use crate::server_channels::ServerChannels;

/// Fewer events than this could not even tell an interruption and its end.
const EVENTS_MIN: usize = 8;

#[derive(Debug)]
pub(crate) struct Subscriptions {
    pub(crate) channels: Channels,
    pub(crate) server: ServerChannels,
}

/// The message that stands for publications which the server has left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Marker {
    gap: Dropped,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Dropped {
    channel: String,
    dropped: u64,
}

impl Subscriptions {
    pub(crate) fn new(options: &Options, backoff: Backoff, attention: &Arc<Notify>) -> Self {
        let events_max = options.events_max.max(EVENTS_MIN);
        Self {
            channels: Channels::new(options, events_max, backoff, attention.clone()),
            server: ServerChannels::new(options.subscriptions_max, events_max, attention.clone()),
        }
    }

    /// The server said something on its own account. Where both have a subscription to the channel, it
    /// is for the user's.
    pub(crate) fn pushed(&mut self, push: &Push<'_>, now: Instant) -> Result<(), End> {
        match push {
            Push::Publication { channel, publication } if self.channels.contains(channel) => {
                self.channels.published(channel, publication, now);
            }
            Push::Publication { channel, publication } => self.server.published(channel, publication),
            Push::Join { channel, info } => {
                self.tell(channel, SubscriptionEvent::Join(ClientInfo::from(info)));
            }
            Push::Leave { channel, info } => {
                self.tell(channel, SubscriptionEvent::Leave(ClientInfo::from(info)));
            }
            Push::Unsubscribe { channel, code, reason } if self.channels.contains(channel) => {
                self.channels.unsubscribed(channel, *code, reason, now);
            }
            Push::Unsubscribe { channel, code, reason } => self.server.unsubscribed(channel, *code, reason),
            Push::Subscribe { channel, recoverable, epoch, offset, positioned, data } => {
                let result = SubscribeResult {
                    recoverable: *recoverable,
                    epoch: epoch.clone(),
                    offset: *offset,
                    positioned: *positioned,
                    data,
                    ..SubscribeResult::default()
                };
                self.server.subscribed(channel, &result)?;
            }
            Push::Message { data } => self.message(data),
            Push::Disconnect { code, reason, .. } => return Err(End::disconnected(*code, reason)),
            // Those of transports that only push.
            Push::Connect(_) | Push::Refresh { .. } => {}
        }
        Ok(())
    }

    /// The session is over.
    pub(crate) fn disconnected(&mut self, cause: &Cause) {
        self.channels.disconnected(cause);
        self.server.disconnected(cause);
    }

    /// The server said that what the client knows is void.
    pub(crate) fn forget(&mut self) {
        self.channels.forget();
        self.server.forget();
    }

    /// Looks after what those who read have done.
    pub(crate) fn sweep(&mut self) {
        self.channels.sweep();
        self.server.sweep();
    }

    /// The client is over.
    pub(crate) fn close(&mut self, cause: &Cause) {
        self.channels.close(cause);
        self.server.close(cause);
    }

    fn tell(&mut self, channel: &str, event: SubscriptionEvent) {
        if self.channels.contains(channel) {
            self.channels.tell(channel, event);
        } else {
            self.server.tell(channel, event);
        }
    }

    fn message(&mut self, data: &[u8]) {
        if let Ok(Marker { gap: Dropped { channel, dropped } }) = serde_json::from_slice(data) {
            if self.channels.contains(&channel) {
                return self.channels.dropped(&channel, dropped);
            }
            if self.server.dropped(&channel, dropped) {
                return;
            }
        }
        self.server.message(data.into());
    }
}
