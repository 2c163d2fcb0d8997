//! The two ways to run: with a configuration, and without any on a developer's own machine.

use std::net::IpAddr;
use std::time::Duration;

use super::assemble::Assembly;
use super::keys;
use super::settings::{ChannelSettings, Config, LOOPBACK};
use super::source::Setting;

/// Whether somebody has configured this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Nobody has: everything is allowed, and only this machine can reach it.
    Development,
    /// Nobody has, and `--insecure` opens it to other machines: everything is allowed to everybody who can reach it.
    Exposed,
    /// A file, a variable or a flag says who may do what.
    Configured,
}

impl Profile {
    /// The lines to print at start, so that nobody takes one profile for the other.
    pub fn describe(self, config: &Config) -> Vec<String> {
        match self {
            Profile::Development | Profile::Exposed => {
                let history = &config.channel.without_namespace;
                vec![
                    "development profile: no configuration was given".into(),
                    if self == Profile::Exposed {
                        "  --insecure: other machines can reach it, and nothing keeps them out".into()
                    } else {
                        "  listens on this machine only; requests for any other host name are refused".into()
                    },
                    "  clients connect anonymously, and subscribe and publish to any channel".into(),
                    "  the HTTP API asks for no key".into(),
                    format!(
                        "  every channel keeps its last {} publications for {} minutes, with recovery",
                        history.history_size,
                        history.history_ttl.as_secs() / 60
                    ),
                    "  who is in a channel can be asked for; joins, deltas and filters are there for the asking".into(),
                    "  any configuration file switches this profile off".into(),
                ]
            }
            Profile::Configured => {
                let mut lines = Vec::new();
                if config.client.insecure {
                    lines.push("client.insecure: clients may do everything without credentials".into());
                }
                if config.http_api.insecure && !config.http_api.disabled {
                    lines.push("http_api.insecure: whoever reaches the HTTP API may use it".into());
                }
                lines
            }
        }
    }

    /// Which profile these settings of variables and flags leave, when there is no file.
    pub(super) fn without_file(settings: &[Setting]) -> Self {
        let configures = |setting: &Setting| !keys::keeps_development(&setting.path);
        if settings.iter().any(configures) { Profile::Configured } else { Profile::Development }
    }

    /// What there is before the first setting.
    pub(super) fn defaults(self) -> Config {
        let mut config = Config::default();
        if self != Profile::Configured {
            config.http_server.address = Some(LOOPBACK);
            config.client.allow_anonymous_connect_without_token = true;
            config.http_api.insecure = true;
            config.poll.enabled = true;
            config.pages.enabled = true;
            config.sse.enabled = true;
            config.http_stream.enabled = true;
            config.uni_websocket.enabled = true;
            config.uni_sse.enabled = true;
            config.uni_http_stream.enabled = true;
            config.demo.enabled = true;
            // Any name works at once, with the same options: no namespace has to be declared.
            config.channel.allow_undeclared_namespaces = true;
            config.channel.without_namespace = ChannelSettings {
                history_size: 300,
                history_ttl: Duration::from_secs(300),
                force_positioning: true,
                force_recovery: true,
                allow_subscribe_for_client: true,
                allow_subscribe_for_anonymous: true,
                allow_publish_for_client: true,
                allow_publish_for_anonymous: true,
                allow_history_for_client: true,
                allow_history_for_anonymous: true,
                presence: true,
                join_leave: true,
                allow_presence_for_client: true,
                allow_presence_for_anonymous: true,
                allowed_delta_types: vec!["fossil".into()],
                allow_tags_filter: true,
                ..ChannelSettings::default()
            };
        }
        config
    }

    /// The development profile on an address that others can reach, when `--insecure` says that this is meant.
    pub(super) fn exposed_if(self, config: &Config, insecure_is_meant: bool) -> Self {
        let exposed = self == Profile::Development && insecure_is_meant && config.http_server.is_public();
        if exposed { Profile::Exposed } else { self }
    }

    /// Refuses an address that others can reach while nothing keeps them out.
    pub(super) fn check_address(self, assembly: &mut Assembly, insecure_is_meant: bool) {
        let config = &assembly.config;
        let server = &config.http_server;
        let of_api =
            if config.http_api.external { server.is_public() } else { server.is_public_internally() };
        if !server.is_public() && !of_api {
            return;
        }
        let shown = |address: Option<IpAddr>| address.map_or_else(|| "\"\"".into(), |it| format!("\"{it}\""));
        let address = shown(server.address);
        let address_of_api = match config.http_api.external {
            true => address.clone(),
            false => shown(server.internal.address.or(server.address)),
        };
        let mut open = Vec::new();
        if config.client.insecure && server.is_public() {
            open.push(("client.insecure", "clients need no credentials", &address));
        }
        if config.http_api.insecure && !config.http_api.disabled && of_api {
            open.push(("http_api.insecure", "the HTTP API needs no key", &address_of_api));
        }
        match self {
            Profile::Development => assembly.complain(
                "http_server.address",
                address,
                "other machines can reach this address, and without a configuration everything is allowed; \
                 use 127.0.0.1, give a configuration file that says who may do what, or say --insecure if \
                 you mean it"
                    .into(),
            ),
            Profile::Exposed => {}
            Profile::Configured if insecure_is_meant => {}
            Profile::Configured => {
                for (key, consequence, address) in open {
                    let allowed = format!(
                        "{consequence}, and other machines can reach the address {address}; set it to false, \
                         listen on 127.0.0.1, or say --insecure if you mean it"
                    );
                    assembly.complain(key, "true".into(), allowed);
                }
            }
        }
    }
}
