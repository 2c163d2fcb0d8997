//! TLS of the listeners: a certificate with its key, in PEM that can be read.

use crate::config::assemble::Assembly;
use crate::config::settings::{Config, ListenerTls};

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    for tls in [&config.http_server.tls, &config.http_server.internal.tls] {
        if tls.enabled {
            check_section(assembly, tls);
        }
    }
}

fn check_section(assembly: &mut Assembly, tls: &ListenerTls) {
    let section = tls.section();
    let mut complete = true;
    for (name, missing) in [("cert_pem", tls.cert_pem.is_empty()), ("key_pem", tls.key_pem.is_empty())] {
        if missing {
            let allowed = format!("is needed by {section}.enabled: PEM, PEM in base64, or a file's path");
            assembly.complain_unseen(&format!("{section}.{name}"), allowed);
            complete = false;
        }
    }
    if complete && let Err(error) = tls.load() {
        assembly.complain_unseen(&error.key, error.problem);
    }
}
