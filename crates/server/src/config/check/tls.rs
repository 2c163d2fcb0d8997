//! TLS of the listener: a certificate with its key, in PEM that can be read.

use crate::config::assemble::Assembly;
use crate::config::settings::Config;

const SECTION: &str = "http_server.tls";

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    let tls = &config.http_server.tls;
    if !tls.enabled {
        return;
    }
    let mut complete = true;
    for (name, missing) in [("cert_pem", tls.cert_pem.is_empty()), ("key_pem", tls.key_pem.is_empty())] {
        if missing {
            let allowed = format!("is needed by {SECTION}.enabled: PEM, PEM in base64, or a file's path");
            assembly.complain_unseen(&format!("{SECTION}.{name}"), allowed);
            complete = false;
        }
    }
    if complete && let Err(error) = tls.load() {
        assembly.complain_unseen(&error.key, error.problem);
    }
}
