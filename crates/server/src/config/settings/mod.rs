//! The settings themselves: one struct a section, one field a key, each with unit, default and effect.
//!
//! Names and meanings are those of Centrifugo's v6 configuration wherever the concept is the same. Fields marked
//! *own* are ours, in the same style. [`super::keys`] says how each is read from a file, a variable or a flag.
//!
//! Sections: `node`, `http` (with `tls`, `autocert`), `transport`, `poll`, `client`, `token`, `channel` and `namespace`, `rpc`, `hook`. `named` is an entry of a list whose
//! entries have names; `parts`: what is served at which port.

mod autocert;
mod channel;
mod client;
mod hook;
mod http;
mod named;
mod namespace;
mod node;
mod parts;
mod poll;
mod rpc;
mod tls;
mod token;
mod transport;

use std::net::{IpAddr, Ipv4Addr};

pub use crate::secret::Secret;
pub use autocert::TlsAutocert;
pub use channel::{Channel, ChannelProxy};
pub use client::{Client, ClientProxy, PersonalChannel};
pub use hook::{
    DEFAULT_HOOK, Events, HANDLER_ENDPOINT, Hook, NamedHook, StatusOutcome, StatusTransform, SwitchedHook,
    Tls,
};
pub use http::{HttpApi, HttpServer, InternalPort};
pub use named::Named;
pub use namespace::{ChannelSettings, Namespace};
pub use node::{
    Demo, Engine, Health, Log, Memory, MemoryEngine, Node, Pages, Prometheus, Shard, Shutdown, WebSocket,
};
pub use poll::Poll;
pub use rpc::{Rpc, RpcNamespace, RpcPing, RpcSettings};
pub use tls::{ListenerTls, ListenerTlsError};
pub use token::{SubscriptionToken, Token};
pub use transport::{Emulation, StreamEndpoint, UniWebSocket};

/// Everything a node can be told, checked and complete: what a key leaves out has its default.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `http_server.*`: the listener, and the limits of reading a request.
    pub http_server: HttpServer,
    /// `log.*`: what is logged, and to where.
    pub log: Log,
    /// `client.*`: who may connect, and what one connection may cost.
    pub client: Client,
    /// `channel.*`: how channel names are read, and the options per namespace.
    pub channel: Channel,
    /// `rpc.*`: which hook answers which method.
    pub rpc: Rpc,
    /// `proxies`: hooks that namespaces choose by name.
    pub proxies: Vec<NamedHook>,
    /// `events.*` (own): the queue of hooks that are told what has happened.
    pub events: Events,
    /// `websocket.*`: the WebSocket endpoint of clients.
    pub websocket: WebSocket,
    /// `sse.*`: sessions by EventSource.
    pub sse: StreamEndpoint,
    /// `http_stream.*`: sessions by the body of an HTTP response.
    pub http_stream: StreamEndpoint,
    /// `emulation.*`: what the clients of both have to say.
    pub emulation: Emulation,
    /// `uni_websocket.*`: sessions that go one way, by WebSocket.
    pub uni_websocket: UniWebSocket,
    /// `uni_sse.*`: the same by EventSource.
    pub uni_sse: StreamEndpoint,
    /// `uni_http_stream.*`: the same by the body of an HTTP response.
    pub uni_http_stream: StreamEndpoint,
    /// `poll.*` (own): the poll endpoint of clients without a session.
    pub poll: Poll,
    /// `http_api.*`: the API of the back end.
    pub http_api: HttpApi,
    /// `health.*`: the endpoints of load balancers.
    pub health: Health,
    /// `prometheus.*`: the endpoint of metrics.
    pub prometheus: Prometheus,
    /// `pages.*` (own): the start page.
    pub pages: Pages,
    /// `demo.*` (own): the demo applications.
    pub demo: Demo,
    /// `shutdown.*`: how a node ends.
    pub shutdown: Shutdown,
    /// `node.*`: what this node is called.
    pub node: Node,
    /// `shard.*` (own): the event loops.
    pub shard: Shard,
    /// `engine.*`: the memory engine's limits.
    pub engine: Engine,
    /// `memory.*` (own): the budget of the node.
    pub memory: Memory,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            http_server: HttpServer::default(),
            log: Log::default(),
            client: Client::default(),
            channel: Channel::default(),
            rpc: Rpc::default(),
            proxies: Vec::new(),
            events: Events::default(),
            websocket: WebSocket::default(),
            poll: Poll::default(),
            sse: StreamEndpoint::sse(),
            http_stream: StreamEndpoint::http_stream(),
            emulation: Emulation::default(),
            uni_websocket: UniWebSocket::default(),
            uni_sse: StreamEndpoint::uni_sse(),
            uni_http_stream: StreamEndpoint::uni_http_stream(),
            http_api: HttpApi::default(),
            health: Health::default(),
            prometheus: Prometheus::default(),
            pages: Pages::default(),
            demo: Demo::default(),
            shutdown: Shutdown::default(),
            node: Node::default(),
            shard: Shard::default(),
            engine: Engine::default(),
            memory: Memory::default(),
        }
    }
}

impl Config {
    /// The hook that a namespace names: `section`, which is the one of its kind (`config.channel.proxy.subscribe`, say),
    /// for "default", otherwise the entry of `proxies`.
    pub fn hook<'c>(&'c self, name: &str, section: &'c Hook) -> Option<&'c Hook> {
        if name == DEFAULT_HOOK {
            return Some(section);
        }
        self.proxies.iter().find(|hook| hook.name == name).map(|hook| &hook.settings)
    }
}

/// The address of the development profile.
pub(super) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
