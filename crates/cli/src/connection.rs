//! How the commands that are clients reach a server.

use clap::Args;
use wavecast_client::{Client, ConnectError, Options, State, Token};

/// Options of every command that connects to a push server.
#[derive(Args, Debug)]
pub(crate) struct Connection {
    /// WebSocket address of the server
    #[arg(long, env = "WAVECAST_URL", default_value = "ws://127.0.0.1:8000/connection/websocket")]
    url: String,
    /// Connection token, where the server asks for one
    #[arg(long, env = "WAVECAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Connection {
    /// Starts a client; it connects in the background.
    pub(crate) fn client(&self, options: Options) -> Result<Client, ConnectError> {
        let options = Options {
            token: self.token.clone().map(Token::fixed),
            name: "wavecast-cli".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..options
        };
        Client::connect(&self.url, options)
    }
}

/// What stands between a client and its server right now, in words.
pub(crate) fn trouble(client: &Client) -> Option<String> {
    match &*client.states().borrow() {
        State::Connecting { cause: Some(cause), .. } | State::Closed(cause) => Some(cause.to_string()),
        State::Connecting { cause: None, .. } | State::Connected { .. } => None,
    }
}
