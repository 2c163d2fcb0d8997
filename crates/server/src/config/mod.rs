//! Configuration: from a file, the environment and flags into one checked [`Config`].
//!
//! The vocabulary is Centrifugo's v6 wherever the concept is the same: same key, same meaning, same default. Flags
//! override variables, which override the file. Values are checked on entry, and everything that is wrong is
//! reported at once.
//!
//! - `settings`: the structs, one field a key; `slot`, `duration`, `origins`, `networks`: how a value is read
//! - `keys`: the tables of keys that are carried out; `centrifugo`: the table of those that are not, and what then
//! - `load`: the way from all of them to one; `source`: file, environment, flags; `assemble`: puts them together; `check`:
//!   what only the whole can show; `extend`: a text of the program's on top; `reload`: read anew while a server runs
//! - `profile`: running without any configuration; `namespaces`, `hooks`: what others need of it; `reference`: every key, for
//!   who reads; `error`: what is wrong

mod assemble;
mod centrifugo;
mod check;
pub(crate) mod duration;
mod error;
mod extend;
mod hooks;
mod keys;
mod load;
mod namespaces;
pub(crate) mod networks;
mod origins;
mod profile;
mod reference;
mod reload;
mod settings;
mod slot;
mod source;
#[cfg(test)]
mod tests;

pub use duration::parse_duration;
pub use error::{ConfigError, Origin, Problem, Warning};
pub use load::{Loaded, Overrides, load, load_from};
pub use networks::TrustedProxies;
pub use origins::AllowedOrigins;
pub use profile::Profile;
pub use reference::{KeyReference, reference};
pub use reload::Change;
pub use settings::{
    Channel, ChannelProxy, ChannelSettings, Client, ClientProxy, Config, DEFAULT_HOOK, Demo, Emulation,
    Engine, Events, HANDLER_ENDPOINT, Health, Hook, HttpApi, HttpServer, InternalPort, ListenerTls,
    ListenerTlsError, Log, Memory, MemoryEngine, Named, NamedHook, Namespace, Node, Pages, PersonalChannel,
    Poll, Prometheus, Rpc, RpcNamespace, RpcPing, RpcSettings, Secret, Shard, Shutdown, StatusOutcome,
    StatusTransform, StreamEndpoint, SubscriptionToken, SwitchedHook, Tls, TlsAutocert, Token, UniWebSocket,
    WebSocket,
};
pub use source::Format;
