//! Who may do what in a channel: the namespace's options, the channel's name, and what a token has given.

use wavecast_hub::ChannelOptions;
use wavecast_protocol::centrifuge::Error;

use super::identity::Identity;
use super::rules::Rules;
use crate::token::{Action, Allowed};

/// Somebody who wants to do something; nothing may be known of them.
#[derive(Clone, Copy)]
pub(super) struct Who<'i>(pub(super) Option<&'i Identity>);

/// Whether they are subscribed to the channel, and what the subscription allows them there beside what the namespace does.
pub(super) type Subscribed = Option<Allowed>;

/// Three options that go together: for users, for users that have subscribed, and for anonymous ones beside them.
struct Trio {
    client: bool,
    subscriber: bool,
    anonymous: bool,
}

impl Who<'_> {
    /// May they subscribe without a token and without asking the back end?
    pub(super) fn may_subscribe(self, channel: &str, options: &ChannelOptions, rules: &Rules) -> bool {
        let names = rules.namespaces.rules();
        if rules.insecure || self.has_capability(channel, Action::Subscribe) {
            return true;
        }
        if names.is_private(channel) {
            return false;
        }
        if options.allow_user_limited_channels && names.is_user_limited(channel) {
            return !self.user().is_empty() && names.is_user_allowed(channel, self.user());
        }
        self.is_allowed(options.allow_subscribe_for_client, options.allow_subscribe_for_anonymous)
    }

    /// May they publish without asking the back end?
    pub(super) fn may_publish(
        self,
        channel: &str,
        options: &ChannelOptions,
        subscribed: Subscribed,
        rules: &Rules,
    ) -> bool {
        let trio = Trio {
            client: options.allow_publish_for_client,
            subscriber: options.allow_publish_for_subscriber,
            anonymous: options.allow_publish_for_anonymous,
        };
        self.may(Action::Publish, channel, &trio, subscribed, rules)
    }

    /// May they read the history?
    ///
    /// # Errors
    /// 108 where there is none, 103 where they may not.
    pub(super) fn check_history(
        self,
        channel: &str,
        options: &ChannelOptions,
        subscribed: Subscribed,
        rules: &Rules,
    ) -> Result<(), Error> {
        let trio = Trio {
            client: options.allow_history_for_client,
            subscriber: options.allow_history_for_subscriber,
            anonymous: options.allow_history_for_anonymous,
        };
        checked(self.may(Action::History, channel, &trio, subscribed, rules), options.has_history())
    }

    /// May they ask who is there?
    ///
    /// # Errors
    /// 108 where presence is not kept, 103 where they may not.
    pub(super) fn check_presence(
        self,
        channel: &str,
        options: &ChannelOptions,
        subscribed: Subscribed,
        rules: &Rules,
    ) -> Result<(), Error> {
        let trio = Trio {
            client: options.allow_presence_for_client,
            subscriber: options.allow_presence_for_subscriber,
            anonymous: options.allow_presence_for_anonymous,
        };
        checked(self.may(Action::Presence, channel, &trio, subscribed, rules), options.presence)
    }

    /// The user's id; empty for an anonymous one.
    pub(super) fn user(&self) -> &str {
        self.0.map_or("", |identity| &identity.user)
    }

    fn may(self, action: Action, channel: &str, trio: &Trio, subscribed: Subscribed, rules: &Rules) -> bool {
        rules.insecure
            || self.is_allowed(trio.client, trio.anonymous)
            || (subscribed.is_some() && self.is_allowed(trio.subscriber, trio.anonymous))
            || subscribed.is_some_and(|allowed| allowed.contains(action))
            || self.has_capability(channel, action)
    }

    /// Whether what one option allows to users, and another to anonymous ones as well, is allowed here.
    fn is_allowed(self, for_users: bool, for_anonymous: bool) -> bool {
        for_users && (for_anonymous || !self.user().is_empty())
    }

    fn has_capability(self, channel: &str, action: Action) -> bool {
        self.0
            .and_then(|identity| identity.capabilities.as_deref())
            .is_some_and(|capabilities| capabilities.allows(channel, action))
    }
}

/// What is not offered is said to be so before who may use it.
fn checked(may: bool, is_offered: bool) -> Result<(), Error> {
    match (is_offered, may) {
        (false, _) => Err(Error::NOT_AVAILABLE),
        (true, false) => Err(Error::PERMISSION_DENIED),
        (true, true) => Ok(()),
    }
}
