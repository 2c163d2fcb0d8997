//! Certificates that the server fetches itself, from an ACME server (RFC 8555), and renews while it runs.
//!
//! All of it happens in the back office: no shard waits for it, and no client beyond the first certificate. What fails is tried
//! again later and later, and changes nothing of what is in use.
//!
//! - `authority`: an account at the ACME server, and one order
//! - `cache`: what is kept in a folder, for the next start and for other nodes
//! - `validity`: how long a certificate is good, and when to look again

mod authority;
mod cache;
mod validity;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use wavecast_net::tls::{Challenges, Identity, Part, Pem, ServerTls, ServerTlsOptions, TlsError};

use self::authority::{Authority, Failure};
use self::cache::Cache;
use self::validity::{Patience, Validity};
use crate::clock::Clock;
use crate::config::{HttpServer, TlsAutocert};

/// The longest sleep: a clock that was set, or a machine that slept, is noticed by then.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// A certificate with its key, in one text of PEM, key first.
#[derive(Clone)]
struct Issued {
    pem: Arc<str>,
    validity: Validity,
}

/// The names of a server and their certificates.
pub(crate) struct Acme {
    authority: Authority,
    cache: Arc<Cache>,
    tls: ServerTls,
    hosts: Vec<Host>,
}

struct Host {
    name: String,
    issued: Option<Issued>,
    patience: Patience,
    /// When to try next, in Unix seconds.
    due: u64,
}

/// TLS of the listener, with the certificates that are kept from before, and what fetches others. Reads files.
///
/// # Errors
/// Says what cannot be used.
pub(crate) fn prepare(settings: &HttpServer) -> Result<(ServerTls, Acme), TlsError> {
    let TlsAutocert { host_whitelist, cache_dir, .. } = &settings.tls_autocert;
    let cache = Arc::new(Cache::new(cache_dir));
    let now = seconds();
    let host = |name: &String| {
        let issued = kept(&cache, name);
        let due = issued.as_ref().map_or(now, |issued| issued.validity.renewal());
        Host { name: name.to_ascii_lowercase(), issued, patience: Patience::default(), due }
    };
    let hosts: Vec<Host> = host_whitelist.iter().map(host).collect();
    let challenges = Challenges::default();
    let mut options = ServerTlsOptions::new(Pem::text(""), Pem::text(""));
    options.identities = identities(&hosts);
    options.challenges = Some(challenges.clone());
    if settings.tls.http2 {
        options.alpn.insert(0, b"h2".to_vec());
    }
    let tls = ServerTls::new(options)?;
    let authority = Authority::new(settings.tls_autocert.clone(), challenges);
    Ok((tls.clone(), Acme { authority, cache, tls, hosts }))
}

impl Acme {
    /// Fetches and renews, for ever.
    ///
    /// Cancel-safe: a certificate that was on its way is lost, and ordered anew by whoever runs next.
    pub(crate) async fn run(mut self) {
        loop {
            for at in 0..self.hosts.len() {
                if self.hosts[at].due <= seconds() {
                    self.renew(at).await;
                }
            }
            let due = self.hosts.iter().map(|host| host.due).min().unwrap_or(u64::MAX);
            sleep(Duration::from_secs(due.saturating_sub(seconds())).min(SLEEP_MAX)).await;
        }
    }

    async fn renew(&mut self, at: usize) {
        let name = self.hosts[at].name.clone();
        let renewed = match self.kept_by_another(at).await {
            Some(issued) => self.take(at, issued).await,
            None => self.fetch(at).await,
        };
        let host = &mut self.hosts[at];
        match renewed {
            Ok(()) => {
                host.patience = Patience::default();
                tracing::info!(host = name, renewal_in = ?until(host.due), "TLS: a certificate is in use");
            }
            Err(failure) => {
                let wait = host.patience.next();
                host.due = seconds() + wait.as_secs();
                let left = host.issued.as_ref().map(|issued| until(issued.validity.end));
                tracing::warn!(host = name, %failure, again_in = ?wait, ?left, "TLS: no certificate could be fetched");
            }
        }
    }

    /// What another node, or somebody's hand, has put into the folder since.
    async fn kept_by_another(&self, at: usize) -> Option<Issued> {
        let (cache, name) = (Arc::clone(&self.cache), self.hosts[at].name.clone());
        let kept = spawn_blocking(move || kept(&cache, &name)).await.ok()??;
        Some(kept).filter(|issued| issued.validity.renewal() > seconds())
    }

    /// Orders a certificate, uses it, then keeps it: one that cannot be written is good until the next start all the same.
    async fn fetch(&mut self, at: usize) -> Result<(), Failure> {
        let name = self.hosts[at].name.clone();
        let pem = self.authority.certify(&name, &self.cache).await?;
        let issued = Issued::read(pem, &name).map_err(|error| Failure::new(format!("what came: {error}")))?;
        self.take(at, issued.clone()).await?;
        let cache = Arc::clone(&self.cache);
        let kept = spawn_blocking(move || cache.keep_certificate(&name, &issued.pem)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "TLS: a certificate cannot be kept in http_server.tls_autocert.cache_dir");
        }
        Ok(())
    }

    /// Uses a certificate.
    async fn take(&mut self, at: usize, issued: Issued) -> Result<(), Failure> {
        self.hosts[at].due = issued.validity.renewal_of_fresh(seconds());
        let before = self.hosts[at].issued.replace(issued);
        let (tls, all) = (self.tls.clone(), identities(&self.hosts));
        let used = spawn_blocking(move || tls.identify(all)).await;
        let used = used.map_err(|error| error.to_string());
        used.and_then(|used| used.map_err(|error| error.to_string())).map_err(|error| {
            self.hosts[at].issued = before;
            Failure::new(error)
        })
    }
}

impl Issued {
    /// Reads a certificate with its key, which have to be those of a name.
    fn read(pem: String, name: &str) -> Result<Self, TlsError> {
        let pem: Arc<str> = pem.into();
        identity(&pem).check(name)?;
        let chain = Pem::text(&pem).certificates().ok();
        let validity = chain.and_then(|chain| Validity::of(chain.first()?));
        let validity = validity.ok_or_else(|| TlsError {
            part: Part::Certificate,
            file: None,
            problem: "does not say how long it is good".into(),
        })?;
        Ok(Self { pem, validity })
    }
}

/// The certificate of a name that is kept. One that is of no use is as good as none: another is fetched in its place.
fn kept(cache: &Cache, name: &str) -> Option<Issued> {
    let issued = Issued::read(cache.certificate(name)?, name);
    issued.inspect_err(|error| tracing::warn!(host = name, %error, "TLS: what is kept in http_server.tls_autocert.cache_dir is of no use")).ok()
}

fn identity(pem: &str) -> Identity {
    Identity { chain: Pem::text(pem), key: Pem::text(pem) }
}

/// In the order of the configuration: who asks for no name is shown the first.
fn identities(hosts: &[Host]) -> Vec<Identity> {
    let issued = hosts.iter().filter_map(|host| host.issued.as_ref());
    issued.map(|issued| identity(&issued.pem)).collect()
}

fn seconds() -> u64 {
    Clock::System.now_ms() / 1000
}

fn until(then: u64) -> Duration {
    Duration::from_secs(then.saturating_sub(seconds()))
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    /// Certificate and key, each by itself.
    fn certified(name: &str) -> (String, String) {
        let certified = generate_simple_self_signed([name.to_owned()]).unwrap();
        (certified.cert.pem(), certified.signing_key.serialize_pem())
    }

    #[test]
    fn what_is_kept_and_of_no_use_keeps_no_server_from_starting() {
        let folder = std::env::temp_dir().join(format!("wavecast-acme-kept-{}", std::process::id()));
        let cache = Cache::new(folder.to_str().unwrap());
        let (chain, key) = certified("a.test");
        let (_, another) = certified("a.test");
        cache.keep_certificate("a.test", &format!("{key}{chain}")).unwrap();
        cache.keep_certificate("b.test", &format!("{key}{chain}")).unwrap();
        cache.keep_certificate("c.test", &format!("{another}{}", certified("c.test").0)).unwrap();
        cache.keep_certificate("d.test", &chain).unwrap();
        cache.keep_certificate("e.test", "half a file").unwrap();
        let names = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];
        let mut settings = HttpServer::default();
        settings.tls_autocert.host_whitelist = names.map(str::to_owned).into();
        settings.tls_autocert.cache_dir = folder.to_str().unwrap().into();
        let (_, acme) = prepare(&settings).unwrap();
        let used = acme.hosts.iter().filter(|host| host.issued.is_some()).map(|host| &*host.name);
        assert_eq!(used.collect::<Vec<_>>(), ["a.test"]);
        let now = seconds();
        assert!(acme.hosts[1..].iter().all(|host| host.due <= now), "the others are fetched at once");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn an_error_says_what_is_wrong_and_shows_no_key() {
        let (chain, key) = certified("a.test");
        let problem = |pem: String, name| Issued::read(pem, name).err().unwrap().to_string();
        assert_eq!(problem(format!("{key}{chain}"), "b.test"), "the certificate is not for b.test");
        let other = certified("a.test").1;
        assert_eq!(
            problem(format!("{other}{chain}"), "a.test"),
            "the private key is not the key of the certificate"
        );
    }
}
