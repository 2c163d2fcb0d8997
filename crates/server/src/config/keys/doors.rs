//! Keys of what else is listened on, and of who is believed there.

use super::key::{Key, key};
use crate::config::networks::CLIENT_ADDRESS_HEADERS;
use crate::config::settings::Config;
use crate::config::slot::Slot;

pub(super) const DOORS: &[Key<Config>] = &[
    key("http_server.tls_external", "the internal port speaks no TLS although the other does", |c| {
        Slot::Switch(&mut c.http_server.tls_external)
    }),
    key("http_server.tls_autocert.enabled", "TLS with certificates that are fetched (ACME)", |c| {
        Slot::Switch(&mut c.http_server.tls_autocert.enabled)
    }),
    key("http_server.tls_autocert.host_whitelist", "names, each with a certificate of its own", |c| {
        Slot::Hosts(&mut c.http_server.tls_autocert.host_whitelist)
    }),
    key(
        "http_server.tls_autocert.cache_dir",
        "folder for certificates, keys and account; empty = memory",
        |c| Slot::Text(&mut c.http_server.tls_autocert.cache_dir),
    ),
    key("http_server.tls_autocert.email", "where the authority writes to; empty = nowhere", |c| {
        Slot::Text(&mut c.http_server.tls_autocert.email)
    }),
    key("http_server.tls_autocert.directory_url", "the ACME server", |c| {
        Slot::Text(&mut c.http_server.tls_autocert.directory_url)
    }),
    key(
        "http_server.tls_autocert.server_ca_pem",
        "authority of its certificate; empty = whom the machine trusts",
        |c| Slot::Text(&mut c.http_server.tls_autocert.server_ca_pem),
    ),
    key("http_server.internal_address", "IP address of the internal port; empty = as `address`", |c| {
        Slot::Address(&mut c.http_server.internal.address)
    }),
    key("http_server.internal_port", "TCP port of API, health and metrics alone; empty = as `port`", |c| {
        Slot::SomePort(&mut c.http_server.internal.port)
    }),
    key("http_server.internal_connection_limit", "connections to it at once; beyond: 503", |c| {
        Slot::Number(&mut c.http_server.internal.connection_limit, 1..=1_000_000)
    }),
    key("http_server.internal_tls.enabled", "it has TLS of its own; if not, that of `tls`", |c| {
        Slot::Switch(&mut c.http_server.internal.tls.enabled)
    }),
    key("http_server.internal_tls.cert_pem", "as `tls.cert_pem`", |c| {
        Slot::Text(&mut c.http_server.internal.tls.cert_pem)
    }),
    key("http_server.internal_tls.key_pem", "as `tls.key_pem`", |c| {
        Slot::Secret(&mut c.http_server.internal.tls.key_pem)
    }),
    key("http_server.internal_tls.client_ca_pem", "as `tls.client_ca_pem`", |c| {
        Slot::Text(&mut c.http_server.internal.tls.client_ca_pem)
    }),
    key("http_server.internal_tls.http2", "as `tls.http2`", |c| {
        Slot::Switch(&mut c.http_server.internal.tls.http2)
    }),
    key("http_server.unix_socket", "path of a Unix socket to listen on as well, without TLS", |c| {
        Slot::Text(&mut c.http_server.unix_socket)
    }),
    key("http_server.unix_socket_mode", "permissions of its file: who may write may connect", |c| {
        Slot::Mode(&mut c.http_server.unix_socket_mode)
    }),
    key("http_server.trusted_proxies", "who is believed when it says where a client is", |c| {
        Slot::Networks(&mut c.http_server.trusted_proxies)
    }),
    key("http_server.client_address_header", "the header of theirs that says it", |c| {
        Slot::Word(&mut c.http_server.client_address_header, CLIENT_ADDRESS_HEADERS)
    }),
    key(
        "http_server.proxy_protocol.enabled",
        "their connections begin with a header of the PROXY protocol",
        |c| Slot::Switch(&mut c.http_server.proxy_protocol),
    ),
];
