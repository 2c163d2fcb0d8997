//! TLS as a client: whom to trust, and how we show who we are, from the keys of a `tls` section.

use std::error::Error as StdError;
use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use wavecast_net::tls::Pem;
use wavecast_net::tls::pem::PemError;

use crate::secret::Secret;

/// The keys of a `tls` section that concern a client. What is not `enabled` is as if nothing were set: `https` works
/// all the same, trusting whom the machine trusts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TlsOptions {
    /// `enabled`: whether the other keys count.
    pub enabled: bool,
    /// `cert_pem`: certificate shown to the server, with its chain; goes with `key_pem`.
    pub cert_pem: String,
    /// `key_pem`: its private key.
    pub key_pem: Secret,
    /// `server_ca_pem`: trust these authorities and nobody else.
    pub server_ca_pem: String,
    /// `insecure_skip_verify`: take any certificate; whoever sits in between reads and changes everything.
    pub insecure_skip_verify: bool,
    /// `server_name`: the name that the server's certificate must have, in place of the URL's host.
    pub server_name: String,
}

/// Why a client cannot be made: the key of the `tls` section, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsError {
    /// Which key.
    pub key: &'static str,
    /// What is wrong, to follow the key's name; no value is shown.
    pub problem: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.problem)
    }
}

impl StdError for TlsError {}

pub(super) fn wrong(key: &'static str, problem: &str) -> TlsError {
    TlsError { key, problem: problem.to_owned() }
}

pub(super) fn client_config(options: &TlsOptions) -> Result<ClientConfig, TlsError> {
    let nothing = TlsOptions::default();
    let options = if options.enabled { options } else { &nothing };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|_| wrong("enabled", "asks for TLS that this build cannot do"))?;
    let builder = if options.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    } else {
        builder.with_root_certificates(roots(options)?)
    };
    match (options.cert_pem.is_empty(), options.key_pem.is_empty()) {
        (true, true) => Ok(builder.with_no_client_auth()),
        (true, false) => Err(wrong("key_pem", "is set without cert_pem")),
        (false, true) => Err(wrong("cert_pem", "is set without key_pem")),
        (false, false) => {
            let chain = from_pem("cert_pem", &options.cert_pem, Pem::certificates)?;
            builder
                .with_client_auth_cert(
                    chain,
                    from_pem("key_pem", options.key_pem.expose(), Pem::private_key)?,
                )
                .map_err(|_| wrong("key_pem", "is not the key of cert_pem"))
        }
    }
}

fn roots(options: &TlsOptions) -> Result<Arc<RootCertStore>, TlsError> {
    if options.server_ca_pem.is_empty() {
        return Ok(machine_roots());
    }
    let mut store = RootCertStore::empty();
    for certificate in from_pem("server_ca_pem", &options.server_ca_pem, Pem::certificates)? {
        store
            .add(certificate)
            .map_err(|_| wrong("server_ca_pem", "holds a certificate that cannot be read"))?;
    }
    Ok(Arc::new(store))
}

/// Whom the machine trusts, read once in a process; what of it cannot be read is left out.
fn machine_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            tracing::warn!(
                "this machine trusts no certificate authority: https will fail without server_ca_pem"
            );
        }
        Arc::new(store)
    };
    Arc::clone(ROOTS.get_or_init(load))
}

/// The certificates or the key of a value, as `read` takes them.
fn from_pem<T>(
    key: &'static str,
    value: &str,
    read: impl FnOnce(&Pem) -> Result<T, PemError>,
) -> Result<T, TlsError> {
    Pem::of(value).and_then(|pem| read(&pem)).map_err(|error| TlsError { key, problem: error.to_string() })
}

/// `insecure_skip_verify`: any certificate will do, as long as its key signed the handshake.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
