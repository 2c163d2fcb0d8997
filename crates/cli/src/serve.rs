//! `wavecast serve`: the push server, until it is told to end.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use wavecast_server::config::{self, Config, ConfigError, Loaded, Overrides};
use wavecast_server::{PushServer, pages};

use crate::demo::Demos;
use crate::service::Service;
use crate::{log, reload};

/// Runs the push server
///
/// Without a configuration it runs in the development profile: this machine only, everything allowed. Settings come
/// from --config, from the environment (WAVECAST_CLIENT_INSECURE=true, say; CENTRIFUGO_… is understood, too) and from
/// these flags; flags win over the environment, and that over the file.
///
/// SIGTERM and Ctrl-C end it in order: clients are told to reconnect elsewhere, one after the other over shutdown.drain. A
/// second signal ends it at once. SIGHUP has the configuration file read again: what can be changed without dropping a
/// connection is, and the log names what waits for the next start.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Serve {
    /// Configuration file: TOML, YAML or JSON, by its extension
    #[arg(short, long, value_name = "FILE", env = "WAVECAST_CONFIG")]
    config: Option<PathBuf>,

    /// Address to listen on [default: 127.0.0.1 without a configuration, every interface with one]
    #[arg(short, long, value_name = "IP")]
    address: Option<IpAddr>,

    /// Port to listen on; 0 takes a free one [default: 8000]
    #[arg(short, long)]
    port: Option<u16>,

    /// Sets any key of the configuration, such as --set client.ping_interval=10s
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    settings: Vec<(String, String)>,

    /// Listens on an address that others can reach, although nothing keeps them out
    #[arg(long)]
    insecure: bool,
}

/// How one comes to the pages.
const FULL_BUILD: &str =
    "for all pages build it with Node.js 20.19, 22.12 or newer, and without WAVECAST_WEB=off";

/// Exit codes: 0 ended in order, 1 cannot start or failed, 2 wrong use of the command line.
pub(crate) fn run(serve: &Serve) -> ExitCode {
    let mut loaded = match serve.load() {
        Ok(loaded) => loaded,
        Err(error) => return fail(error),
    };
    let level = match log::start(&loaded.config.log) {
        Ok(level) => level,
        Err(error) => return fail(error),
    };
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let introduction = introduction(&loaded);
    let has_pages = loaded.config.pages.enabled;
    let endpoint =
        (!loaded.config.websocket.disabled).then(|| loaded.config.websocket.handler_prefix.clone());
    let mut demos = match loaded.config.demo.enabled.then(|| Demos::configure(&mut loaded.config)).transpose()
    {
        Ok(demos) => demos,
        Err(error) => return fail(error),
    };
    // Before anybody could think that it runs, and ends the process by a signal that nobody hears.
    let service = match Service::new() {
        Ok(service) => service,
        Err(error) => return fail(format!("signals cannot be received: {error}")),
    };
    let started = match &mut demos {
        Some(demos) => PushServer::start_with(loaded, |node| demos.start(&node)),
        None => PushServer::start(loaded),
    };
    let server = match started {
        Ok(server) => server,
        Err(error) => return fail(error),
    };
    for line in introduction {
        eprintln!("{line}");
    }
    let url = url(server.address(), server.is_secure());
    println!("listening on {url}");
    if let Some(address) = server.internal_address() {
        println!("internal port at {}", self::url(address, server.is_internally_secure()));
    }
    if let Some(path) = endpoint {
        println!("clients connect to {}{path}", url.replacen("http", "ws", 1));
    }
    if (has_pages || demos.is_some()) && !pages::full_build() {
        println!("there is only a plain start page in this build: {FULL_BUILD}");
    }
    if has_pages {
        println!("open it in a browser, or publish from a terminal:");
        println!(
            "  curl {url}/api/publish -d '{{\"channel\": \"demo\", \"data\": {{\"text\": \"hello\"}}}}'"
        );
    }
    if let Some(demos) = &demos {
        // Where the pages were not built in, Vite may show them in front of the back ends.
        let place =
            if pages::full_build() { format!("{url}/demo/") } else { "back ends without pages".into() };
        println!("demo applications: {place}");
        let names = demos.namespaces().join(", ");
        println!("  they have these namespaces for themselves, unless demo.enabled is false: {names}");
    }
    let reload = serve.config.is_some().then(|| {
        let (serve, server, has_demos) = (serve.clone(), server.reload_handle(), demos.is_some());
        move || reload::reload(serve.load(), &server, &level, has_demos)
    });
    if let Err(error) = service.start(Arc::clone(server.node()), server.drain_handle(), reload) {
        return fail(error);
    }
    match server.join() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(format!("a shard failed: {error}")),
    }
}

impl Serve {
    /// Reads the configuration: file, environment and flags.
    fn load(&self) -> Result<Loaded, ConfigError> {
        config::load(self.config.as_deref(), &self.overrides())
    }

    fn overrides(&self) -> Overrides {
        let mut values = self.settings.clone();
        values.extend(self.address.map(|address| ("http_server.address".to_owned(), address.to_string())));
        values.extend(self.port.map(|port| ("http_server.port".to_owned(), port.to_string())));
        Overrides { values, insecure: self.insecure }
    }
}

pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE, such as client.ping_interval=10s")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn introduction(loaded: &Loaded) -> Vec<String> {
    let Loaded { config, profile, .. } = loaded;
    let mut lines = vec![format!("wavecast {}", wavecast_server::VERSION)];
    lines.extend(profile.describe(config));
    lines.extend(health(config));
    lines.extend(metrics(config));
    lines
}

fn metrics(config: &Config) -> Option<String> {
    config.prometheus.enabled.then(|| format!("metrics at {}", config.prometheus.handler_prefix))
}

fn health(config: &Config) -> Option<String> {
    config.health.enabled.then(|| format!("health at {}", config.health.handler_prefix))
}

/// The address as a browser on this machine would have it.
fn url(address: SocketAddr, is_secure: bool) -> String {
    let scheme = if is_secure { "https" } else { "http" };
    if address.ip().is_unspecified() {
        format!("{scheme}://localhost:{}", address.port())
    } else {
        format!("{scheme}://{address}")
    }
}

fn fail(error: impl Display) -> ExitCode {
    eprintln!("wavecast: {error}");
    ExitCode::FAILURE
}
