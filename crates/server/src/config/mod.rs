//! Configuration: from a file, the environment and flags into one checked [`Config`].
//!
//! The vocabulary is Centrifugo's v6 wherever the concept is the same: same key, same meaning, same default. Flags
//! override variables, which override the file. Values are checked on entry, and everything that is wrong is
//! reported at once.
//!
//! - `settings`: the structs, one field a key; `slot`, `duration`, `origins`, `networks`: how a value is read
//! - `keys`: the tables of keys that are carried out; `centrifugo`: the table of those that are not, and what then
//! - `source`: file, environment, flags; `assemble`: puts them together; `check`: what only the whole can show; `extend`: a
//!   text of the program's on top; `reload`: read anew while a server runs
//! - `profile`: running without any configuration; `namespaces`, `hooks`: what others need of it; `error`: what is wrong

mod assemble;
mod centrifugo;
mod check;
pub(crate) mod duration;
mod error;
mod extend;
mod hooks;
mod keys;
mod namespaces;
pub(crate) mod networks;
mod origins;
mod profile;
mod reload;
mod settings;
mod slot;
mod source;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use duration::parse_duration;
pub use error::{ConfigError, Origin, Problem, Warning};
pub use networks::TrustedProxies;
pub use origins::AllowedOrigins;
pub use profile::Profile;
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

use assemble::Assembly;

/// What the command line adds to file and environment.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Key and value, such as `("http_server.port", "8001")`; lists are words separated by spaces.
    pub values: Vec<(String, String)>,
    /// `--insecure`: an address that others can reach is meant, although nothing keeps them out.
    pub insecure: bool,
}

/// A configuration that may be run, and what to say about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
    /// Whether somebody has configured this server.
    pub profile: Profile,
    /// `--insecure`: others may reach what nothing keeps them out of.
    pub(crate) insecure_is_meant: bool,
}

/// Reads the configuration from a file (TOML, YAML or JSON, by extension), the process's environment and flags.
///
/// Variables are `WAVECAST_` or `CENTRIFUGO_` (ours wins) and the key in capitals joined with `_`. Without file and
/// without a variable or flag that configures (`http_server.address`, `http_server.port` and `log.*` do not), the
/// result is the development profile.
///
/// # Errors
/// The file cannot be read or parsed, or values are wrong: then all of them are named.
pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, ConfigError> {
    load_from(file, source::variables(), overrides)
}

/// [`load`] with an environment given by the caller.
///
/// # Errors
/// As [`load`].
pub fn load_from(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
    overrides: &Overrides,
) -> Result<Loaded, ConfigError> {
    let variables: Vec<(String, String)> = variables.into_iter().collect();
    let in_file = file.map(source::file).transpose()?;
    let (settings, warnings) = source::environment(&variables, in_file.as_deref().unwrap_or_default());
    let mut settings: Vec<_> = settings.into_iter().chain(source::flags(&overrides.values)).collect();
    let profile = if in_file.is_some() { Profile::Configured } else { Profile::without_file(&settings) };
    settings.splice(0..0, in_file.unwrap_or_default());
    let missing = source::expand(&mut settings, &variables);

    let mut assembly = Assembly::new(profile.defaults());
    assembly.warnings = warnings;
    for (index, variable) in missing {
        assembly.miss(&settings[index], &variable);
    }
    assembly.apply(settings);
    check::whole(&mut assembly);
    let profile = profile.exposed_if(&assembly.config, overrides.insecure);
    profile.check_address(&mut assembly, overrides.insecure);

    let Assembly { config, warnings, problems, .. } = assembly;
    if problems.is_empty() {
        Ok(Loaded { config, warnings, profile, insecure_is_meant: overrides.insecure })
    } else {
        Err(ConfigError::Invalid { problems, warnings })
    }
}

/// One line of the reference of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// The key's path. Options of namespaces stand below `channel.without_namespace` and `rpc.without_namespace`, those
    /// of tokens below `(token)`, those of hooks below `(proxy)`.
    pub path: String,
    /// What kind of value it takes.
    pub kind: &'static str,
    /// The default, as a file would have it.
    pub default: String,
    /// Which values it takes, beyond what the kind says; empty where that says it all.
    pub allowed: String,
    /// What it does.
    pub effect: &'static str,
    /// Whether a running server takes it anew when it is reloaded; else it counts from the next start on.
    pub reloaded: bool,
}

/// Every key that is carried out, for `--help` and the documentation.
pub fn reference() -> Vec<KeyReference> {
    let mut lines = Vec::new();
    keys::describe(|path, effect, slot| {
        let (kind, default, allowed) = (slot.kind(), slot.display(), slot.allowed());
        let reloaded = reload::is_carried_out(&path);
        lines.push(KeyReference { path, kind, default, allowed, effect, reloaded });
    });
    lines
}
