//! A hook: a call to the user's back end. And the queue of those that are told events.

use std::collections::BTreeMap;
use std::time::Duration;

use super::named::Named;
use crate::secret::Secret;

/// The name that means the hook of the section itself, such as `channel.proxy.subscribe`.
pub const DEFAULT_HOOK: &str = "default";

/// The endpoint of a hook that a handler inside the process answers, registered by the program that embeds the server.
pub const HANDLER_ENDPOINT: &str = "handler:";

/// Where and how a hook is called: the keys of Centrifugo's proxies.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// `endpoint`: an `http://` or `https://` URL, or [`HANDLER_ENDPOINT`]; none by default. It may hold credentials.
    pub endpoint: Secret,
    /// `timeout`: how long one call may take, default 1 s.
    pub timeout: Duration,
    /// `concurrency` (own): calls at once, default 64; then commands wait within `timeout`, and get error 111.
    pub concurrency: usize,
    /// `http_headers`: headers of the client's handshake that are passed on; none by default.
    pub http_headers: Vec<String>,
    /// `emulated_headers`: headers that the client gave in its connect command and that are passed on; none by default.
    /// Of a name that stands in both lists the handshake's header is taken first.
    pub emulated_headers: Vec<String>,
    /// `include_connection_meta`: calls have the connection's `meta`. Default false.
    pub include_connection_meta: bool,
    /// `binary_encoding`: payloads are base64 text (`b64data`). Default false.
    pub binary_encoding: bool,
    /// `http.tls.*`: TLS to the back end beyond what an `https://` URL asks for.
    pub tls: Tls,
    /// `http.static_headers`: headers of every call. Values may hold credentials.
    pub static_headers: BTreeMap<String, Secret>,
    /// `http.status_to_code_transforms`: what an HTTP status means to the client.
    pub status_to_code_transforms: Vec<StatusTransform>,
}

impl Default for Hook {
    fn default() -> Self {
        Self {
            endpoint: Secret::default(),
            timeout: Duration::from_secs(1),
            concurrency: 64,
            http_headers: Vec::new(),
            emulated_headers: Vec::new(),
            include_connection_meta: false,
            binary_encoding: false,
            tls: Tls::default(),
            static_headers: BTreeMap::new(),
            status_to_code_transforms: Vec::new(),
        }
    }
}

impl Hook {
    /// Whether a handler inside the process answers instead of a back end.
    pub fn is_handler(&self) -> bool {
        self.endpoint.expose() == HANDLER_ENDPOINT
    }
}

/// A hook that a section switches on by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SwitchedHook {
    /// `enabled`. Default false.
    pub enabled: bool,
    /// The hook.
    pub hook: Hook,
}

impl SwitchedHook {
    /// The hook, if it is switched on.
    pub fn on(&self) -> Option<&Hook> {
        self.enabled.then_some(&self.hook)
    }
}

/// One entry of `proxies`: a hook that namespaces choose by its name.
pub type NamedHook = Named<Hook>;

/// TLS towards a back end. PEM values are the text, the text in base64, or a file's path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tls {
    /// `enabled`: the fields below hold. Default false.
    pub enabled: bool,
    /// `cert_pem`: the certificate to show; "" (default) = none.
    pub cert_pem: String,
    /// `key_pem`: its key.
    pub key_pem: Secret,
    /// `server_ca_pem`: the authority that must have signed the back end's certificate; "" (default) = the system's.
    pub server_ca_pem: String,
    /// `server_name`: the name its certificate must have; "" (default) = the URL's host.
    pub server_name: String,
    /// `insecure_skip_verify`: its certificate is not verified. Default false.
    pub insecure_skip_verify: bool,
}

/// What an HTTP status of a hook's answer means to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusTransform {
    /// `status_code`.
    pub status: u16,
    /// `to_error` or `to_disconnect`: exactly one of them.
    pub outcome: StatusOutcome,
}

/// What a status becomes. Texts are ASCII of at most 123 characters, which is what a close frame takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusOutcome {
    /// The command is answered with an error.
    Error {
        /// `code`.
        code: u32,
        /// `message`.
        message: String,
        /// `temporary`: the client may try again.
        temporary: bool,
    },
    /// The connection ends.
    Disconnect {
        /// `code`: 3000 to 4999.
        code: u16,
        /// `reason`.
        reason: String,
    },
}

/// `events.*` (own): the queue of hooks that are told what has happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Events {
    /// `queue_size`: events of the node that may wait or be under way, default 10000; one beyond is lost, and counted.
    pub queue_size: usize,
    /// `queue_max_size`: bytes of these, default 16 MiB; an event beyond is lost, and counted.
    pub queue_max_size: usize,
    /// `concurrency`: calls at once, default 16; one session or channel has one at most.
    pub concurrency: usize,
    /// `retry_delay_min`: time before a call that failed is made again, at most, default 100 ms; doubled each time.
    pub retry_delay_min: Duration,
    /// `retry_delay_max`: the longest such time, default 20 s.
    pub retry_delay_max: Duration,
    /// `give_up_after`: how old an event may get while calls fail, default 1 h; then it is lost, and counted.
    pub give_up_after: Duration,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            queue_size: 10_000,
            queue_max_size: 16 << 20,
            concurrency: 16,
            retry_delay_min: Duration::from_millis(100),
            retry_delay_max: Duration::from_secs(20),
            give_up_after: Duration::from_secs(3600),
        }
    }
}
