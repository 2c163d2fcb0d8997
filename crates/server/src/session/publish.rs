//! The publish command: who may publish, and as whom.

use std::sync::Arc;

use wavecast_hub::{ChannelOptions, Publish};
use wavecast_protocol::centrifuge::{Encoding, Error, PublishRequest, Reply};

use super::command::Context;
use super::question::{PublishDraft, Question};
use super::refusal::Refused;
use super::state::Session;
use super::step::{Publishing, Step};
use crate::hooks::{PublishCall, PublishGrant};
use crate::payload::Payload;

impl Session {
    pub(super) fn publish<'c>(
        &mut self,
        id: u32,
        request: PublishRequest<'c>,
        cx: &Context<'_>,
    ) -> Result<Step<'c>, Refused> {
        let options = cx.rules.options(&request.channel)?;
        if request.kind != 0 || !request.key.is_empty() || request.removed {
            return Err(Error::NOT_AVAILABLE.into());
        }
        if request.data.is_empty() {
            let message = "bad request: publish needs data".into();
            return Err(Error { message, ..Error::BAD_REQUEST }.into());
        }
        let payload = match self.wire.encoding() {
            Encoding::Json => Payload::of_json(request.data, options)?,
            Encoding::Protobuf => Payload::of_bytes(request.data, options)?,
        };
        let subscribed = self.subscribed((cx.number_of)(&request.channel));
        let is_allowed = options.publish_hook.is_some()
            || self.who().may_publish(&request.channel, options, subscribed, cx.rules);
        if !is_allowed {
            return Err(Error::PERMISSION_DENIED.into());
        }
        if !self.may_publish_now(cx) {
            return Err(Error::TOO_MANY_REQUESTS.into());
        }
        let publish = self.publication(payload, options, cx);
        let options = Arc::clone(options);
        let Some(hook) = options.publish_hook.clone() else {
            return Ok(Step::Publish(Box::new(Publishing {
                id,
                channel: request.channel,
                options,
                publish,
                key: Box::default(),
            })));
        };
        let channel: Box<str> = request.channel.into();
        let call =
            PublishCall { caller: self.caller(), hook, channel: channel.clone(), data: publish.data.clone() };
        Ok(Step::Ask(Question::Publish { call, draft: PublishDraft { id, channel, options, publish } }))
    }

    /// The hook has allowed it, perhaps with other content.
    pub(super) fn publish_granted(&self, grant: PublishGrant, draft: PublishDraft) -> Step<'static> {
        let PublishDraft { id, channel, options, mut publish } = draft;
        if let Some(data) = grant.data {
            match Payload::of_bytes(&data, &options) {
                Ok(payload) => (publish.data, publish.is_json) = (payload.data.into(), payload.is_json),
                Err(error) => return Step::Reply(Reply { id, body: Err(error) }),
            }
        }
        publish.skip_history = grant.skip_history;
        publish.tags = grant.tags;
        publish.delta = grant.delta;
        publish.version = grant.version;
        publish.version_epoch = grant.version_epoch;
        let channel = String::from(channel).into();
        Step::Publish(Box::new(Publishing { id, channel, options, publish, key: grant.idempotency_key }))
    }

    fn publication(&self, payload: Payload<'_>, options: &ChannelOptions, cx: &Context<'_>) -> Publish {
        Publish {
            data: payload.data.into(),
            is_json: payload.is_json,
            info: Some(Box::new(self.client_info(self.who(), None))),
            time_ms: i64::try_from(cx.now.unix_ms).unwrap_or(i64::MAX),
            delta: options.delta_publish,
            exclude: options.exclude_publisher.then(|| [self.client().into_boxed_str()].into()),
            ..Publish::default()
        }
    }

    /// Takes one publication of what `client.publish_rate_limit` gives.
    fn may_publish_now(&mut self, cx: &Context<'_>) -> bool {
        let bucket = self.identity.as_mut().and_then(|identity| identity.publications.as_mut());
        bucket.is_none_or(|bucket| bucket.take(cx.now.shard_ms))
    }
}
