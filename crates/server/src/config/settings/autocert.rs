//! `http_server.tls_autocert.*`: certificates that the server fetches itself (ACME, RFC 8555).

/// Let's Encrypt.
const DIRECTORY_URL: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// `http_server.tls_autocert.*`.
#[derive(Debug, Clone, PartialEq)]
pub struct TlsAutocert {
    /// `enabled`: the listener speaks TLS with certificates that it fetches, agreeing to the terms of their authority. Default
    /// false.
    pub enabled: bool,
    /// `host_whitelist`: names, 1 to 32, each with a certificate of its own; needed.
    pub host_whitelist: Vec<String>,
    /// `cache_dir`: folder where certificates, keys and the account are kept; "" (default) = in memory.
    pub cache_dir: String,
    /// `email`: where the authority writes to when something is wrong; "" (default) = nowhere.
    pub email: String,
    /// `directory_url` (own): the ACME server, default Let's Encrypt.
    pub directory_url: String,
    /// `server_ca_pem` (own): authorities that the ACME server's own certificate is from; "" (default) = whom the machine trusts.
    pub server_ca_pem: String,
}

impl Default for TlsAutocert {
    fn default() -> Self {
        let (host_whitelist, cache_dir, email, server_ca_pem) = Default::default();
        Self {
            enabled: false,
            host_whitelist,
            cache_dir,
            email,
            directory_url: DIRECTORY_URL.into(),
            server_ca_pem,
        }
    }
}
