//! The demo applications' back ends, inside the program: a bare `wavecast serve` shows them, and nothing else has to be started.
//!
//! Each is a file of `examples/`, which is a program of its own as well and uses only what the library offers to
//! everybody. Here they share a server: `dispatch` brings each hook to the demo that it is for.
//!
//! To add one: its module, and its line in [`DEMOS`].

mod dispatch;

#[path = "../../../../examples/demo_chat.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod chat;
#[path = "../../../../examples/demo_game.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod game;
#[path = "../../../../examples/demo_monitoring.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod monitoring;
#[path = "../../../../examples/demo_notifications.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod notifications;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use dispatch::Dispatch;
use tokio::task::JoinSet;
use wavecast_server::Node;
use wavecast_server::config::{Config, Hook};
use wavecast_server::hooks::Hooks;
use wavecast_server::token::{Algorithm, SignError, Signer};

/// A demo before it starts.
struct Demo {
    /// The namespaces of its channels, and what its methods begin with (before the dot).
    owns: &'static [&'static str],
    configure: fn(&mut Config),
    start: fn(Signer) -> Started,
}

/// A demo that answers hooks, and what it does by itself.
struct Started {
    hooks: Arc<dyn Hooks>,
    run: Run,
}

type Run = Box<dyn FnOnce(Arc<Node>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

macro_rules! demo {
    ($demo:path, $($owned:literal),+) => {
        Demo {
            owns: &[$($owned),+],
            configure: <$demo>::configure,
            start: |signer| {
                let demo = Arc::new(<$demo>::new(signer));
                Started { hooks: Arc::clone(&demo) as Arc<dyn Hooks>, run: Box::new(|node| Box::pin(demo.run(node))) }
            },
        }
    };
}

const DEMOS: &[Demo] = &[
    demo!(chat::Chat, "chat", "chat-here", "chat-me"),
    demo!(monitoring::Monitoring, "market", "quotes", "weather", "machine", "monitoring"),
    demo!(game::Game, "arena", "game"),
    demo!(notifications::Notifications, "notify", "notify_read"),
];

/// Bytes of a secret that is made up where none is configured.
const SECRET_BYTES: usize = 32;

/// All demos, ready to run beside a server.
pub(crate) struct Demos {
    hooks: Arc<Dispatch>,
    runs: Vec<Run>,
}

/// Why the demos cannot be beside what is configured.
#[derive(Debug)]
pub(crate) enum DemoError {
    /// A section that names a back end of the operator's.
    BackEnd(&'static str),
    /// A namespace that is declared already.
    Namespace(&'static str),
    /// The secret for tokens cannot sign.
    Secret(SignError),
    /// The system gives no random bytes for a secret.
    Randomness(getrandom::Error),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("demo.enabled: ")?;
        match self {
            Self::BackEnd(section) => {
                write!(
                    f,
                    "the demos answer hooks themselves, and {section} names a back end; set one of the two only"
                )
            }
            Self::Namespace(name) => {
                write!(
                    f,
                    "the demos need the namespace {name:?} for themselves, and channel.namespaces has it; rename it"
                )
            }
            Self::Secret(error) => write!(f, "no tokens can be signed for visitors: {error}"),
            Self::Randomness(error) => write!(f, "the system gives no random bytes for a secret: {error}"),
        }
    }
}

impl Demos {
    /// Adds to the configuration what the demos need, and starts them.
    ///
    /// # Errors
    /// What is configured and cannot be together with them.
    pub(crate) fn configure(config: &mut Config) -> Result<Self, DemoError> {
        check(config)?;
        if config.client.token.hmac_secret_key.is_empty() {
            config.client.token.hmac_secret_key = made_up_secret().map_err(DemoError::Randomness)?.into();
        }
        let mut dispatch = Dispatch::default();
        let mut runs = Vec::new();
        for demo in DEMOS {
            (demo.configure)(config);
            let signer = Signer::hmac(Algorithm::Hs256, &config.client.token.hmac_secret_key);
            let Started { hooks, run } = (demo.start)(signer.map_err(DemoError::Secret)?);
            dispatch.add(demo.owns, hooks);
            runs.push(run);
        }
        Ok(Self { hooks: Arc::new(dispatch), runs })
    }

    /// What answers hooks for all of them.
    pub(crate) fn hooks(&self) -> Arc<dyn Hooks> {
        Arc::clone(&self.hooks) as Arc<dyn Hooks>
    }

    /// Has them publish into a server that runs, on a thread of their own, until the process ends.
    ///
    /// # Errors
    /// The system has no thread or no poll to give.
    pub(crate) fn run(self, node: &Arc<Node>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let node = Arc::clone(node);
        std::thread::Builder::new().name("demos".into()).spawn(move || {
            runtime.block_on(async {
                let mut running: JoinSet<()> =
                    self.runs.into_iter().map(|run| run(Arc::clone(&node))).collect();
                // One that breaks leaves the others, and the server, alone.
                while let Some(ended) = running.join_next().await {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a demo application has failed");
                    }
                }
            });
        })?;
        Ok(())
    }
}

/// The demos take the hooks that they want, and would hide a back end; and a namespace has the rules of one.
fn check(config: &Config) -> Result<(), DemoError> {
    let channel = &config.channel;
    let hooks: [(&'static str, &Hook); 9] = [
        ("client.proxy.connect", &config.client.proxy.connect.hook),
        ("client.proxy.refresh", &config.client.proxy.refresh.hook),
        ("client.proxy.disconnected", &config.client.proxy.disconnected.hook),
        ("channel.proxy.subscribe", &channel.proxy.subscribe),
        ("channel.proxy.publish", &channel.proxy.publish),
        ("channel.proxy.sub_refresh", &channel.proxy.sub_refresh),
        ("channel.proxy.unsubscribed", &channel.proxy.unsubscribed),
        ("channel.proxy.state", &channel.proxy.state),
        ("rpc.proxy", &config.rpc.proxy),
    ];
    if let Some((section, _)) = hooks.into_iter().find(|(_, hook)| !hook.endpoint.is_empty()) {
        return Err(DemoError::BackEnd(section));
    }
    if !config.proxies.is_empty() {
        return Err(DemoError::BackEnd("proxies"));
    }
    let mut owned = DEMOS.iter().flat_map(|demo| demo.owns.iter().copied());
    match owned.find(|owned| channel.namespaces.iter().any(|namespace| namespace.name == *owned)) {
        Some(name) => Err(DemoError::Namespace(name)),
        None => Ok(()),
    }
}

/// It holds as long as the process: who has a token of an earlier one logs in again.
fn made_up_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavecast_server::config::{Overrides, load_from};

    fn development() -> Config {
        load_from(None, [], &Overrides::default()).unwrap().config
    }

    #[test]
    fn demos_and_any_other_channel_live_together() {
        let mut config = development();
        Demos::configure(&mut config).unwrap();
        assert!(!config.client.token.hmac_secret_key.is_empty());
        let namespaces = config.namespaces().unwrap();
        let others = namespaces.resolve("demo").unwrap();
        assert!(others.allow_publish_for_anonymous);
        assert!(Arc::ptr_eq(namespaces.resolve("news:today").unwrap(), others));
        for owned in DEMOS.iter().flat_map(|demo| demo.owns) {
            let is_namespace = config.channel.namespaces.iter().any(|namespace| namespace.name == *owned);
            let channel = format!("{owned}:x");
            assert_eq!(
                !Arc::ptr_eq(namespaces.resolve(&channel).unwrap(), others),
                is_namespace,
                "{channel}"
            );
        }
    }

    #[test]
    fn a_secret_that_is_configured_is_kept() {
        let mut config = development();
        config.client.token.hmac_secret_key = "given".into();
        Demos::configure(&mut config).unwrap();
        assert_eq!(config.client.token.hmac_secret_key.expose(), "given");
    }

    #[test]
    fn what_the_operator_has_configured_is_not_replaced() {
        let mut config = development();
        config.rpc.proxy.endpoint = "http://127.0.0.1:3000/rpc".into();
        let refused = Demos::configure(&mut config).err().map(|error| error.to_string());
        assert!(refused.unwrap().contains("rpc.proxy names a back end"));
        let mut config = development();
        config
            .channel
            .namespaces
            .push(wavecast_server::config::Named { name: "chat".into(), ..Default::default() });
        let refused = Demos::configure(&mut config).err().map(|error| error.to_string());
        assert!(refused.unwrap().contains("the namespace \"chat\""));
    }
}
