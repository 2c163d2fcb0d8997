//! `http_server.tls.*`: TLS at the listener.

use std::fmt;

use wavecast_net::tls::pem::PemError;
use wavecast_net::tls::{ClientAuth, Part, Pem, ServerTls, ServerTlsOptions};

use crate::secret::Secret;

/// `http_server.tls.*` and `http_server.internal_tls.*`. PEM values are the text, the text in base64, or a file's path; files are read again when they change.
#[derive(Debug, Clone, PartialEq)]
pub struct ListenerTls {
    /// The section, as errors name it.
    section: &'static str,
    /// `enabled`: the listener speaks TLS (`https://`, `wss://`) and nothing else. Default false.
    pub enabled: bool,
    /// `cert_pem`: the certificate, with its chain.
    pub cert_pem: String,
    /// `key_pem`: its private key.
    pub key_pem: Secret,
    /// `client_ca_pem`: authorities that must have signed the certificate of every client; "" (default) = clients show none.
    pub client_ca_pem: String,
    /// `http2`: HTTP/2 is offered (ALPN). Default false: a browser that has its page over HTTP/2 puts its WebSocket inside, too,
    /// where every message is copied once more.
    pub http2: bool,
}

/// A key of a listener's TLS whose value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerTlsError {
    /// The whole key.
    pub key: String,
    /// What is wrong, to follow the key. No value is shown.
    pub problem: String,
}

impl fmt::Display for ListenerTlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.problem)
    }
}

impl std::error::Error for ListenerTlsError {}

impl Default for ListenerTls {
    fn default() -> Self {
        Self::of("http_server.tls")
    }
}

impl ListenerTls {
    /// That of the internal port.
    pub(super) fn internal() -> Self {
        Self::of("http_server.internal_tls")
    }

    fn of(section: &'static str) -> Self {
        let (cert_pem, key_pem, client_ca_pem) = Default::default();
        Self { section, enabled: false, cert_pem, key_pem, client_ca_pem, http2: false }
    }

    /// The section of the configuration.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// What the listener speaks TLS with; `None` when it is not enabled. Reads files.
    ///
    /// # Errors
    /// Names the key whose value cannot be used.
    pub fn load(&self) -> Result<Option<ServerTls>, ListenerTlsError> {
        if !self.enabled {
            return Ok(None);
        }
        let chain = self.pem("cert_pem", &self.cert_pem)?;
        let key = self.pem("key_pem", self.key_pem.expose())?;
        let mut options = ServerTlsOptions::new(chain, key);
        if self.http2 {
            options.alpn.insert(0, b"h2".to_vec());
        }
        if !self.client_ca_pem.is_empty() {
            options.client_auth = ClientAuth::Required(self.pem("client_ca_pem", &self.client_ca_pem)?);
        }
        ServerTls::new(options).map(Some).map_err(|error| {
            let name = match error.part {
                Part::Certificate => "cert_pem",
                Part::Key => "key_pem",
                Part::ClientAuthorities => "client_ca_pem",
                Part::Settings => "enabled",
            };
            self.wrong(name, error.problem)
        })
    }

    fn pem(&self, name: &str, value: &str) -> Result<Pem, ListenerTlsError> {
        Pem::of(value).map_err(|error: PemError| self.wrong(name, error.to_string()))
    }

    fn wrong(&self, name: &str, problem: String) -> ListenerTlsError {
        ListenerTlsError { key: format!("{}.{name}", self.section), problem }
    }
}
