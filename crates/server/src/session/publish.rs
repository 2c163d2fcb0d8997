//! The publish command: who may publish, and as whom.

use wavecast_hub::ClientInfo;
use wavecast_protocol::centrifuge::{Error, PublishRequest, json};

use super::rules::Rules;
use super::state::Session;
use super::step::{Publish, Step};
use crate::channels::ChannelNumber;

impl Session {
    pub(super) fn publish<'c>(
        &self,
        id: u32,
        request: PublishRequest<'c>,
        rules: &Rules,
        number: Option<ChannelNumber>,
    ) -> Result<Step<'c>, Error> {
        let options = rules.options(&request.channel)?;
        if request.kind != 0 || !request.key.is_empty() || request.removed {
            return Err(Error::NOT_AVAILABLE);
        }
        if request.data.is_empty() {
            return Err(Error { message: "bad request: publish needs data".into(), ..Error::BAD_REQUEST });
        }
        let users = options.allow_publish_for_client
            || (options.allow_publish_for_subscriber && self.is_subscribed(number));
        let anonymous = options.allow_publish_for_anonymous;
        if !rules.insecure && !self.is_allowed(users, anonymous) {
            return Err(Error::PERMISSION_DENIED);
        }
        let data = json::compact(request.data).map_err(|error| Error {
            message: format!("bad request: {error}").into(),
            ..Error::BAD_REQUEST
        })?;
        let info = ClientInfo {
            user: self.user.clone(),
            client: self.client().into_boxed_str(),
            conn_info: None,
            chan_info: None,
        };
        Ok(Step::Publish(Publish {
            id,
            channel: request.channel,
            options: options.clone(),
            data,
            info: Box::new(info),
        }))
    }
}
