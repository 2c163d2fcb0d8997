//! An account at the ACME server, and orders of certificates there: one a name, proved over TLS (TLS-ALPN-01, RFC 8737).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, BodyWrapper, BytesResponse, ChallengeType, Error,
    Identifier, NewAccount, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use wavecast_net::tls::{Challenges, Identity, Pem};

use super::cache::Cache;
use crate::config::TlsAutocert;
use crate::http_client::{HttpClient, HttpClientOptions, TlsOptions};

/// The longest that a request to the ACME server may take.
const REQUEST_MAX: Duration = Duration::from_secs(30);
/// The longest that it may take to look at a proof, or to make a certificate.
const POLL_MAX: Duration = Duration::from_secs(90);
/// The longest that an order may take in all.
const ORDER_MAX: Duration = Duration::from_secs(300);

/// The account that is kept is gone at the ACME server (RFC 8555 §6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// Why there is no certificate. No key and no account is shown.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// The ACME server, and who we are there.
pub(super) struct Authority {
    settings: TlsAutocert,
    challenges: Challenges,
    account: Option<Account>,
}

impl Authority {
    pub(super) fn new(settings: TlsAutocert, challenges: Challenges) -> Self {
        Self { settings, challenges, account: None }
    }

    /// Gets a certificate for a name: key and chain, in one text of PEM.
    ///
    /// # Errors
    /// [`Failure`], after five minutes at the latest.
    pub(super) async fn certify(&mut self, name: &str, cache: &Arc<Cache>) -> Result<String, Failure> {
        let ordered = timeout(ORDER_MAX, self.order(name, cache)).await;
        self.challenges.hide(name);
        ordered.unwrap_or_else(|_| Err(Failure::new(format!("the order takes longer than {ORDER_MAX:?}"))))
    }

    async fn order(&mut self, name: &str, cache: &Arc<Cache>) -> Result<String, Failure> {
        let account = self.account(cache).await?;
        let names = [Identifier::Dns(name.to_owned())];
        let new = NewOrder::new(&names);
        let mut order = match account.new_order(&new).await {
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
                let account = self.register(cache).await?;
                self.account.insert(account).new_order(&new).await?
            }
            order => order?,
        };
        prove(&mut order, name, &self.challenges).await?;
        let retries = RetryPolicy::new().timeout(POLL_MAX);
        if order.poll_ready(&retries).await? != OrderStatus::Ready {
            return Err(refusal(&mut order).await);
        }
        let key = KeyPair::generate()?;
        let mut request = CertificateParams::new([name.to_owned()])?;
        request.distinguished_name = DistinguishedName::new();
        order.finalize_csr(request.serialize_request(&key)?.der()).await?;
        let chain = order.poll_certificate(&retries).await?;
        Ok(format!("{}{chain}", key.serialize_pem()))
    }

    /// The account that is kept, if it is one of this ACME server, else a new one.
    async fn account(&mut self, cache: &Arc<Cache>) -> Result<Account, Failure> {
        if let Some(account) = &self.account {
            return Ok(account.clone());
        }
        let kept = Arc::clone(cache);
        let kept = spawn_blocking(move || kept.account()).await.ok().flatten();
        let Kept { directory, credentials } = kept.and_then(|text| Kept::read(&text)).unwrap_or_default();
        let url = &self.settings.directory_url;
        let account = match credentials.filter(|_| directory == *url) {
            Some(credentials) => self.builder()?.from_credentials(credentials).await?,
            None => self.register(cache).await?,
        };
        Ok(self.account.insert(account).clone())
    }

    async fn register(&self, cache: &Arc<Cache>) -> Result<Account, Failure> {
        let contact = format!("mailto:{}", self.settings.email);
        let contact = [contact.as_str()];
        let new = NewAccount {
            contact: if self.settings.email.is_empty() { &[] } else { &contact },
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let url = self.settings.directory_url.clone();
        let (account, credentials) = self.builder()?.create(&new, url, None).await?;
        let kept =
            serde_json::json!({ "directory_url": self.settings.directory_url, "credentials": credentials });
        let cache = Arc::clone(cache);
        if let Ok(Err(error)) = spawn_blocking(move || cache.keep_account(&kept.to_string())).await {
            tracing::warn!(%error, "TLS: the account at the ACME server cannot be kept in tls_autocert.cache_dir");
        }
        Ok(account)
    }

    fn builder(&self) -> Result<instant_acme::AccountBuilder, Failure> {
        let server_ca_pem = self.settings.server_ca_pem.clone();
        let tls = TlsOptions { enabled: !server_ca_pem.is_empty(), server_ca_pem, ..TlsOptions::default() };
        let options = HttpClientOptions {
            connect_timeout: Duration::from_secs(10),
            timeout: REQUEST_MAX,
            tls,
            ..HttpClientOptions::default()
        };
        let client = HttpClient::new(&options)
            .map_err(|error| Failure::new(format!("http_server.tls_autocert.{error}")))?;
        Ok(Account::builder_with_http(Box::new(Client(client))))
    }
}

/// The account's file.
#[derive(Default)]
struct Kept {
    directory: String,
    credentials: Option<AccountCredentials>,
}

impl Kept {
    fn read(text: &str) -> Option<Self> {
        let mut kept: serde_json::Value = serde_json::from_str(text).ok()?;
        let directory = kept.get("directory_url")?.as_str()?.to_owned();
        let credentials = serde_json::from_value(kept.get_mut("credentials")?.take()).ok();
        Some(Self { directory, credentials })
    }
}

/// Shows the ACME server what it wants to see, for every authorization of the order that is not there from before.
async fn prove(order: &mut Order, name: &str, challenges: &Challenges) -> Result<(), Failure> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        match authorization.status {
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Valid => continue,
            status => return Err(Failure::new(format!("the authorization is {status:?}"))),
        }
        let offered = authorization.challenge(ChallengeType::TlsAlpn01);
        let mut challenge = offered.ok_or_else(|| {
            Failure::new("the ACME server does not let names be proved over TLS (TLS-ALPN-01)")
        })?;
        let proof = proof(name, challenge.key_authorization().digest().as_ref())?;
        challenges.show(name, &proof).map_err(|error| Failure::new(error.to_string()))?;
        challenge.set_ready().await?;
    }
    Ok(())
}

/// A certificate for the name alone that carries what the ACME server has asked for, signed by itself (RFC 8737 §3).
fn proof(name: &str, digest: &[u8]) -> Result<Identity, Failure> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&key)?;
    Ok(Identity { chain: Pem::text(&certificate.pem()), key: Pem::text(&key.serialize_pem()) })
}

/// What the ACME server has not liked.
async fn refusal(order: &mut Order) -> Failure {
    let mut authorizations = order.authorizations();
    while let Some(Ok(authorization)) = authorizations.next().await {
        let mut problems = authorization.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problems.next_back() {
            return Failure::new(format!("the ACME server has not seen the proof: {problem}"));
        }
    }
    Failure::new("the ACME server has refused the order")
}

/// Our HTTP client, as the order speaks through it.
struct Client(HttpClient);

impl instant_acme::HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let Ok(body) = body.collect().await;
            let request = Request::from_parts(head, Full::new(body.to_bytes()));
            let answer = client.send(request).await.map_err(|error| Error::Other(Box::new(error)))?;
            let (parts, body) = answer.into_parts();
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}
