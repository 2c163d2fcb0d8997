//! The HTTP client that the doctor asks with.

use std::time::Duration;

use wavecast_server::http_client::{HttpClient, HttpClientOptions, TlsOptions};

use super::finding::Finding;

/// A client that gives up after this time; without TLS options it trusts whom the machine trusts.
pub(super) fn http_client(subject: &str, timeout: Duration, tls: TlsOptions) -> Result<HttpClient, Finding> {
    let options =
        HttpClientOptions { connect_timeout: timeout, timeout, tls, ..HttpClientOptions::default() };
    HttpClient::new(&options).map_err(|error| Finding::problem(subject, &format!("http.tls: {error}"), ""))
}
