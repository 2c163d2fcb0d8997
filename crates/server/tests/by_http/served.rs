//! A server with channels of all kinds, and requests in raw bytes.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wavecast_server::config::{Loaded, Overrides, load_from};
use wavecast_server::token::{Algorithm, Signer};
use wavecast_server::{Node, PushServer};

pub(crate) const SOON: Duration = Duration::from_secs(20);
pub(crate) const SECRET: &str = "a-secret-of-thirty-two-bytes-and-more";

pub(crate) fn loaded(more: &[(&str, &str)]) -> Loaded {
    let kept = json!({
        "history_size": 100, "history_ttl": "300s", "allow_recovery": true,
        "allow_subscribe_for_client": true, "allow_subscribe_for_anonymous": true,
    });
    let namespace = |name: &str, own: Value| {
        let mut options = kept.clone();
        let options_mut = options.as_object_mut().unwrap();
        options_mut.insert("name".into(), name.into());
        options_mut.extend(own.as_object().unwrap().clone());
        options
    };
    let namespaces = json!([
        namespace("bare", json!({"history_size": 0, "history_ttl": "0s", "allow_recovery": false})),
        namespace("small", json!({"history_size": 3})),
        namespace(
            "cache",
            json!({"force_recovery": true, "force_recovery_mode": "cache", "auto_cache_recover": true})
        ),
        namespace("closed", json!({"allow_subscribe_for_client": false})),
        namespace("users", json!({"allow_subscribe_for_anonymous": false})),
        namespace("unread", json!({"allow_recovery": false})),
        namespace(
            "read",
            json!({
                "allow_recovery": false, "allow_history_for_client": true, "allow_history_for_anonymous": true,
            })
        ),
        namespace(
            "limited",
            json!({"allow_user_limited_channels": true, "allow_subscribe_for_client": false})
        ),
        namespace("digits", json!({"channel_regex": "^[0-9]+$"})),
    ]);
    let namespaces = namespaces.to_string();
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.insecure", "true"),
        ("shard.count", "2"),
        ("poll.enabled", "true"),
        ("client.allow_anonymous_connect_without_token", "true"),
        ("client.token.hmac_secret_key", SECRET),
        ("client.allowed_origins", "https://app.example.com"),
        ("channel.namespaces", &namespaces),
        ("channel.without_namespace.history_size", "10000"),
        ("channel.without_namespace.history_ttl", "300s"),
        ("channel.without_namespace.allow_recovery", "true"),
        ("channel.without_namespace.allow_subscribe_for_client", "true"),
        ("channel.without_namespace.allow_subscribe_for_anonymous", "true"),
    ];
    let values = values.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    load_from(None, [], &Overrides { values: values.collect(), insecure: true }).unwrap()
}

/// A server is dropped where blocking is allowed.
pub(crate) fn with_server(more: &[(&str, &str)], test: impl AsyncFnOnce(&PushServer)) {
    let server = PushServer::start(loaded(more)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(test(&server));
    drop(runtime);
    server.drain_handle().drain();
    server.join().unwrap();
}

/// An answer that has come whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads as much of an answer as `bytes` has; `None` if it is not whole.
    pub(crate) fn of(bytes: &[u8]) -> Option<(Self, usize)> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut answer = Self { status: head[9..12].parse().unwrap(), head, body: Vec::new() };
        let length = answer.field("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = bytes.get(end..end + length)?.to_vec();
        Some((answer, end + length))
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn next(&self) -> String {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["next"].as_str().unwrap().to_owned()
    }

    /// The payloads, and whether there is a gap.
    pub(crate) fn told(&self) -> (Vec<Value>, bool) {
        assert_eq!(self.status, 200, "{self:?}");
        let json = self.json();
        let publications = json["publications"].as_array().unwrap();
        (publications.iter().map(|publication| publication["data"].clone()).collect(), json["gap"] == true)
    }

    /// The code of an error.
    pub(crate) fn code(&self) -> u64 {
        self.json()["error"]["code"].as_u64().unwrap_or_else(|| panic!("{self:?}"))
    }
}

/// One connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), unread: Vec::new() }
    }

    /// Asks, with further fields that each end their line.
    pub(crate) async fn ask(&mut self, target: &str, fields: &str) {
        let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        timeout(SOON, async {
            loop {
                if let Some((answer, length)) = Answer::of(&self.unread) {
                    self.unread.drain(..length);
                    return answer;
                }
                let count = self.stream.read_buf(&mut self.unread).await.unwrap();
                assert!(count > 0, "the connection ends before its answer: {:?}", self.unread);
            }
        })
        .await
        .expect("an answer in time")
    }

    /// Whether the other side has ended it.
    pub(crate) async fn ends(&mut self) -> bool {
        matches!(timeout(SOON, self.stream.read_buf(&mut self.unread)).await, Ok(Ok(0) | Err(_)))
    }
}

pub(crate) async fn get(server: &PushServer, target: &str, fields: &str) -> Answer {
    let mut connection = Connection::to(server.address()).await;
    connection.ask(target, fields).await;
    connection.answer().await
}

pub(crate) async fn poll(server: &PushServer, query: &str) -> Answer {
    get(server, &format!("/connection/poll?{query}"), "").await
}

pub(crate) async fn publish(node: &Node, channel: &str, data: impl Into<Value>) {
    node.publish_json(channel, &data.into()).await.unwrap();
}

pub(crate) fn token(claims: &Value) -> String {
    Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap().sign(claims, None).unwrap()
}

pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
