//! Hooks: the server asks and tells the user's back end, over HTTP or as Rust functions.
//!
//! Asked (may this client connect, subscribe, publish; is this still good; a method), the shard waits for the answer with that
//! client alone: it makes a call, [`ask`]s, and the answer comes through its inbox. Told (a connection or subscription ended,
//! a channel is occupied or vacated), the [`EventQueue`] takes over: it keeps order, tries again, and never makes a shard
//! wait.
//!
//! | room | what it is for |
//! | --- | --- |
//! | `kind` | which hooks there are |
//! | `calls`, `answer`, `events` | what is asked, what comes back, what is told |
//! | `grant` | what comes back, as clients can be sent it |
//! | `headers` | headers of a client that are passed on |
//! | `handlers` | [`Handlers`], to write hooks with; [`Hooks`], to hold them by |
//! | `ask` | from a shard to the runtime and back |
//! | `settings` | how hooks over HTTP are called, how events are queued |
//! | `url`, `endpoint`, `json`, `http` | [`HttpHooks`]: one place that is called, its words, all of them |
//! | `layers`, `current` | several hooks as one; those of a server, which may be exchanged |
//! | `queue` | [`EventQueue`] |

mod answer;
mod ask;
mod calls;
mod current;
mod endpoint;
mod events;
mod grant;
mod handlers;
mod headers;
mod http;
mod json;
mod kind;
mod layers;
mod queue;
mod settings;
pub(crate) mod url;

pub use self::answer::Answer;
pub(crate) use self::ask::Completion;
pub use self::ask::ask;
pub use self::calls::{
    Caller, Capability, ConnectCall, ConnectGrant, DEFAULT_NAME, Overrides, PublishCall, PublishGrant,
    RefreshCall, RefreshGrant, RpcCall, RpcGrant, SubRefreshCall, SubRefreshGrant, SubscribeCall,
    SubscribeGrant,
};
pub(crate) use self::current::Current;
pub use self::endpoint::{ANSWER_BYTES_MAX, HookError};
pub use self::events::{Disconnected, Event, Undelivered, Unsubscribed, What};
pub use self::grant::Grant;
pub use self::handlers::{Answering, Delivering, HANDLER_LIMIT, Handlers, HookFailures, Hooks};
pub use self::headers::{HeaderNames, PassedHeaders};
pub use self::http::HttpHooks;
pub use self::kind::{Hook, Wants};
pub use self::layers::Layers;
pub use self::queue::{EventCounts, EventQueue, QueueFull};
pub use self::settings::{EventSettings, HookSettings, HttpSettings, Meaning, StatusTransform};
