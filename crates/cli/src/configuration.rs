//! How the commands beside `serve` come to the server's configuration: from the same places.

use std::path::PathBuf;

use clap::Args;
use wavecast_server::config::{self, ConfigError, Loaded, Overrides};

use crate::serve::key_value;

/// Options of every command that reads the server's configuration.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Configuration {
    /// Configuration file of the server; variables (WAVECAST_…, CENTRIFUGO_…) count as for serve
    #[arg(short, long, value_name = "FILE", env = "WAVECAST_CONFIG")]
    config: Option<PathBuf>,

    /// Sets any key of the configuration, such as --set client.token.audience=push
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    settings: Vec<(String, String)>,
}

impl Configuration {
    /// Reads it; nothing will listen, so an address that others can reach is no concern here.
    pub(crate) fn load(&self) -> Result<Loaded, ConfigError> {
        config::load(self.config.as_deref(), &Overrides { values: self.settings.clone(), insecure: true })
    }
}
