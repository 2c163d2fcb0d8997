//! rustls' settings, made of ours.

use std::sync::Arc;

use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::certificates::Certificates;
use super::challenges::PROTOCOL;
use super::fault::{Part, TlsError};
use super::options::{ClientAuth, ServerTlsOptions, Version};
use super::pem::Pem;
use super::provider::provider;

/// Sessions of TLS 1.2 without tickets that can be resumed: some 300 bytes each. The oldest give way.
const SESSIONS_MAX: usize = 1024;

/// What lets sessions be resumed. It outlives certificates, and not the authorities of clients: who was let in under the
/// old ones is looked at anew.
#[derive(Clone)]
pub(super) struct Resumption {
    tickets: Option<Arc<dyn ProducesTickets>>,
    sessions: Arc<dyn StoresServerSessions>,
}

impl Resumption {
    pub(super) fn new(options: &ServerTlsOptions) -> Result<Self, TlsError> {
        if options.tickets == 0 {
            return Ok(Self { tickets: None, sessions: Arc::new(rustls::server::NoServerSessionStorage {}) });
        }
        let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()
            .map_err(|_| TlsError::new(Part::Settings, "has no random numbers for the keys of tickets"))?;
        Ok(Self { tickets: Some(tickets), sessions: ServerSessionMemoryCache::new(SESSIONS_MAX) })
    }
}

/// Makes rustls' settings of ours. Reads files.
pub(super) fn load(options: &ServerTlsOptions, resumption: &Resumption) -> Result<ServerConfig, TlsError> {
    let provider = provider();
    let versions: &[&SupportedProtocolVersion] = match options.minimum_version {
        Version::Tls12 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        Version::Tls13 => &[&rustls::version::TLS13],
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|_| TlsError::new(Part::Settings, "cannot be spoken by this build"))?;
    let builder = match &options.client_auth {
        ClientAuth::None => builder.with_no_client_auth(),
        ClientAuth::Optional(pem) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(pem)?, Arc::clone(&provider));
            builder.with_client_cert_verifier(verified(verifier.allow_unauthenticated().build(), pem)?)
        }
        ClientAuth::Required(pem) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(authorities(pem)?, Arc::clone(&provider));
            builder.with_client_cert_verifier(verified(verifier.build(), pem)?)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(Certificates::load(
        &options.identities,
        options.challenges.as_ref(),
        &provider,
    )?));
    config.alpn_protocols.clone_from(&options.alpn);
    if options.challenges.is_some() {
        config.alpn_protocols.push(PROTOCOL.to_vec());
    }
    config.session_storage = Arc::clone(&resumption.sessions);
    config.send_tls13_tickets = options.tickets;
    if let Some(tickets) = &resumption.tickets {
        config.ticketer = Arc::clone(tickets);
    }
    Ok(config)
}

fn authorities(pem: &Pem) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in
        pem.certificates().map_err(|error| TlsError::pem(Part::ClientAuthorities, pem, &error))?
    {
        store.add(certificate).map_err(|_| {
            TlsError::of(Part::ClientAuthorities, pem, "holds a certificate that cannot be read")
        })?;
    }
    Ok(Arc::new(store))
}

fn verified<V, E>(built: Result<V, E>, pem: &Pem) -> Result<V, TlsError> {
    built.map_err(|_| TlsError::of(Part::ClientAuthorities, pem, "cannot be used to verify certificates"))
}
