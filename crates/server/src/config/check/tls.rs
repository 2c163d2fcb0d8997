//! TLS of the listeners: a certificate with its key, in PEM that can be read.

use wavecast_net::tls::Pem;

use crate::config::assemble::Assembly;
use crate::config::settings::{Config, ListenerTls};

const AUTOCERT: &str = "http_server.tls_autocert";
/// Names that certificates are fetched for.
const HOSTS_MAX: usize = 32;

pub(super) fn check(assembly: &mut Assembly, config: &Config) {
    for tls in [&config.http_server.tls, &config.http_server.internal.tls] {
        if tls.enabled {
            check_section(assembly, tls);
        }
    }
    if config.http_server.tls_autocert.enabled {
        check_autocert(assembly, config);
    }
}

fn check_autocert(assembly: &mut Assembly, config: &Config) {
    let autocert = &config.http_server.tls_autocert;
    let key = |name: &str| format!("{AUTOCERT}.{name}");
    let hosts = autocert.host_whitelist.len();
    if hosts == 0 || hosts > HOSTS_MAX {
        let allowed =
            format!("must name 1 to {HOSTS_MAX} hosts: certificates are fetched for these and for no others");
        assembly.complain_unseen(&key("host_whitelist"), allowed);
    }
    if config.http_server.tls.enabled {
        let allowed =
            format!("cannot be together with {AUTOCERT}.enabled: a certificate is given or fetched");
        assembly.complain("http_server.tls.enabled", "true".into(), allowed);
    }
    if !config.http_server.tls.client_ca_pem.is_empty() {
        let allowed = format!(
            "cannot be together with {AUTOCERT}.enabled, with which clients are asked for no certificate"
        );
        assembly.complain_unseen("http_server.tls.client_ca_pem", allowed);
    }
    if !autocert.directory_url.starts_with("https://") {
        let allowed = "must be an https:// URL".into();
        assembly.complain(&key("directory_url"), format!("{:?}", autocert.directory_url), allowed);
    }
    if autocert.cache_dir.is_empty() {
        assembly.warn(
            "http_server.tls_autocert.cache_dir is not set, so each start fetches certificates anew, and authorities allow \
             only some a week",
        );
    }
    let trusted = &autocert.server_ca_pem;
    if !trusted.is_empty()
        && let Err(error) = Pem::of(trusted).and_then(|pem| pem.certificates())
    {
        assembly.complain_unseen(&key("server_ca_pem"), error.to_string());
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
