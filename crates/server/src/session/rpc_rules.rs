//! Which hook answers which method.

use std::sync::Arc;

use wavecast_protocol::centrifuge::Error;

use crate::config::{Rpc, RpcSettings};

/// Which hook answers which method: by the namespace of its name.
#[derive(Debug, Default)]
pub(crate) struct RpcRules {
    /// Between the namespace and the rest of a method's name; empty: there are no namespaces.
    pub(crate) boundary: String,
    /// The hook of methods without a namespace.
    pub(crate) without_namespace: Option<Arc<str>>,
    /// Namespaces, and the hook of each.
    pub(crate) namespaces: Vec<(Box<str>, Option<Arc<str>>)>,
    /// A method that is answered at once, with nothing.
    pub(crate) ping: Option<Box<str>>,
}

impl RpcRules {
    /// `is_handled`: somebody answers calls at all.
    pub(super) fn new(rpc: &Rpc, is_handled: bool) -> Self {
        let hook = |settings: &RpcSettings| {
            (is_handled && settings.proxy_enabled).then(|| Arc::from(settings.proxy_name.as_str()))
        };
        let named = rpc.namespaces.iter().map(|named| (named.name.as_str().into(), hook(&named.settings)));
        Self {
            boundary: rpc.namespace_boundary.clone(),
            without_namespace: hook(&rpc.without_namespace),
            namespaces: named.collect(),
            ping: rpc.ping.enabled.then(|| rpc.ping.method.as_str().into()),
        }
    }

    pub(super) fn is_ping(&self, method: &str) -> bool {
        self.ping.as_deref() == Some(method)
    }

    /// The hook of a method.
    ///
    /// # Errors
    /// 104 when its namespace is not configured, 108 when nothing answers there.
    pub(super) fn hook_of(&self, method: &str) -> Result<Arc<str>, Error> {
        let namespace = match self.boundary.as_str() {
            "" => None,
            boundary => method.split_once(boundary).map(|(namespace, _)| namespace),
        };
        let hook = match namespace {
            None => &self.without_namespace,
            Some(namespace) => {
                let known = self.namespaces.iter().find(|(name, _)| **name == *namespace);
                &known.ok_or(Error::METHOD_NOT_FOUND)?.1
            }
        };
        hook.clone().ok_or(Error::NOT_AVAILABLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_finds_its_hook() {
        let rules = RpcRules {
            boundary: ":".into(),
            without_namespace: Some("default".into()),
            namespaces: vec![("chat".into(), Some("chat".into())), ("off".into(), None)],
            ping: Some("ping".into()),
        };
        let hook = |method| rules.hook_of(method).map(|hook| hook.to_string()).map_err(|error| error.code);
        assert_eq!(hook("echo"), Ok("default".into()));
        assert_eq!(hook("chat:say"), Ok("chat".into()));
        assert_eq!(hook("off:x"), Err(108));
        assert_eq!(hook("caht:say"), Err(104));
        assert!(rules.is_ping("ping") && !rules.is_ping("pong"));
        assert_eq!(RpcRules::default().hook_of("a:b").unwrap_err().code, 108);
    }
}
