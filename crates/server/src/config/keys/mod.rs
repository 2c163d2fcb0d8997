//! The keys that are carried out: path, effect, and the field each one sets.
//!
//! Some sections occur more than once (tokens, hooks), some stand in a list, where an entry's name is a step of the path
//! (`channel.namespaces.chat.history_size`). Their keys have one table each.
//!
//! `key` is one line of these tables, `list` the lists whose entries have names; `client`, `token`, `channel`, `rpc`, `hook`,
//! `doors`, `transport`, `poll` and `node` are the tables; `reload` says which keys a running server takes anew.

mod channel;
mod client;
mod doors;
mod hook;
mod key;
mod list;
mod node;
mod poll;
mod reload;
mod rpc;
mod token;
mod transport;

use super::settings::{ChannelSettings, Config, Hook, RpcSettings, Token};
use super::slot::Slot;
use crate::hooks::Hook as HookKind;
use key::Key;

pub(super) use list::{LISTS, List};
pub(super) use reload::is_reloaded;

/// The section of channels without a namespace.
pub(super) const WITHOUT_NAMESPACE: &str = "channel.without_namespace";
const RPC_WITHOUT_NAMESPACE: &str = "rpc.without_namespace";

/// Keys with a place of their own, in the order of the reference.
const SINGLE: &[&[Key<Config>]] = &[
    node::LISTENER,
    doors::DOORS,
    client::CLIENT,
    channel::CHANNEL,
    rpc::RPC,
    transport::TRANSPORTS,
    poll::POLL,
    node::NODE,
];

/// A section whose keys stand in a table that others share.
struct Section<S: 'static> {
    path: &'static str,
    open: fn(&mut Config) -> &mut S,
}

const TOKENS: &[Section<Token>] = &[
    Section { path: "client.token", open: |c| &mut c.client.token },
    Section { path: "client.subscription_token", open: |c| &mut c.client.subscription_token.token },
];

/// A section of a hook with a place of its own, and the kind of hook that is called there.
struct HookSection {
    kind: HookKind,
    keys: Section<Hook>,
    see: fn(&Config) -> &Hook,
    /// Whether it is switched on, where the section itself says so.
    is_on: Option<fn(&Config) -> bool>,
}

macro_rules! hook {
    ($kind:ident, $path:literal, $($field:ident).+, $is_on:expr) => {
        HookSection {
            kind: HookKind::$kind,
            keys: Section { path: $path, open: |c| &mut c.$($field).+ },
            see: |c| &c.$($field).+,
            is_on: $is_on,
        }
    };
}

const HOOKS: &[HookSection] = &[
    hook!(
        Connect,
        "client.proxy.connect",
        client.proxy.connect.hook,
        Some(|c| c.client.proxy.connect.enabled)
    ),
    hook!(
        Refresh,
        "client.proxy.refresh",
        client.proxy.refresh.hook,
        Some(|c| c.client.proxy.refresh.enabled)
    ),
    hook!(
        Disconnected,
        "client.proxy.disconnected",
        client.proxy.disconnected.hook,
        Some(|c| c.client.proxy.disconnected.enabled)
    ),
    hook!(Subscribe, "channel.proxy.subscribe", channel.proxy.subscribe, None),
    hook!(Publish, "channel.proxy.publish", channel.proxy.publish, None),
    hook!(SubRefresh, "channel.proxy.sub_refresh", channel.proxy.sub_refresh, None),
    hook!(Unsubscribed, "channel.proxy.unsubscribed", channel.proxy.unsubscribed, None),
    hook!(Occupancy, "channel.proxy.state", channel.proxy.state, None),
    hook!(Rpc, "rpc.proxy", rpc.proxy, None),
];

const CHANNELS: &[Section<ChannelSettings>] =
    &[Section { path: WITHOUT_NAMESPACE, open: |c| &mut c.channel.without_namespace }];

const METHODS: &[Section<RpcSettings>] =
    &[Section { path: RPC_WITHOUT_NAMESPACE, open: |c| &mut c.rpc.without_namespace }];

/// The place that a key sets; `None` when no key of that path is carried out, or the entry it belongs to is not there.
pub(super) fn slot<'c>(config: &'c mut Config, path: &str) -> Option<Slot<'c>> {
    if let Some(key) = single(path) {
        return Some((key.slot)(config));
    }
    if let Some((list, entry, option)) = entry(config, path) {
        return match list {
            List::Channels => {
                let settings = &mut config.channel.namespaces.get_mut(entry)?.settings;
                named(channel::OPTIONS, option).map(|key| (key.slot)(settings))
            }
            List::Methods => {
                let settings = &mut config.rpc.namespaces.get_mut(entry)?.settings;
                named(rpc::OPTIONS, option).map(|key| (key.slot)(settings))
            }
            List::Hooks => {
                let hook = &mut config.proxies.get_mut(entry)?.settings;
                named(hook::HOOK, option).map(|key| (key.slot)(hook))
            }
        };
    }
    if let Some((open, key)) = shared(TOKENS, token::TOKEN, path) {
        return Some((key.slot)(open(config)));
    }
    if let Some((open, key)) = shared(HOOKS.iter().map(|hook| &hook.keys), hook::HOOK, path) {
        return Some((key.slot)(open(config)));
    }
    if let Some((open, key)) = shared(CHANNELS, channel::OPTIONS, path) {
        return Some((key.slot)(open(config)));
    }
    shared(METHODS, rpc::OPTIONS, path).map(|(open, key)| (key.slot)(open(config)))
}

/// The entry of a list that a path leads into, and the option behind it. A name may contain dots, so the longest name
/// that fits is meant.
pub(super) fn entry<'p>(config: &Config, path: &'p str) -> Option<(List, usize, &'p str)> {
    let list = LISTS.into_iter().find(|list| below(list.path(), path).is_some())?;
    let rest = below(list.path(), path)?;
    let names = list.names(config);
    names
        .iter()
        .enumerate()
        .filter_map(|(index, name)| Some((name.len(), index, below(name, rest)?)))
        .max_by_key(|(length, ..)| *length)
        .map(|(_, index, option)| (list, index, option))
}

/// What follows a section in a path.
pub(super) fn below<'p>(section: &str, path: &'p str) -> Option<&'p str> {
    path.strip_prefix(section)?.strip_prefix('.').filter(|rest| !rest.is_empty())
}

/// The option of a hook that a path ends in, if it leads into the section of one that has a place of its own.
pub(super) fn hook_option(path: &str) -> Option<&str> {
    HOOKS.iter().find_map(|hook| below(hook.keys.path, path))
}

/// Whether setting a key leaves the development profile on.
pub(super) fn keeps_development(path: &str) -> bool {
    single(path).is_some_and(|key| key.keeps_development)
}

/// Every path that is carried out, without those in entries of lists.
pub(super) fn paths() -> impl Iterator<Item = String> {
    let single = SINGLE.iter().copied().flatten().map(|key| key.name.to_owned());
    single
        .chain(shared_paths(TOKENS, token::TOKEN))
        .chain(shared_paths(HOOKS.iter().map(|hook| &hook.keys), hook::HOOK))
        .chain(shared_paths(CHANNELS, channel::OPTIONS))
        .chain(shared_paths(METHODS, rpc::OPTIONS))
}

/// The sections of hooks that have a place of their own.
pub(super) fn hook_sections() -> impl Iterator<Item = &'static str> {
    HOOKS.iter().map(|hook| hook.keys.path)
}

/// A hook at its place in the configuration.
pub(super) struct PlacedHook<'c> {
    pub(super) section: &'static str,
    pub(super) kind: HookKind,
    pub(super) hook: &'c Hook,
    /// Whether it is switched on; `None` where a namespace does that.
    pub(super) is_on: Option<bool>,
}

/// Those that have a place of their own; the others are the entries of `proxies`.
pub(super) fn placed_hooks(config: &Config) -> impl Iterator<Item = PlacedHook<'_>> {
    HOOKS.iter().map(|HookSection { kind, keys, see, is_on }| PlacedHook {
        section: keys.path,
        kind: *kind,
        hook: see(config),
        is_on: is_on.map(|is_on| is_on(config)),
    })
}

/// The names of a list's options.
pub(super) fn options(list: List) -> Vec<&'static str> {
    match list {
        List::Channels => channel::OPTIONS.iter().map(|key| key.name).collect(),
        List::Methods => rpc::OPTIONS.iter().map(|key| key.name).collect(),
        List::Hooks => hook::HOOK.iter().map(|key| key.name).collect(),
    }
}

/// The environment variable's name for a key, without prefix.
pub(super) fn variable(path: &str) -> String {
    path.to_ascii_uppercase().replace(['.', '-'], "_")
}

/// Calls back with path, effect and place of every line of the reference: sections that occur more than once are there
/// once, under the name in brackets that the documentation gives them.
pub(super) fn describe(mut line: impl FnMut(String, &'static str, &Slot<'_>)) {
    let mut config = Config::default();
    for key in SINGLE.iter().copied().flatten() {
        line(key.name.to_owned(), key.effect, &(key.slot)(&mut config));
    }
    describe_section("(token)", token::TOKEN, &mut line);
    describe_section("(proxy)", hook::HOOK, &mut line);
    describe_section(WITHOUT_NAMESPACE, channel::OPTIONS, &mut line);
    describe_section(RPC_WITHOUT_NAMESPACE, rpc::OPTIONS, &mut line);
}

fn describe_section<S: Default>(
    path: &str,
    keys: &[Key<S>],
    line: &mut impl FnMut(String, &'static str, &Slot<'_>),
) {
    let mut settings = S::default();
    for key in keys {
        line(format!("{path}.{}", key.name), key.effect, &(key.slot)(&mut settings));
    }
}

fn single(path: &str) -> Option<&'static Key<Config>> {
    SINGLE.iter().copied().flatten().find(|key| key.name == path)
}

fn named<S>(keys: &'static [Key<S>], name: &str) -> Option<&'static Key<S>> {
    keys.iter().find(|key| key.name == name)
}

type Opened<S> = (fn(&mut Config) -> &mut S, &'static Key<S>);

fn shared<S>(
    sections: impl IntoIterator<Item = &'static Section<S>>,
    keys: &'static [Key<S>],
    path: &str,
) -> Option<Opened<S>> {
    sections.into_iter().find_map(|section| Some((section.open, named(keys, below(section.path, path)?)?)))
}

fn shared_paths<S>(
    sections: impl IntoIterator<Item = &'static Section<S>>,
    keys: &'static [Key<S>],
) -> impl Iterator<Item = String> {
    sections
        .into_iter()
        .flat_map(move |section| keys.iter().map(|key| format!("{}.{}", section.path, key.name)))
}
