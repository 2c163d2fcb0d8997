//! What sessions are allowed: the part of the configuration that decides over commands.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wavecast_hub::{ChannelError, ChannelOptions, Namespaces};
use wavecast_protocol::centrifuge::Error;

use super::rpc_rules::RpcRules;
use super::wish::ServerSubscription;
use crate::config::Config;
use crate::hooks::{HeaderNames, Hook, Hooks};
use crate::token::{Revocations, Verifier};

/// The rules of a node.
pub(crate) struct Rules {
    pub(super) insecure: bool,
    pub(super) allow_anonymous: bool,
    pub(super) disallow_anonymous_tokens: bool,
    /// The field of a handshake that names the user, in lower case.
    pub(crate) user_id_header: Option<Box<str>>,
    pub(super) connection_tokens: Option<Arc<Verifier>>,
    pub(super) subscription_tokens: Option<Arc<Verifier>>,
    pub(crate) revocations: Arc<Revocations>,
    /// Set when the server starts, before its first session.
    hooks: OnceLock<HookRules>,
    pub(super) rpc: RpcRules,
    personal_channels: Option<PersonalChannels>,
    pub(super) channel_limit: usize,
    pub(super) command_rate_limit: u32,
    pub(super) publish_rate_limit: u32,
    pub(crate) pending_commands_max: usize,
    pub(crate) ping_interval: Duration,
    pub(super) pong_timeout: Duration,
    pub(crate) stale_close_delay: Duration,
    pub(super) expired_close_delay: Duration,
    pub(super) expired_sub_close_delay: Duration,
    pub(crate) position_check_delay: Duration,
    pub(super) include_server_time: bool,
    pub(crate) history_max: usize,
    pub(crate) recovery_max: usize,
    pub(super) namespaces: Namespaces,
}

/// Which hooks there are that are not named by a namespace.
#[derive(Debug)]
pub(crate) struct HookRules {
    pub(crate) connect: bool,
    pub(crate) refresh: bool,
    pub(crate) rpc: bool,
    pub(crate) disconnected: bool,
    /// Headers that hooks may be passed.
    pub(crate) headers: HeaderNames,
}

/// Each user's own channel.
#[derive(Debug)]
struct PersonalChannels {
    /// What stands before the user's id.
    prefix: Box<str>,
    single_connection: bool,
}

/// Whom tokens are verified for.
#[derive(Clone, Default)]
pub(crate) struct Verifiers {
    pub(crate) connection: Option<Arc<Verifier>>,
    pub(crate) subscription: Option<Arc<Verifier>>,
}

impl Rules {
    /// Those of a node that has no hooks.
    pub(crate) fn new(config: &Config, namespaces: Namespaces, verifiers: Verifiers) -> Self {
        let client = &config.client;
        let number = |limit: usize| u32::try_from(limit).unwrap_or(u32::MAX);
        Self {
            insecure: client.insecure,
            allow_anonymous: client.allow_anonymous_connect_without_token,
            disallow_anonymous_tokens: client.disallow_anonymous_connection_tokens,
            user_id_header: Some(client.user_id_http_header.to_ascii_lowercase().into_boxed_str())
                .filter(|name| !name.is_empty()),
            connection_tokens: verifiers.connection,
            subscription_tokens: verifiers.subscription,
            revocations: Arc::default(),
            hooks: OnceLock::new(),
            rpc: RpcRules::new(&config.rpc),
            personal_channels: PersonalChannels::new(config),
            channel_limit: client.channel_limit,
            command_rate_limit: number(client.command_rate_limit),
            publish_rate_limit: number(client.publish_rate_limit),
            pending_commands_max: client.pending_commands_max_size,
            ping_interval: client.ping_interval,
            pong_timeout: client.pong_timeout,
            stale_close_delay: client.stale_close_delay,
            expired_close_delay: client.expired_close_delay,
            expired_sub_close_delay: client.expired_sub_close_delay,
            position_check_delay: client.channel_position_check_delay,
            include_server_time: client.connect_include_server_time,
            history_max: client.history_max_publication_limit,
            recovery_max: client.recovery_max_publication_limit,
            namespaces,
        }
    }

    /// The same in a node that goes on: who has been turned away stays so.
    pub(crate) fn in_place_of(self, before: &Self) -> Self {
        Self { revocations: Arc::clone(&before.revocations), ..self }
    }

    /// What verifies tokens.
    pub(crate) fn verifiers(&self) -> Verifiers {
        Verifiers {
            connection: self.connection_tokens.clone(),
            subscription: self.subscription_tokens.clone(),
        }
    }

    /// From now on these hooks are there. Counts the first time only.
    pub(crate) fn take_hooks(&self, hooks: &dyn Hooks) {
        let wants = hooks.wants();
        let rules = HookRules {
            connect: wants.has(Hook::Connect),
            refresh: wants.has(Hook::Refresh),
            rpc: wants.has(Hook::Rpc),
            disconnected: wants.has(Hook::Disconnected),
            headers: hooks.headers(),
        };
        self.hooks.set(rules).ok();
    }

    pub(crate) fn hooks(&self) -> &HookRules {
        static NOBODY: HookRules = HookRules {
            connect: false,
            refresh: false,
            rpc: false,
            disconnected: false,
            headers: HeaderNames::NONE,
        };
        self.hooks.get().unwrap_or(&NOBODY)
    }

    /// The hook that answers a method.
    ///
    /// # Errors
    /// 104 when its namespace is not configured, 108 when nothing answers there.
    pub(super) fn hook_of(&self, method: &str) -> Result<Arc<str>, Error> {
        let hook = self.rpc.hook_of(method)?.filter(|_| self.hooks().rpc);
        hook.cloned().ok_or(Error::NOT_AVAILABLE)
    }

    /// The options of a channel.
    ///
    /// # Errors
    /// 102 when its namespace is not configured, 107 when its name is none.
    pub(crate) fn options(&self, channel: &str) -> Result<&Arc<ChannelOptions>, Error> {
        self.namespaces.resolve(channel).map_err(|error| match error {
            ChannelError::UnknownNamespace { .. } => Error::UNKNOWN_CHANNEL,
            _ => Error { message: error.to_string().into(), ..Error::BAD_REQUEST },
        })
    }

    /// The channel that is a user's own, where users have one.
    pub(super) fn personal_channel(&self, user: &str) -> Option<ServerSubscription> {
        let personal = self.personal_channels.as_ref().filter(|_| !user.is_empty())?;
        Some(ServerSubscription::to(format!("{}{user}", personal.prefix)))
    }

    /// A user that connects anew loses its other connections.
    pub(crate) fn is_single_connection(&self) -> bool {
        self.personal_channels.as_ref().is_some_and(|personal| personal.single_connection)
    }
}

impl PersonalChannels {
    fn new(config: &Config) -> Option<Self> {
        let personal = &config.client.subscribe_to_user_personal_channel;
        let channel = &config.channel;
        let namespace = personal.personal_channel_namespace.as_str();
        let boundary = if namespace.is_empty() { "" } else { &channel.namespace_boundary };
        let prefix = format!("{namespace}{boundary}{}", channel.user_boundary).into_boxed_str();
        personal.enabled.then_some(Self { prefix, single_connection: personal.single_connection })
    }
}
