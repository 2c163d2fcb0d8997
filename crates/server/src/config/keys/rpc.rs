//! Keys of `rpc`, and the options of a namespace of methods.

use super::key::{Key, key};
use crate::config::settings::{Config, RpcSettings};
use crate::config::slot::Slot;

/// What holds for all namespaces.
pub(super) const RPC: &[Key<Config>] = &[
    key("rpc.namespace_boundary", "ends the namespace in a method's name; empty = no namespaces", |c| {
        Slot::Text(&mut c.rpc.namespace_boundary)
    }),
    key("rpc.ping.enabled", "the server answers one method by itself, with nothing", |c| {
        Slot::Switch(&mut c.rpc.ping.enabled)
    }),
    key("rpc.ping.method", "name of that method", |c| Slot::Text(&mut c.rpc.ping.method)),
];

/// The options of `rpc.without_namespace` and of each entry of `rpc.namespaces`.
pub(super) const OPTIONS: &[Key<RpcSettings>] = &[
    key("proxy_enabled", "a hook answers; otherwise error 108", |r| Slot::Switch(&mut r.proxy_enabled)),
    key("proxy_name", "which hook, of `proxies`; default = `rpc.proxy`", |r| Slot::Text(&mut r.proxy_name)),
];
