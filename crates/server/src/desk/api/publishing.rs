//! Publish and broadcast.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use wavecast_hub::{ChannelOptions, Publish, StreamPosition};
use wavecast_protocol::centrifuge::Error;

use super::fields::{Data, Fields, bad_request};
use super::{Api, encode, until};
use crate::desk::backend::Backend;
use crate::idempotency;
use crate::payload::Payload;
use crate::session::client_of_name;

/// Sessions that a publication may leave out: it keeps their names as long as it is in the history.
const EXCLUDED_MAX: usize = 100;
/// The longest name of an epoch of versions, in bytes: each stream keeps one.
const VERSION_EPOCH_BYTES_MAX: usize = 255;

/// What a channel's options make of a draft: channels of one namespace take it in one form, which is made once.
type Form = (Arc<ChannelOptions>, Result<Publish, Error>);

/// What is to be published, before a channel says in which form.
struct Draft<'a> {
    data: Data<'a>,
    rest: Publish,
    key: Option<Cow<'a, str>>,
}

impl<B: Backend> Api<B> {
    pub(super) async fn publish(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let channel = fields.text("channel")?;
        let draft = self.draft(fields)?;
        let options = self.backend.options(&channel)?;
        let position = self.publish_once(&channel, draft.publish(&options)?, draft.key(), deadline).await?;
        Ok(encode::published(&position))
    }

    /// The same publication into each channel, with an answer for each.
    pub(super) async fn broadcast(&self, fields: &Fields<'_>, deadline: Instant) -> Result<Vec<u8>, Error> {
        let channels = fields.texts("channels", self.config.http_api.broadcast_channel_limit)?;
        let draft = self.draft(fields)?;
        let mut latest = None;
        let mut responses = Vec::with_capacity(channels.len());
        for channel in &channels {
            let position = self.broadcast_to(channel, &draft, &mut latest, deadline).await;
            responses.push(position.map(|position| encode::published(&position)));
        }
        Ok(encode::broadcast(&responses))
    }

    async fn broadcast_to(
        &self,
        channel: &str,
        draft: &Draft<'_>,
        latest: &mut Option<Form>,
        deadline: Instant,
    ) -> Result<StreamPosition, Error> {
        if channel.is_empty() {
            return Err(bad_request("a channel's name must not be empty"));
        }
        let options = self.backend.options(channel)?;
        let is_same = latest.as_ref().is_some_and(|(former, _)| Arc::ptr_eq(former, &options));
        let former = latest.take().filter(|_| is_same).map(|(_, publish)| publish);
        let publish = former.unwrap_or_else(|| draft.publish(&options));
        let (_, publish) = latest.insert((options, publish));
        self.publish_once(channel, publish.clone()?, draft.key(), deadline).await
    }

    fn draft<'a>(&self, fields: &Fields<'a>) -> Result<Draft<'a>, Error> {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let exclude = fields.texts("exclude_clients", EXCLUDED_MAX)?;
        // What no session can be called is not worth keeping.
        let exclude = exclude.into_iter().filter(|client| client_of_name(client).is_some());
        let exclude: Box<[Box<str>]> = exclude.map(String::into_boxed_str).collect();
        Ok(Draft {
            // What no client's queue could hold would end the connection of every subscriber.
            data: fields.data(self.config.client.queue_max_size)?,
            rest: Publish {
                tags: fields.tags("tags")?.map(Box::new),
                skip_history: fields.flag("skip_history")?,
                time_ms: i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
                delta: fields.flag("delta")?,
                exclude: Some(exclude).filter(|exclude| !exclude.is_empty()),
                version: fields.whole("version")?,
                version_epoch: fields.text_within("version_epoch", VERSION_EPOCH_BYTES_MAX)?.into(),
                ..Publish::default()
            },
            key: Some(fields.text_within("idempotency_key", idempotency::KEY_BYTES_MAX)?)
                .filter(|key| !key.is_empty()),
        })
    }

    async fn publish_once(
        &self,
        channel: &str,
        publish: Publish,
        key: Option<&str>,
        deadline: Instant,
    ) -> Result<StreamPosition, Error> {
        let publish = until(deadline, self.backend.publish(channel, publish));
        match key {
            // The wait for another request with the same key ends with the deadline as well.
            Some(key) => until(deadline, self.backend.idempotency().once(channel, key, publish)).await,
            None => publish.await,
        }
    }
}

impl Draft<'_> {
    /// The publication in the form that the channel takes.
    fn publish(&self, options: &ChannelOptions) -> Result<Publish, Error> {
        let payload = match &self.data {
            Data::Json(text) => Payload::of_json(text.as_bytes(), options)?,
            Data::Bytes(bytes) => Payload::of_bytes(bytes, options)?,
        };
        Ok(Publish { data: payload.data.into(), is_json: payload.is_json, ..self.rest.clone() })
    }

    fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}
