//! Hooks over HTTP at a back end, and one call of each kind.

use std::sync::Arc;

use wavecast_protocol::centrifuge::Encoding;
use wavecast_server::hooks::{
    Caller, ConnectCall, Hook, HookSettings, HttpHooks, HttpSettings, PublishCall, RefreshCall, RpcCall,
    SubRefreshCall, SubscribeCall,
};

use crate::backend::Backend;

/// Every hook at this back end, each at a path of its name; `two` is a named one.
pub(crate) fn hooks_with(backend: &Backend, change: impl Fn(&mut HookSettings)) -> HttpHooks {
    let at = |path: &str| {
        let mut settings = backend.settings(path);
        change(&mut settings);
        settings
    };
    let own = Hook::ALL.map(|kind| (kind, at(&format!("/{}", kind.name())))).into();
    HttpHooks::new(&HttpSettings { own, named: [("two".to_owned(), at("/two"))].into() }).unwrap()
}

pub(crate) fn hooks(backend: &Backend) -> HttpHooks {
    hooks_with(backend, |_| {})
}

pub(crate) fn caller() -> Caller {
    Caller {
        client: "c-1".into(),
        user: "42".into(),
        transport: "websocket",
        encoding: Encoding::Json,
        meta: Some(Arc::from(&br#"{"m":1}"#[..])),
        headers: None,
    }
}

pub(crate) fn bytes(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

pub(crate) fn connect_call() -> ConnectCall {
    ConnectCall {
        caller: Caller { user: "".into(), ..caller() },
        data: Some(bytes(r#"{"a":1}"#)),
        name: "js".into(),
        version: "5".into(),
        channels: vec!["news".into()],
    }
}

pub(crate) fn subscribe_call() -> SubscribeCall {
    SubscribeCall {
        caller: caller(),
        hook: "default".into(),
        channel: "chat:index".into(),
        data: Some(bytes(r#"{"a":1}"#)),
        ..SubscribeCall::default()
    }
}

pub(crate) fn publish_call() -> PublishCall {
    PublishCall {
        caller: caller(),
        hook: "default".into(),
        channel: "chat:index".into(),
        data: bytes(r#"{"input":"hello"}"#),
    }
}

pub(crate) fn rpc_call() -> RpcCall {
    RpcCall {
        caller: caller(),
        hook: "default".into(),
        method: "getUser".into(),
        data: Some(bytes(r#"[1]"#)),
    }
}

pub(crate) fn refresh_call() -> RefreshCall {
    RefreshCall { caller: caller() }
}

pub(crate) fn sub_refresh_call() -> SubRefreshCall {
    SubRefreshCall { caller: caller(), hook: "default".into(), channel: "chat:index".into() }
}

pub(crate) const OK: &str = r#"{"result":{}}"#;
