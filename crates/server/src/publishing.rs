//! Publishing: waiting for room where somebody may wait, at once or not at all where nobody may.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use wavecast_hub::{ChannelOptions, Publish, PublishError, StreamPosition};
use wavecast_protocol::centrifuge::Error;

use crate::metrics::{NotPublished, Source};
use crate::node::Node;
use crate::payload::{self, Payload};

/// First pause before a publication is tried again when an inbox is full; it doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(1);
const RETRY_MAX: Duration = Duration::from_millis(20);

impl Node {
    /// Publishes bytes into a channel: JSON, or anything else where the channel takes it; what they are is found out.
    /// Otherwise as [`publish`](Self::publish).
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish), 107 for data that the channel does not take, 106 for too much of it.
    pub async fn publish_data(&self, channel: &str, data: &[u8]) -> Result<StreamPosition, Error> {
        let payload = Payload::of_bytes(data, self.rules().options(channel)?)?;
        self.publish_payload(channel, payload).await
    }

    /// Publishes a value as JSON. Otherwise as [`publish`](Self::publish); for what else a publication may have there is
    /// [`as_json`](crate::as_json).
    ///
    /// # Errors
    /// Those of [`publish`](Self::publish), 107 for a value that the channel does not take, 106 for too much of it, 100 for one
    /// that cannot be JSON.
    pub async fn publish_json(
        &self,
        channel: &str,
        value: &(impl Serialize + ?Sized),
    ) -> Result<StreamPosition, Error> {
        let json = payload::written(value)?;
        let payload = Payload::of_json(&json, self.rules().options(channel)?)?;
        self.publish_payload(channel, payload).await
    }

    async fn publish_payload(&self, channel: &str, payload: Payload<'_>) -> Result<StreamPosition, Error> {
        let (data, is_json) = (payload.data.into(), payload.is_json);
        self.publish(channel, Publish { data, is_json, time_ms: self.time_ms(), ..Publish::default() }).await
    }

    /// Publishes into a channel. While the inbox of a shard with subscribers is full it waits, at most for
    /// `http_api.timeout`. Cancelled, it has published or not; nothing in between.
    ///
    /// What `publish` says of its data is believed: with `is_json` it must be JSON on one line.
    ///
    /// # Errors
    /// 102 or 107 for the channel's name, 106 when there are too many channels, 111 when there was no room in time.
    pub async fn publish(&self, channel: &str, publish: Publish) -> Result<StreamPosition, Error> {
        self.publish_from(Source::Server, channel, publish).await
    }

    pub(crate) async fn publish_from(
        &self,
        source: Source,
        channel: &str,
        publish: Publish,
    ) -> Result<StreamPosition, Error> {
        let options = &*Arc::clone(self.rules().options(channel)?);
        let give_up = Instant::now() + self.config().http_api.timeout;
        let mut publish = publish;
        publish.delta |= options.delta_publish;
        let mut pause = RETRY_MIN;
        loop {
            publish = match self.publish_now(source, channel, publish, options) {
                Ok(position) => return Ok(position),
                Err((NotPublished::Inbox, Some(again))) if Instant::now() < give_up => again,
                Err((why, _)) => return Err(self.not_published(why)),
            };
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_MAX);
        }
    }

    /// Publishes at once or not at all: for those who must not wait.
    pub(crate) fn try_publish(
        &self,
        channel: &str,
        publish: Publish,
        options: &ChannelOptions,
    ) -> Result<StreamPosition, Error> {
        let published = self.publish_now(Source::Client, channel, publish, options);
        published.map_err(|(why, _)| self.not_published(why))
    }

    /// Publishes and counts; gives the publication back where another attempt may have room.
    fn publish_now(
        &self,
        source: Source,
        channel: &str,
        publish: Publish,
        options: &ChannelOptions,
    ) -> Result<StreamPosition, (NotPublished, Option<Publish>)> {
        if self.memory().refuses_publications() {
            return Err((NotPublished::Memory, None));
        }
        match self.hub().publish(channel, publish, options, self.now_ms()) {
            Ok(published) => {
                self.metrics().published(source).add(1);
                if published.is_suppressed {
                    self.metrics().suppressed.add(1);
                }
                Ok(published.position)
            }
            Err(PublishError::Busy { publish, .. }) => Err((NotPublished::Inbox, Some(publish))),
            Err(PublishError::ChannelLimit) => Err((NotPublished::Channels, None)),
        }
    }

    fn not_published(&self, why: NotPublished) -> Error {
        self.metrics().not_published(why).add(1);
        match why {
            NotPublished::Inbox | NotPublished::Memory => Error::TOO_MANY_REQUESTS,
            NotPublished::Channels => Error::LIMIT_EXCEEDED,
        }
    }

    /// The same, once for each key.
    pub(crate) fn try_publish_once(
        &self,
        channel: &str,
        key: &str,
        publish: Publish,
        options: &ChannelOptions,
    ) -> Result<StreamPosition, Error> {
        self.idempotency().once_now(channel, key, || self.try_publish(channel, publish, options))
    }
}
