//! The server under test: one that runs already, or one started for this run as a process of its own.

use std::thread;
use std::time::{Duration, Instant};

use super::account::Account;
use super::descriptors;
use super::endpoint::Endpoint;
use super::error::BenchError;
use super::process::{self, ServerProcess};

const START_WAIT: Duration = Duration::from_secs(10);
/// What our own server gives itself to end, and some more.
const END_WAIT: Duration = Duration::from_secs(40);
/// Between two attempts to take a port that is not free yet.
const PORT_INTERVAL: Duration = Duration::from_millis(20);
const PUSH_PATH: &str = "/connection/websocket";
/// With settings of its own the server is not in the development profile, whose channels keep a history: what is compared
/// keeps none, and a publication with an offset is longer on the wire. So it must be said that anyone may come in.
const SERVE: [&str; 9] = [
    "serve",
    "--address",
    "127.0.0.1",
    "--port",
    "0",
    "--set",
    "client.insecure=true",
    "--set",
    "http_api.insecure=true",
];
/// As the development profile has it: anyone may come in, and the demos decide who gets a token.
const DEMOS: [&str; 11] = [
    "serve",
    "--address",
    "127.0.0.1",
    "--port",
    "0",
    "--set",
    "demo.enabled=true",
    "--set",
    "client.allow_anonymous_connect_without_token=true",
    "--set",
    "http_api.insecure=true",
];
const ECHO: [&str; 4] = ["echo", "--address", "127.0.0.1:0", "--shards"];
const RAW_ECHO: [&str; 2] = ["bench", "raw-echo"];

/// Which server is measured.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ServerOptions {
    /// Measure the server at this URL (ws://…) instead of one started for the run
    #[arg(long)]
    url: Option<String>,

    /// Process id of the server at --url, if it runs on this machine: for its processor time and memory
    #[arg(long, requires = "url")]
    pid: Option<u32>,

    /// Start this server instead of our own: a command with arguments, split at spaces, whose output names a ws:// URL
    #[arg(long, value_name = "COMMAND", conflicts_with = "url")]
    start: Option<String>,

    /// Set a key of our own server's configuration; channels keep no history unless it is set here, or the benchmark is
    /// about one
    #[arg(long, value_name = "KEY=VALUE", conflicts_with_all = ["url", "start"])]
    set: Vec<String>,
}

impl ServerOptions {
    /// Refuses more connections than a server started here may have; one that runs already knows its own limits.
    pub(super) fn check_descriptors(&self, connections: u32) -> Result<(), BenchError> {
        if self.url.is_some() { Ok(()) } else { descriptors::check(connections, "server") }
    }

    /// What to tell a person who misses the server's figures.
    pub(super) fn note(&self) -> Option<&'static str> {
        match (&self.url, self.pid) {
            (Some(_), None) => Some("CPU and memory of the server: give its process id with --pid"),
            (Some(_), Some(_)) => {
                Some("memory: a server that has had connections before fills what it kept of them")
            }
            (None, _) => None,
        }
    }
}

/// A server that can be connected to.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) endpoint: Endpoint,
    account: Option<Account>,
    process: Option<ServerProcess>,
    /// What it was started with; empty for one that ran already.
    command: Vec<String>,
    default_path: &'static str,
}

impl Server {
    /// A push server: at `--url`, or `wavecast serve`.
    pub(super) fn push(options: &ServerOptions) -> Result<Self, BenchError> {
        Self::push_with(options, &[])
    }

    /// The same with these keys of our own server's configuration; `--set` comes after them.
    pub(super) fn push_with(options: &ServerOptions, settings: &[String]) -> Result<Self, BenchError> {
        Self::open(options, &SERVE, settings, PUSH_PATH)
    }

    /// A push server with the demo applications beside it: at `--url`, or `wavecast serve`.
    pub(super) fn demos(options: &ServerOptions) -> Result<Self, BenchError> {
        Self::open(options, &DEMOS, &[], PUSH_PATH)
    }

    /// An echo server: at `--url`, or `wavecast echo` with so many shards.
    pub(super) fn echo(options: &ServerOptions, shards: u32) -> Result<Self, BenchError> {
        let shards = shards.to_string();
        Self::open(options, &[&ECHO[..], &[&shards]].concat(), &[], "/")
    }

    /// The kernel's share of an echo.
    pub(super) fn raw_echo() -> Result<Self, BenchError> {
        Self::start(own_command(RAW_ECHO)?, "/")
    }

    /// Any program whose output names a `ws://` URL.
    pub(super) fn program(command: &str) -> Result<Self, BenchError> {
        Self::start(split(command), "/")
    }

    fn open(
        options: &ServerOptions,
        own: &[&str],
        settings: &[String],
        default_path: &'static str,
    ) -> Result<Self, BenchError> {
        if let Some(url) = &options.url {
            let endpoint = Endpoint::parse(url, "ws", default_path)?;
            let account = options.pid.map(open_account).transpose()?;
            return Ok(Self { endpoint, account, process: None, command: Vec::new(), default_path });
        }
        let settings = settings.iter().chain(&options.set).flat_map(|setting| ["--set", setting.as_str()]);
        let command = match &options.start {
            Some(command) => split(command),
            None => own_command(own.iter().copied().chain(settings))?,
        };
        Self::start(command, default_path)
    }

    fn start(command: Vec<String>, default_path: &'static str) -> Result<Self, BenchError> {
        let (process, url) = ServerProcess::start(&command, START_WAIT)?;
        let endpoint = Endpoint::parse(&url, "ws", default_path)?;
        let account = Some(open_account(process.pid())?);
        Ok(Self { endpoint, account, process: Some(process), command, default_path })
    }

    /// Ends a server that was started here in good order and starts it again, at whatever address it then has.
    pub(super) fn restart(&mut self) -> Result<(), BenchError> {
        if let Some(mut process) = self.process.take() {
            process.terminate(END_WAIT)?;
            *self = Self::start(std::mem::take(&mut self.command), self.default_path)?;
        }
        Ok(())
    }

    /// Asks a server that was started here to end, and does not wait.
    pub(super) fn ask_to_end(&self) -> Result<(), BenchError> {
        self.process.as_ref().map_or(Ok(()), ServerProcess::ask_to_end)
    }

    /// Whether a server that was asked to end has done so. Fails when it ended in disorder.
    pub(super) fn has_ended(&mut self) -> Result<bool, BenchError> {
        self.process.as_mut().map_or(Ok(true), ServerProcess::has_ended)
    }

    /// The same program at the same port.
    pub(super) fn successor(&self) -> Successor {
        let mut command = self.command.clone();
        let port = command.windows(2).position(|pair| pair == ["--port", "0"]);
        if let Some(port) = port {
            command[port + 1] = self.endpoint.address.port().to_string();
        }
        Successor { command, default_path: self.default_path }
    }

    /// Whether it was started here.
    pub(super) fn is_ours(&self) -> bool {
        self.process.is_some()
    }

    /// `Some` when a server that was started here has ended.
    pub(super) fn died(&mut self) -> Option<BenchError> {
        self.process.as_mut()?.died()
    }

    /// What it was started with, the program left out; empty for one that ran already.
    pub(super) fn arguments(&self) -> &[String] {
        self.command.get(1..).unwrap_or_default()
    }

    /// `None` for a server whose process is not known.
    pub(super) fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }
}

/// A server that is to take another one's port.
#[derive(Debug)]
pub(super) struct Successor {
    command: Vec<String>,
    default_path: &'static str,
}

impl Successor {
    /// Starts it as soon as the port is free, within this time.
    pub(super) fn start(self, wait: Duration) -> Result<Server, BenchError> {
        let begun = Instant::now();
        loop {
            match Server::start(self.command.clone(), self.default_path) {
                Err(_) if begun.elapsed() < wait => thread::sleep(PORT_INTERVAL),
                started => return started,
            }
        }
    }
}

fn own_command<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Vec<String>, BenchError> {
    let program = process::own_path()?.to_string_lossy().into_owned();
    Ok([program].into_iter().chain(arguments.into_iter().map(str::to_owned)).collect())
}

fn split(command: &str) -> Vec<String> {
    command.split_whitespace().map(str::to_owned).collect()
}

fn open_account(pid: u32) -> Result<Account, BenchError> {
    Account::open(pid).map_err(BenchError::io(format!("reading the account of process {pid}")))
}
