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
use wavecast_net::tls::{Challenges, Identity, Pem, ServerTls, ServerTlsOptions, TlsError};

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
        let issued = cache.certificate(name).and_then(Issued::read);
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
            Some(issued) => Ok(issued),
            None => self.authority.certify(&name, &self.cache).await.and_then(|pem| {
                Issued::read(pem).ok_or_else(|| Failure::new("the certificate that came cannot be read"))
            }),
        };
        let taken = match renewed {
            Ok(issued) => self.take(at, issued).await,
            Err(failure) => Err(failure),
        };
        let host = &mut self.hosts[at];
        match taken {
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
        let kept = spawn_blocking(move || cache.certificate(&name)).await.ok()??;
        Issued::read(kept).filter(|issued| issued.validity.renewal() > seconds())
    }

    /// Uses a certificate, then keeps it: one that cannot be written is good until the next start all the same.
    async fn take(&mut self, at: usize, issued: Issued) -> Result<(), Failure> {
        self.hosts[at].due = issued.validity.renewal_of_fresh(seconds());
        let before = self.hosts[at].issued.replace(issued.clone());
        let (tls, all) = (self.tls.clone(), identities(&self.hosts));
        let used = spawn_blocking(move || tls.identify(all)).await;
        if let Err(error) =
            used.map_err(|error| error.to_string()).and_then(|used| used.map_err(|error| error.to_string()))
        {
            self.hosts[at].issued = before;
            return Err(Failure::new(error));
        }
        let (cache, name) = (Arc::clone(&self.cache), self.hosts[at].name.clone());
        let kept = spawn_blocking(move || cache.keep_certificate(&name, &issued.pem)).await;
        if let Ok(Err(error)) = kept {
            tracing::warn!(%error, "TLS: a certificate cannot be kept in http_server.tls_autocert.cache_dir");
        }
        Ok(())
    }
}

impl Issued {
    fn read(pem: String) -> Option<Self> {
        let chain = Pem::text(&pem).certificates().ok()?;
        Pem::text(&pem).private_key().ok()?;
        let validity = Validity::of(chain.first()?)?;
        Some(Self { pem: pem.into(), validity })
    }
}

/// In the order of the configuration: who asks for no name is shown the first.
fn identities(hosts: &[Host]) -> Vec<Identity> {
    let issued = hosts.iter().filter_map(|host| host.issued.as_ref());
    issued.map(|issued| Identity { chain: Pem::text(&issued.pem), key: Pem::text(&issued.pem) }).collect()
}

fn seconds() -> u64 {
    Clock::System.now_ms() / 1000
}

fn until(then: u64) -> Duration {
    Duration::from_secs(then.saturating_sub(seconds()))
}
