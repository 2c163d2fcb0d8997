//! Several hooks as one: Rust handlers beside a back end.

use std::sync::Arc;
use std::time::Duration;

use super::answer::Answer;
use super::calls::{
    ConnectCall, ConnectGrant, PublishCall, PublishGrant, RefreshCall, RefreshGrant, RpcCall, RpcGrant,
    SubRefreshCall, SubRefreshGrant, SubscribeCall, SubscribeGrant,
};
use super::events::Event;
use super::handlers::{Answering, Delivering, HookFailures, Hooks};
use super::headers::HeaderNames;
use super::kind::{Hook, Wants};

/// Layers of hooks: each kind of hook goes to the first layer that wants it, and to that one only. What they want and how
/// long they may take is asked once, when they are put together.
#[derive(Default)]
pub struct Layers {
    layers: Vec<Arc<dyn Hooks>>,
    /// For each kind of hook the layer that it goes to.
    first: [Option<usize>; Hook::ALL.len()],
    wants: Wants,
    limit: Duration,
}

impl Layers {
    /// These, the first before the second.
    pub fn new(layers: Vec<Arc<dyn Hooks>>) -> Self {
        let wanted: Vec<Wants> = layers.iter().map(|layer| layer.wants()).collect();
        let limits = layers.iter().map(|layer| layer.limit());
        Self {
            first: Hook::ALL.map(|hook| wanted.iter().position(|wants| wants.has(hook))),
            wants: wanted.iter().fold(Wants::NOTHING, |all, wants| all.or(*wants)),
            limit: limits.max().unwrap_or_default(),
            layers,
        }
    }

    fn first(&self, hook: Hook) -> Option<&dyn Hooks> {
        self.first[hook as usize].map(|index| &*self.layers[index])
    }

    fn ask<'h, T: Send + 'h>(
        &'h self,
        hook: Hook,
        ask: impl FnOnce(&'h dyn Hooks) -> Answering<'h, T>,
    ) -> Answering<'h, T> {
        self.first(hook).map_or_else(|| Box::pin(async { Answer::NotHandled }) as Answering<'h, T>, ask)
    }
}

impl Hooks for Layers {
    fn wants(&self) -> Wants {
        self.wants
    }

    fn headers(&self) -> HeaderNames {
        self.layers.iter().fold(HeaderNames::default(), |names, layer| names.and(&layer.headers()))
    }

    fn limit(&self) -> Duration {
        self.limit
    }

    fn connect(&self, call: ConnectCall) -> Answering<'_, ConnectGrant> {
        self.ask(Hook::Connect, |hooks| hooks.connect(call))
    }

    fn refresh(&self, call: RefreshCall) -> Answering<'_, RefreshGrant> {
        self.ask(Hook::Refresh, |hooks| hooks.refresh(call))
    }

    fn subscribe(&self, call: SubscribeCall) -> Answering<'_, SubscribeGrant> {
        self.ask(Hook::Subscribe, |hooks| hooks.subscribe(call))
    }

    fn sub_refresh(&self, call: SubRefreshCall) -> Answering<'_, SubRefreshGrant> {
        self.ask(Hook::SubRefresh, |hooks| hooks.sub_refresh(call))
    }

    fn publish(&self, call: PublishCall) -> Answering<'_, PublishGrant> {
        self.ask(Hook::Publish, |hooks| hooks.publish(call))
    }

    fn rpc(&self, call: RpcCall) -> Answering<'_, RpcGrant> {
        self.ask(Hook::Rpc, |hooks| hooks.rpc(call))
    }

    fn failures(&self) -> Vec<HookFailures> {
        self.layers.iter().flat_map(|layer| layer.failures()).collect()
    }

    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h> {
        match events.first().and_then(|event| self.first(event.hook())) {
            Some(hooks) => hooks.deliver(events),
            None => Box::pin(async { Ok(()) }),
        }
    }
}
