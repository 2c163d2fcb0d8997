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
    pub(super) fn new(rpc: &Rpc) -> Self {
        let hook =
            |settings: &RpcSettings| settings.proxy_enabled.then(|| Arc::from(settings.proxy_name.as_str()));
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

    /// The hook of a method, where it has one.
    ///
    /// # Errors
    /// 104 when its namespace is not configured.
    pub(super) fn hook_of(&self, method: &str) -> Result<Option<&Arc<str>>, Error> {
        let namespace = match self.boundary.as_str() {
            "" => None,
            boundary => method.split_once(boundary).map(|(namespace, _)| namespace),
        };
        let Some(namespace) = namespace else { return Ok(self.without_namespace.as_ref()) };
        let known = self.namespaces.iter().find(|(name, _)| **name == *namespace);
        Ok(known.ok_or(Error::METHOD_NOT_FOUND)?.1.as_ref())
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
        let hook = |method| rules.hook_of(method).map(|hook| hook.map(|hook| &**hook));
        assert_eq!(hook("echo"), Ok(Some("default")));
        assert_eq!(hook("chat:say"), Ok(Some("chat")));
        assert_eq!(hook("off:x"), Ok(None));
        assert_eq!(hook("caht:say"), Err(Error::METHOD_NOT_FOUND));
        assert!(rules.is_ping("ping") && !rules.is_ping("pong"));
        assert_eq!(RpcRules::default().hook_of("a:b"), Ok(None));
    }
}
