//! What is listened on, and who is believed there.

use crate::config::assemble::Assembly;
use crate::config::settings::Config;

/// Bytes of a Unix socket's path that every system takes (`sun_path`).
const UNIX_PATH_BYTES_MAX: usize = 103;

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    let server = &config.http_server;
    if server.proxy_protocol && server.trusted_proxies.is_empty() {
        let allowed = "needs http_server.trusted_proxies: from nobody else is the header believed".into();
        assembly.complain("http_server.proxy_protocol.enabled", "true".into(), allowed);
    }
    if server.unix_socket.len() > UNIX_PATH_BYTES_MAX {
        let allowed = format!("must be at most {UNIX_PATH_BYTES_MAX} bytes");
        assembly.complain("http_server.unix_socket", format!("{:?}", server.unix_socket), allowed);
    }
    if cfg!(not(unix)) && !server.unix_socket.is_empty() {
        let allowed = "is not possible on this system".into();
        assembly.complain("http_server.unix_socket", format!("{:?}", server.unix_socket), allowed);
    }
    if server.internal.tls.enabled && server.listen_internally().is_none() {
        let allowed =
            "needs http_server.internal_port or internal_address: without one there is no internal port"
                .into();
        assembly.complain("http_server.internal_tls.enabled", "true".into(), allowed);
    }
}
