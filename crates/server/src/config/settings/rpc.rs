//! `rpc.*`: which hook answers which method.

use super::hook::{DEFAULT_HOOK, Hook};
use super::named::Named;

/// `rpc.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rpc {
    /// `proxy.*`: the hook that namespaces name "default".
    pub proxy: Hook,
    /// `without_namespace.*`: options of methods whose name has no namespace.
    pub without_namespace: RpcSettings,
    /// `namespaces`: a name and the same options, each.
    pub namespaces: Vec<RpcNamespace>,
    /// `namespace_boundary`: ends the namespace in a method's name, default ":"; "" = no namespaces.
    pub namespace_boundary: String,
    /// `ping.*`: a method that the server answers by itself.
    pub ping: RpcPing,
}

impl Default for Rpc {
    fn default() -> Self {
        Self {
            proxy: Hook::default(),
            without_namespace: RpcSettings::default(),
            namespaces: Vec::new(),
            namespace_boundary: ":".into(),
            ping: RpcPing::default(),
        }
    }
}

impl Rpc {
    /// The options of a method; `None` when its namespace is not configured: error 104.
    pub fn resolve(&self, method: &str) -> Option<&RpcSettings> {
        match method.split_once(self.namespace_boundary.as_str()) {
            Some((name, _)) if !self.namespace_boundary.is_empty() => {
                self.namespaces.iter().find(|namespace| namespace.name == name).map(|found| &found.settings)
            }
            _ => Some(&self.without_namespace),
        }
    }
}

/// One entry of `rpc.namespaces`: its settings are the options of the methods `name:*`.
pub type RpcNamespace = Named<RpcSettings>;

/// The options of a namespace of methods.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcSettings {
    /// `proxy_enabled`: a hook answers; otherwise error 108. Default false.
    pub proxy_enabled: bool,
    /// `proxy_name`: which one, of `proxies`; "default" (default) = `rpc.proxy`.
    pub proxy_name: String,
}

impl Default for RpcSettings {
    fn default() -> Self {
        Self { proxy_enabled: false, proxy_name: DEFAULT_HOOK.into() }
    }
}

/// `rpc.ping.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcPing {
    /// `enabled`: the server answers the method with nothing. Default false.
    pub enabled: bool,
    /// `method`: its name, default "ping".
    pub method: String,
}

impl Default for RpcPing {
    fn default() -> Self {
        Self { enabled: false, method: "ping".into() }
    }
}
