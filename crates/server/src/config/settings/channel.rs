//! `channel.*`: how channel names are read, and what holds for all namespaces.

use std::time::Duration;

use super::hook::Hook;
use super::namespace::{ChannelSettings, Namespace};

/// `channel.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// `without_namespace.*`: options of channels whose name has no namespace.
    pub without_namespace: ChannelSettings,
    /// `namespaces`: a name and the same options, each.
    pub namespaces: Vec<Namespace>,
    /// `proxy.*`: the hooks of channels that namespaces name "default", and those that are told events.
    pub proxy: ChannelProxy,
    /// `publication_data_format`: what payloads may be where a namespace does not say: "" (default) = anything, `json`,
    /// `binary`.
    pub publication_data_format: String,
    /// `vacated_delay` (own): how long a channel must be without subscribers before the back end is told, default 1 s.
    pub vacated_delay: Duration,
    /// `max_length`: bytes of a channel name, default 255.
    pub max_length: usize,
    /// `private_prefix`: channels that begin with it need a subscription token, default "$"; "" = none.
    pub private_prefix: String,
    /// `namespace_boundary`: ends the namespace in a channel name, default ":"; "" = no namespaces.
    pub namespace_boundary: String,
    /// `allow_undeclared_namespaces` (own): a channel whose namespace is not in `namespaces` has the options of
    /// `without_namespace`; default false (error 102), true in the development profile.
    pub allow_undeclared_namespaces: bool,
    /// `user_boundary`: begins the list of users in a channel name, default "#"; "" = no user-limited channels.
    pub user_boundary: String,
    /// `user_separator`: between users in that list, default ",".
    pub user_separator: String,
    /// `history_meta_ttl`: how long a stream's position outlives its last use, default 720 h.
    pub history_meta_ttl: Duration,
}

impl Default for Channel {
    fn default() -> Self {
        Self {
            without_namespace: ChannelSettings::default(),
            namespaces: Vec::new(),
            proxy: ChannelProxy::default(),
            publication_data_format: String::new(),
            vacated_delay: Duration::from_secs(1),
            max_length: 255,
            private_prefix: "$".into(),
            namespace_boundary: ":".into(),
            allow_undeclared_namespaces: false,
            user_boundary: "#".into(),
            user_separator: ",".into(),
            history_meta_ttl: Duration::from_secs(720 * 3600),
        }
    }
}

/// `channel.proxy.*`: the hooks of channels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChannelProxy {
    /// `subscribe`: decides over subscriptions where a namespace says so.
    pub subscribe: Hook,
    /// `publish`: decides over clients' publications where a namespace says so.
    pub publish: Hook,
    /// `sub_refresh`: decides whether a subscription that would expire goes on.
    pub sub_refresh: Hook,
    /// `unsubscribed` (own): is told that a subscription has ended.
    pub unsubscribed: Hook,
    /// `state` (own): is told that a channel has become occupied or vacated.
    pub state: Hook,
}
