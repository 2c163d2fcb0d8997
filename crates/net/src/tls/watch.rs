//! Files of keys and certificates that change while the server runs: read again, believed when they fit together.
//!
//! Whoever renews a certificate writes two files one after the other, or swaps a symbolic link; either way a look may come
//! in between. So what cannot be used is looked at again and again, told to the log once, and changes nothing until it can.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rustls::ServerConfig;
use tracing::{info, warn};

use super::fault::TlsError;
use super::options::{ClientAuth, Identity, ServerTlsOptions};
use super::pem::Pem;
use super::settings::{Resumption, load};

/// A file that was changed as short as this before the look may be changed again without looking different.
const STILL_WARM: Duration = Duration::from_secs(2);

/// Settings of TLS in use, and the files they came from.
pub(super) struct Watched {
    check_interval: Duration,
    current: RwLock<Arc<ServerConfig>>,
    seen: Mutex<Seen>,
    began: Instant,
    /// When the files are to be looked at next, in milliseconds from `began`.
    next_check_ms: AtomicU64,
    checking: AtomicBool,
}

struct Seen {
    options: ServerTlsOptions,
    stamps: Vec<Stamp>,
    authorities: Vec<Vec<u8>>,
    resumption: Resumption,
    /// The files cannot be used, and that has been told.
    failing: bool,
}

/// What a file looks like without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// Another file under the same name, although as old and as long.
    file: u64,
    warm: bool,
}

impl Watched {
    pub(super) fn new(options: ServerTlsOptions) -> Result<Self, TlsError> {
        let resumption = Resumption::new(&options)?;
        // Before the files are read: what is written meanwhile looks changed.
        let stamps = stamps(&options);
        let config = load(&options, &resumption)?;
        let (authorities, check_interval) = (authorities(&options), options.check_interval);
        let seen = Seen { options, stamps, authorities, resumption, failing: false };
        let next_check_ms = AtomicU64::new(check_interval.as_millis() as u64);
        Ok(Self {
            check_interval,
            current: RwLock::new(Arc::new(config)),
            seen: Mutex::new(seen),
            began: Instant::now(),
            next_check_ms,
            checking: AtomicBool::new(false),
        })
    }

    /// What connections that come are served with.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the files looked at if that is due, on a thread of its own: no shard waits for a disk.
    pub(super) fn check_soon(watched: &Arc<Self>) {
        let interval = watched.check_interval.as_millis() as u64;
        let now = watched.began.elapsed().as_millis() as u64;
        if interval == 0 || now < watched.next_check_ms.load(Ordering::Relaxed) {
            return;
        }
        if watched.checking.swap(true, Ordering::Acquire) {
            return;
        }
        watched.next_check_ms.store(now + interval, Ordering::Relaxed);
        let looked = Arc::clone(watched);
        let thread = thread::Builder::new().name("tls-files".into()).spawn(move || {
            looked.check();
            looked.checking.store(false, Ordering::Release);
        });
        if let Err(error) = thread {
            warn!(%error, "the files of TLS could not be looked at");
            watched.checking.store(false, Ordering::Release);
        }
    }

    /// Reads the files if they have changed, or could not be used when last looked at.
    fn check(&self) {
        let mut seen = self.seen();
        let stamps = stamps(&seen.options);
        let unchanged = stamps == seen.stamps && !seen.stamps.iter().any(|stamp| stamp.warm);
        if unchanged && !seen.failing {
            return;
        }
        let news = stamps != seen.stamps;
        match self.read(&mut seen, stamps) {
            Ok(()) if std::mem::take(&mut seen.failing) || news => {
                info!("TLS: certificates and keys were read again");
            }
            Ok(()) => {}
            Err(error) if !std::mem::replace(&mut seen.failing, true) => {
                warn!(%error, "TLS: files have changed and cannot be used; the old ones stay in use until they can");
            }
            Err(_) => {}
        }
    }

    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let mut seen = self.seen();
        let stamps = stamps(&seen.options);
        self.read(&mut seen, stamps)?;
        seen.failing = false;
        Ok(())
    }

    pub(super) fn identify(&self, identities: Vec<Identity>) -> Result<(), TlsError> {
        let mut seen = self.seen();
        let before = std::mem::replace(&mut seen.options.identities, identities);
        let stamps = stamps(&seen.options);
        let read = self.read(&mut seen, stamps);
        match read {
            Ok(()) => seen.failing = false,
            Err(_) => seen.options.identities = before,
        }
        read
    }

    fn read(&self, seen: &mut Seen, stamps: Vec<Stamp>) -> Result<(), TlsError> {
        let authorities = authorities(&seen.options);
        let resumption = if authorities == seen.authorities {
            seen.resumption.clone()
        } else {
            Resumption::new(&seen.options)?
        };
        let config = Arc::new(load(&seen.options, &resumption)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        (seen.stamps, seen.authorities, seen.resumption) = (stamps, authorities, resumption);
        Ok(())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // Nothing here is ever half-written.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn files(options: &ServerTlsOptions) -> impl Iterator<Item = &Path> {
    let client = match &options.client_auth {
        ClientAuth::None => None,
        ClientAuth::Optional(pem) | ClientAuth::Required(pem) => Some(pem),
    };
    options
        .identities
        .iter()
        .flat_map(|identity| [&identity.chain, &identity.key])
        .chain(client)
        .filter_map(Pem::path)
}

fn stamps(options: &ServerTlsOptions) -> Vec<Stamp> {
    files(options).map(stamp).collect()
}

fn stamp(path: &Path) -> Stamp {
    let Ok(metadata) = fs::metadata(path) else {
        return Stamp { modified: None, length: 0, file: 0, warm: false };
    };
    #[cfg(unix)]
    let file = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let file = 0;
    let modified = metadata.modified().ok();
    let age = modified.and_then(|modified| modified.elapsed().ok());
    Stamp { modified, length: metadata.len(), file, warm: age.is_none_or(|age| age < STILL_WARM) }
}

/// The certificates of those who sign for clients; empty when they cannot be read.
fn authorities(options: &ServerTlsOptions) -> Vec<Vec<u8>> {
    match &options.client_auth {
        ClientAuth::None => Vec::new(),
        ClientAuth::Optional(pem) | ClientAuth::Required(pem) => {
            pem.certificates().unwrap_or_default().iter().map(|certificate| certificate.to_vec()).collect()
        }
    }
}
