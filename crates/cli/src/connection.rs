//! How the commands that are clients reach a server.

use std::path::{Path, PathBuf};

use clap::Args;
use wavecast_client::{Client, Options, State, Tls, Token};

/// Options of every command that connects to a push server.
#[derive(Args, Debug)]
pub(crate) struct Connection {
    /// WebSocket address of the server
    #[arg(long, env = "WAVECAST_URL", default_value = "ws://127.0.0.1:8000/connection/websocket")]
    url: String,
    /// Connection token, where the server asks for one
    #[arg(long, env = "WAVECAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// For wss:// addresses: certificates (PEM) of the authorities to trust, in place of the machine's own
    #[arg(long, env = "WAVECAST_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Connection {
    /// Starts a client; it connects in the background, through the proxy that the environment names, if it does.
    pub(crate) fn client(&self, options: Options) -> Result<Client, String> {
        let options = Options {
            token: self.token.clone().map(Token::fixed),
            name: "wavecast-cli".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tls: self.ca_file.as_deref().map_or_else(|| Ok(Tls::new()), trusting)?,
            proxy_from_environment: true,
            ..options
        };
        Client::connect(&self.url, options).map_err(|error| error.to_string())
    }
}

fn trusting(file: &Path) -> Result<Tls, String> {
    let pem = std::fs::read(file).map_err(|error| format!("--ca-file {}: {error}", file.display()))?;
    Tls::trusting_pem(&pem).map_err(|error| format!("--ca-file {}: {error}", file.display()))
}

/// What stands between a client and its server right now, in words.
pub(crate) fn trouble(client: &Client) -> Option<String> {
    match &*client.states().borrow() {
        State::Connecting { cause: Some(cause), .. } | State::Closed(cause) => Some(cause.to_string()),
        State::Connecting { cause: None, .. } | State::Connected { .. } => None,
    }
}
