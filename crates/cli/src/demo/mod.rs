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
#[path = "../../../../examples/demo_push_or_poll.rs"]
#[allow(dead_code, reason = "the example's own main")]
mod push_or_poll;

use std::fmt;
use std::io;
use std::sync::Arc;

use dispatch::Dispatch;
use tokio::runtime::{Builder, Runtime};
use wavecast_server::Node;
use wavecast_server::config::{Config, ConfigError, Hook};
use wavecast_server::hooks::Hooks;
use wavecast_server::token::{Algorithm, SignError, Signer};

/// A demo before it starts.
struct Demo {
    /// The namespaces of its channels, and what its methods begin with (before the dot).
    owns: &'static [&'static str],
    configure: fn(&mut Config) -> Result<(), ConfigError>,
    /// What answers its hooks; what it does by itself it spawns.
    start: fn(Arc<Node>, Signer) -> Arc<dyn Hooks>,
}

const DEMOS: [Demo; 5] = [
    Demo {
        owns: &["chat", "chat-here", "chat-me"],
        configure: chat::Chat::configure,
        start: |node, signer| chat::Chat::start(node, signer),
    },
    Demo {
        owns: &["market", "quotes", "weather", "machine", "monitoring"],
        configure: |config| {
            monitoring::Monitoring::configure(config);
            Ok(())
        },
        // Nobody logs in there.
        start: |node, _| monitoring::Monitoring::start(node),
    },
    Demo {
        owns: &["arena", "game"],
        configure: |config| {
            game::Game::configure(config);
            Ok(())
        },
        start: |node, signer| game::Game::start(node, signer),
    },
    Demo {
        owns: &["notify", "notify_read"],
        configure: |config| {
            notifications::Notifications::configure(config);
            Ok(())
        },
        start: |node, signer| notifications::Notifications::start(node, signer),
    },
    Demo {
        owns: &["pace"],
        configure: |config| {
            push_or_poll::Pace::configure(config);
            Ok(())
        },
        // Nobody logs in there.
        start: |node, _| push_or_poll::Pace::start(node),
    },
];

/// Bytes of a secret that is made up where none is configured.
const SECRET_BYTES: usize = 32;

/// All demos, ready to start beside a server. Dropped, those that run end.
pub(crate) struct Demos {
    ready: Vec<(Demo, Signer)>,
    namespaces: Vec<String>,
    /// A thread of their own: what they publish by the hundred must not wait for the front desk, nor the other way round.
    runtime: Runtime,
}

/// Why the demos cannot be beside what is configured.
#[derive(Debug)]
pub(crate) enum DemoError {
    /// A section that names a back end of the operator's.
    BackEnd(&'static str),
    /// A namespace that is declared already.
    Namespace(&'static str),
    /// What a demo brings along does not fit what is there.
    Configuration(ConfigError),
    /// The secret for tokens cannot sign.
    Secret(SignError),
    /// The system gives no random bytes for a secret.
    Randomness(getrandom::Error),
    /// The system has no thread or no poll to give.
    Thread(io::Error),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("demo.enabled: ")?;
        match self {
            Self::BackEnd(section) => {
                write!(
                    f,
                    "the demos answer hooks themselves, and {section} names a back end; set demo.enabled to false, or \
                     name none"
                )
            }
            Self::Namespace(name) => {
                write!(
                    f,
                    "the demos need the namespace {name:?} for themselves, and channel.namespaces has it; set \
                     demo.enabled to false, or rename it"
                )
            }
            Self::Configuration(error) => error.fmt(f),
            Self::Secret(error) => write!(f, "no tokens can be signed for visitors: {error}"),
            Self::Randomness(error) => write!(f, "the system gives no random bytes for a secret: {error}"),
            Self::Thread(error) => write!(f, "the system gives no thread for them: {error}"),
        }
    }
}

impl Demos {
    /// Adds to the configuration what the demos need.
    ///
    /// # Errors
    /// What is configured and cannot be together with them.
    pub(crate) fn configure(config: &mut Config) -> Result<Self, DemoError> {
        check(config)?;
        let secret = &mut config.client.token.hmac_secret_key;
        if secret.is_empty() {
            *secret = made_up_secret().map_err(DemoError::Randomness)?.into();
        }
        let signer = |_| Signer::hmac(Algorithm::Hs256, secret).map_err(DemoError::Secret);
        let signers: Vec<Signer> = DEMOS.iter().map(signer).collect::<Result<_, _>>()?;
        let others = config.channel.namespaces.len();
        for demo in &DEMOS {
            (demo.configure)(config).map_err(DemoError::Configuration)?;
        }
        let own = config.channel.namespaces.iter().skip(others);
        let mut namespaces: Vec<String> = own.map(|namespace| namespace.name.clone()).collect();
        namespaces.sort();
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("demos").enable_all().build();
        let runtime = runtime.map_err(DemoError::Thread)?;
        Ok(Self { ready: DEMOS.into_iter().zip(signers).collect(), namespaces, runtime })
    }

    /// The namespaces that they have for themselves.
    pub(crate) fn namespaces(&self) -> &[String] {
        &self.namespaces
    }

    /// Starts them beside this node; gives back what answers hooks for all of them.
    pub(crate) fn start(&mut self, node: &Arc<Node>) -> Arc<dyn Hooks> {
        let _inside = self.runtime.enter();
        let mut dispatch = Dispatch::default();
        for (demo, signer) in self.ready.drain(..) {
            dispatch.add(demo.owns, (demo.start)(Arc::clone(node), signer));
        }
        Arc::new(dispatch)
    }
}

/// Whether the demos can be beside what is configured. They take the hooks that they want, and would hide a back end; and a
/// namespace has the rules of one.
///
/// # Errors
/// The first thing that they cannot be beside. There is none in the development profile: nothing of the kind can be
/// configured there.
pub(crate) fn check(config: &Config) -> Result<(), DemoError> {
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
