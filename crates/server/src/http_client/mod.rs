//! HTTP as a client: what calls hooks and fetches key sets. On tokio, never on a shard.
//!
//! Every request has a time-out and every response a limit of size. Redirects are not followed: whoever answers with
//! one is not the server that the operator named. Errors name no URL, because a URL may hold a password.
//!
//! `tls`: whom to trust, and how we show who we are.

mod tls;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{Request, Response, Uri};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service as _;

pub use self::tls::{TlsError, TlsOptions};
use self::tls::{client_config, wrong};

/// Longest head of a response, in bytes.
const RESPONSE_HEAD_MAX: usize = 64 * 1024;

/// How requests are made.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpClientOptions {
    /// From the start of a connection until it stands (TCP), default 1 s.
    pub connect_timeout: Duration,
    /// The whole of a request: connection, TLS, answer and its body, default 1 s.
    pub timeout: Duration,
    /// Bytes of a response's body, default 1 MiB; more is an error.
    pub response_size_max: usize,
    /// Idle connections kept for each host, default 32; beyond, one more is closed after its answer.
    pub idle_connections_max: usize,
    /// How long an idle connection is kept, default 4 s: less than back ends usually keep theirs (Node 5 s), or a request
    /// could meet the end of it.
    pub idle_timeout: Duration,
    /// How an `https` server is verified, and how we show who we are.
    pub tls: TlsOptions,
}

impl Default for HttpClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            response_size_max: 1024 * 1024,
            idle_connections_max: 32,
            idle_timeout: Duration::from_secs(4),
            tls: TlsOptions::default(),
        }
    }
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchError {
    /// No connection: refused, no such host, a certificate that is not trusted.
    Connect(String),
    /// Not done within this time.
    TimedOut(Duration),
    /// The response's body is larger than this many bytes.
    TooLarge(usize),
    /// The connection ended early, or what came is not HTTP.
    Broken(String),
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchError::Connect(cause) => write!(f, "no connection: {cause}"),
            FetchError::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            FetchError::TooLarge(limit) => write!(f, "the answer is larger than {limit} bytes"),
            FetchError::Broken(cause) => write!(f, "the exchange broke off: {cause}"),
        }
    }
}

impl StdError for FetchError {}

/// A client with a pool of connections; cheap to clone, to be kept and not made anew for each request.
#[derive(Clone)]
pub struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    connector: HttpsConnector<HttpConnector>,
    timeout: Duration,
    response_size_max: usize,
}

impl HttpClient {
    /// Makes a client. Reads the files that `tls` names, and once in a process the machine's trust store.
    ///
    /// # Errors
    /// Names the key of the `tls` section that cannot be used.
    pub fn new(options: &HttpClientOptions) -> Result<Self, TlsError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(options.connect_timeout));
        let mut connector =
            HttpsConnectorBuilder::new().with_tls_config(client_config(&options.tls)?).https_or_http();
        if options.tls.enabled && !options.tls.server_name.is_empty() {
            let name = ServerName::try_from(options.tls.server_name.clone())
                .map_err(|_| wrong("server_name", "is not a host name"))?;
            connector = connector.with_server_name_resolver(FixedServerNameResolver::new(name));
        }
        let connector = connector.enable_http1().wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(options.idle_timeout)
            .pool_max_idle_per_host(options.idle_connections_max)
            .http1_max_buf_size(RESPONSE_HEAD_MAX)
            .build(connector.clone());
        Ok(Self { client, connector, timeout: options.timeout, response_size_max: options.response_size_max })
    }

    /// Sends a request with an absolute URI and reads the whole answer, whatever its status.
    ///
    /// Dropping the future gives the request up.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, FetchError> {
        self.send_within(request, self.timeout).await
    }

    /// [`HttpClient::send`] with a time-out of its own.
    ///
    /// # Errors
    /// See [`FetchError`].
    pub async fn send_within(
        &self,
        request: Request<Full<Bytes>>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, FetchError> {
        tokio::time::timeout(timeout, self.exchange(request))
            .await
            .map_err(|_| FetchError::TimedOut(timeout))?
    }

    /// [`HttpClient::send`] of a GET without any fields of its own.
    ///
    /// # Errors
    /// See [`FetchError`]; what is no URL is [`FetchError::Broken`].
    pub async fn get(&self, url: &str) -> Result<Response<Bytes>, FetchError> {
        let request = Request::get(url).body(Full::default());
        self.send(request.map_err(|error| FetchError::Broken(error.to_string()))?).await
    }

    /// A connection to the host of an `http` or `https` URL, with nothing sent on it: for what begins with a request
    /// and goes on as something else.
    ///
    /// # Errors
    /// [`FetchError::Connect`] and [`FetchError::TimedOut`]; what is no URL is [`FetchError::Broken`].
    pub async fn open(
        &self,
        url: &str,
    ) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + use<>, FetchError> {
        let url: Uri = url.parse().map_err(|_| FetchError::Broken("it is not a URL".into()))?;
        let mut connector = self.connector.clone();
        let connecting = async move {
            std::future::poll_fn(|context| connector.poll_ready(context)).await?;
            connector.call(url).await
        };
        let stream = tokio::time::timeout(self.timeout, connecting)
            .await
            .map_err(|_| FetchError::TimedOut(self.timeout))?
            .map_err(|error| FetchError::Connect(innermost(&*error)))?;
        Ok(TokioIo::new(stream))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, FetchError> {
        let response = self.client.request(request).await.map_err(|error| {
            let cause = innermost(&error);
            if error.is_connect() { FetchError::Connect(cause) } else { FetchError::Broken(cause) }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, self.response_size_max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                FetchError::TooLarge(self.response_size_max)
            } else {
                FetchError::Broken(innermost(&*error))
            }
        })?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// hyper wraps what happened; the last cause is what an operator can act on.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    /// Answers each connection with these bytes, after reading something; with nothing it stays silent.
    async fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                if answer.is_empty() {
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer).await;
            }
        });
        url
    }

    async fn fetch(url: &str) -> Result<Response<Bytes>, FetchError> {
        fetch_within(url, Duration::from_secs(20)).await
    }

    async fn fetch_within(url: &str, timeout: Duration) -> Result<Response<Bytes>, FetchError> {
        let options = HttpClientOptions { timeout, response_size_max: 10, ..HttpClientOptions::default() };
        let request = Request::get(url).body(Full::default()).unwrap();
        HttpClient::new(&options).unwrap().send(request).await
    }

    #[tokio::test]
    async fn an_answer_within_its_limits_comes_whole() {
        let url = server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 10\r\n\r\n0123456789").await;
        let response = fetch(&url).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (404, &b"0123456789"[..]));
    }

    #[tokio::test]
    async fn every_way_to_have_no_answer_is_told_apart() {
        let long = server(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n0123456789a").await;
        assert_eq!(fetch(&long).await.unwrap_err(), FetchError::TooLarge(10));
        let chunked =
            server(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n")
                .await;
        assert_eq!(fetch(&chunked).await.unwrap_err(), FetchError::TooLarge(10));
        let (silent, timeout) = (server(b"").await, Duration::from_millis(300));
        assert_eq!(fetch_within(&silent, timeout).await.unwrap_err(), FetchError::TimedOut(timeout));
        let noise = server(b"hello\r\n\r\n").await;
        assert!(matches!(fetch(&noise).await.unwrap_err(), FetchError::Broken(_)));
        let short = server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n01").await;
        // The server keeps the connection open after a short body.
        assert!(matches!(fetch(&short).await.unwrap_err(), FetchError::TimedOut(_) | FetchError::Broken(_)));
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", nobody.local_addr().unwrap());
        drop(nobody);
        assert!(matches!(fetch(&url).await.unwrap_err(), FetchError::Connect(_)));
        let plain = server(b"HTTP/1.1 200 OK\r\n\r\n").await;
        let https = plain.replace("http:", "https:");
        assert!(matches!(fetch(&https).await.unwrap_err(), FetchError::Connect(_)), "TLS to a plain server");
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_any_other() {
        let url =
            server(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(fetch(&url).await.unwrap().status().as_u16(), 302);
    }

    #[test]
    fn what_is_wrong_with_tls_is_named_by_its_key_and_not_shown() {
        let enabled = TlsOptions { enabled: true, ..TlsOptions::default() };
        let table = [
            (TlsOptions { server_name: "not a name".into(), ..enabled.clone() }, "server_name"),
            (TlsOptions { server_ca_pem: "s3cret".into(), ..enabled.clone() }, "server_ca_pem"),
            (TlsOptions { cert_pem: "s3cret".into(), ..enabled.clone() }, "cert_pem"),
            (TlsOptions { key_pem: "s3cret".into(), ..enabled }, "key_pem"),
        ];
        for (tls, key) in table {
            let options = HttpClientOptions { tls: tls.clone(), ..HttpClientOptions::default() };
            let error = HttpClient::new(&options).unwrap_err();
            assert_eq!(error.key, key);
            assert!(!error.to_string().contains("s3cret"), "{error}");
            let off = HttpClientOptions { tls: TlsOptions { enabled: false, ..tls }, ..options };
            assert!(HttpClient::new(&off).is_ok(), "{key} does not count");
        }
    }
}
