//! Hooks that may be exchanged while they are in use: the configuration names another back end.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::calls::{
    ConnectCall, ConnectGrant, PublishCall, PublishGrant, RefreshCall, RefreshGrant, RpcCall, RpcGrant,
    SubRefreshCall, SubRefreshGrant, SubscribeCall, SubscribeGrant,
};
use super::events::Event;
use super::handlers::{Answering, Delivering, HookFailures, Hooks};
use super::headers::HeaderNames;
use super::kind::Wants;
use super::layers::Layers;

/// The hooks of a server. Who has been asked answers; who is asked next may be another.
pub(crate) struct Current {
    /// The program's own, which stay.
    own: Option<Arc<dyn Hooks>>,
    layers: ArcSwap<Layers>,
}

impl Current {
    pub(crate) fn new(own: Option<Arc<dyn Hooks>>, layers: Layers) -> Self {
        Self { own, layers: ArcSwap::from_pointee(layers) }
    }

    pub(crate) fn own(&self) -> Option<&Arc<dyn Hooks>> {
        self.own.as_ref()
    }

    /// These from now on.
    pub(crate) fn exchange(&self, layers: Layers) {
        self.layers.store(Arc::new(layers));
    }
}

macro_rules! asked {
    ($($name:ident($call:ty) -> $grant:ty;)*) => {
        $(fn $name(&self, call: $call) -> Answering<'_, $grant> {
            let layers = self.layers.load_full();
            Box::pin(async move { layers.$name(call).await })
        })*
    };
}

impl Hooks for Current {
    fn wants(&self) -> Wants {
        self.layers.load().wants()
    }

    fn headers(&self) -> HeaderNames {
        self.layers.load().headers()
    }

    fn limit(&self) -> Duration {
        self.layers.load().limit()
    }

    /// Those of the layers of the moment: a reload begins anew.
    fn failures(&self) -> Vec<HookFailures> {
        self.layers.load().failures()
    }

    asked! {
        connect(ConnectCall) -> ConnectGrant;
        refresh(RefreshCall) -> RefreshGrant;
        subscribe(SubscribeCall) -> SubscribeGrant;
        sub_refresh(SubRefreshCall) -> SubRefreshGrant;
        publish(PublishCall) -> PublishGrant;
        rpc(RpcCall) -> RpcGrant;
    }

    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h> {
        let layers = self.layers.load_full();
        Box::pin(async move { layers.deliver(events).await })
    }
}
