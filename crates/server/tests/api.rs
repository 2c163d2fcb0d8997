//! "An answer means done": the API of a real server with two shards, and clients on both of them.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wavecast_net::client::{ConnectOptions, Message, WebSocket};
use wavecast_server::config::{Overrides, load_from};
use wavecast_server::hooks::SubscribeGrant;
use wavecast_server::hub::{HistoryQuery, Publish};
use wavecast_server::protocol::centrifuge::Disconnect;
use wavecast_server::token::{Algorithm, Signer};
use wavecast_server::{PushServer, Whom};

/// So many that both shards have some: the kernel spreads them.
const CLIENTS: usize = 16;

const SECRET: &str = "a secret of thirty-two bytes, say";

fn start() -> PushServer {
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.insecure", "true"),
        ("shard.count", "2"),
        ("client.user_id_http_header", "X-User"),
        ("client.token.hmac_secret_key", SECRET),
        ("channel.without_namespace.history_size", "10"),
        ("channel.without_namespace.history_ttl", "60s"),
        ("channel.without_namespace.presence", "true"),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    PushServer::start(load_from(None, [], &Overrides { values, insecure: true }).unwrap()).unwrap()
}

/// A server is dropped where blocking is allowed.
fn with_server(test: impl AsyncFnOnce(&PushServer)) {
    let server = start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&server));
    server.drain_handle().drain();
    server.join().unwrap();
}

async fn call(server: &PushServer, method: &str, body: Value) -> Value {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let body = body.to_string();
    let length = body.len();
    let head = format!("POST /api/{method} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(body).unwrap()
}

async fn done(server: &PushServer, method: &str, body: Value) -> Value {
    let answer = call(server, method, body).await;
    assert!(answer["error"].is_null(), "{method}: {answer}");
    answer["result"].clone()
}

/// A client that reads what it is sent, message by message.
struct Client {
    socket: WebSocket,
    unread: VecDeque<Value>,
    id: String,
}

impl Client {
    async fn connect(server: &PushServer, user: &str) -> Self {
        let mut client = Self::open(server, user).await;
        let welcome = client.next().await.unwrap();
        client.id = welcome["connect"]["client"].as_str().unwrap_or_else(|| panic!("{welcome}")).to_owned();
        client
    }

    async fn open(server: &PushServer, user: &str) -> Self {
        Self::open_with(server, user, "").await
    }

    async fn open_with(server: &PushServer, user: &str, token: &str) -> Self {
        let url = format!("ws://{}/connection/websocket", server.address());
        let options = ConnectOptions::new();
        let options = if user.is_empty() { options } else { options.header("X-User", user) };
        let socket = options.connect(&url).await.unwrap();
        let mut client = Self { socket, unread: VecDeque::new(), id: String::new() };
        let connect = json!({"id": 1, "connect": {"token": token}}).to_string();
        client.socket.send(connect.as_str()).await.unwrap();
        client
    }

    /// The next message but pings; `None` when the connection has been closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.unread.pop_front() {
                return Some(message);
            }
            match timeout(Duration::from_secs(20), self.socket.recv()).await.unwrap().unwrap()? {
                Message::Text(text) => {
                    let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                    self.unread.extend(messages.filter(|message| *message != json!({})));
                }
                Message::Binary(_) => panic!("binary"),
            }
        }
    }

    async fn push(&mut self) -> Value {
        self.next().await.unwrap()["push"].clone()
    }

    async fn closed(&mut self) -> (u16, String) {
        let message = self.next().await;
        assert_eq!(message, None, "nothing before the end");
        let closed = self.socket.closed().unwrap();
        (closed.code.get(), closed.reason.to_string())
    }
}

async fn clients(server: &PushServer, user: &str) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Client::connect(server, user).await);
    }
    clients
}

#[test]
fn what_is_published_after_subscribe_arrives_and_after_unsubscribe_does_not() {
    with_server(async |server| {
        let mut anns = clients(server, "ann").await;
        let mut bob = Client::connect(server, "bob").await;
        done(server, "subscribe", json!({"user": "ann", "channel": "c"})).await;
        done(server, "publish", json!({"channel": "c", "data": 1})).await;
        done(server, "unsubscribe", json!({"user": "ann", "channel": "c"})).await;
        done(server, "publish", json!({"channel": "c", "data": 2})).await;
        done(server, "subscribe", json!({"user": "ann", "channel": "d", "data": {"hello": 1}})).await;
        done(server, "publish", json!({"channel": "d", "data": 3, "exclude_clients": [anns[0].id]})).await;
        done(server, "subscribe", json!({"user": "bob", "client": bob.id, "channel": "d"})).await;
        done(server, "publish", json!({"channel": "d", "b64data": "/w=="})).await;
        for (index, ann) in anns.iter_mut().enumerate() {
            assert_eq!(ann.push().await, json!({"channel": "c", "subscribe": {}}));
            let push = ann.push().await;
            assert_eq!((&push["channel"], &push["pub"]["data"]), (&json!("c"), &json!(1)));
            assert_eq!(ann.push().await["unsubscribe"]["code"], 2000);
            assert_eq!(ann.push().await, json!({"channel": "d", "subscribe": {"data": {"hello": 1}}}));
            if index > 0 {
                assert_eq!(ann.push().await["pub"]["data"], 3, "all but the one that is left out");
            }
            assert_eq!(ann.push().await["pub"]["data"], "/w==");
        }
        assert_eq!(bob.push().await["channel"], "d");
        assert_eq!(bob.push().await["pub"]["data"], "/w==");

        let presence = done(server, "presence", json!({"channel": "d"})).await;
        assert_eq!(presence["presence"].as_object().unwrap().len(), CLIENTS + 1);
        assert_eq!(presence["presence"][&bob.id], json!({"user": "bob", "client": bob.id}));
        let stats = done(server, "presence_stats", json!({"channel": "d"})).await;
        assert_eq!(stats, json!({"num_clients": CLIENTS + 1, "num_users": 2}));
        let channels = done(server, "channels", json!({"pattern": "[a-d]"})).await;
        assert_eq!(channels, json!({"channels": {"d": {"num_clients": CLIENTS + 1}}}));
        done(server, "unsubscribe", json!({"user": "ann"})).await;
        let channels = done(server, "channels", json!({})).await;
        assert_eq!(channels, json!({"channels": {"d": {"num_clients": 1}}}), "all channels of each");
    });
}

#[test]
fn a_last_word_arrives_before_the_end() {
    with_server(async |server| {
        let node = server.node();
        for round in 0..100 {
            let mut ann = Client::connect(server, "ann").await;
            node.subscribe(Whom::user("ann"), "c", Default::default(), None).await.unwrap();
            node.publish_data("c", b"1").await.unwrap();
            node.unsubscribe(Whom::user("ann"), Some("c")).await.unwrap();
            node.publish_data("c", b"2").await.unwrap();
            node.subscribe(Whom::user("ann"), "d", Default::default(), None).await.unwrap();
            node.publish_data("d", b"3").await.unwrap();
            node.disconnect(Whom::user("ann"), &[], Disconnect::FORCE_NO_RECONNECT).await.unwrap();
            assert_eq!(ann.push().await["channel"], "c");
            assert_eq!(ann.push().await["pub"]["data"], 1, "{round}");
            assert_eq!(ann.push().await["unsubscribe"]["code"], 2000, "{round}");
            assert_eq!(ann.push().await["channel"], "d", "{round}");
            assert_eq!(ann.push().await["pub"]["data"], 3, "{round}");
            assert_eq!(ann.closed().await.0, 3503, "{round}");
        }
    });
}

#[test]
fn disconnect_and_block_end_sessions_on_every_shard() {
    with_server(async |server| {
        let mut anns = clients(server, "ann").await;
        let mut bob = Client::connect(server, "bob").await;
        let kept = anns.pop().unwrap();
        let body =
            json!({"user": "ann", "whitelist": [kept.id], "disconnect": {"code": 4600, "reason": "bye"}});
        done(server, "disconnect", body).await;
        assert_eq!(done(server, "info", json!({})).await["nodes"][0]["num_clients"], 2);
        for ann in &mut anns {
            assert_eq!(ann.closed().await, (4600, "bye".to_owned()));
        }
        done(server, "block_user", json!({"user": "bob"})).await;
        assert_eq!(done(server, "info", json!({})).await["nodes"][0]["num_clients"], 1);
        assert_eq!(bob.closed().await.0, 3500);
        let mut again = Client::open(server, "bob").await;
        assert_eq!(again.closed().await.0, 3500);
        done(server, "unblock_user", json!({"user": "bob"})).await;
        Client::connect(server, "bob").await;
    });
}

#[test]
fn tokens_that_are_revoked_end_their_sessions() {
    let signer = Signer::hmac(Algorithm::Hs256, &SECRET.into()).unwrap();
    let token = |jti: &str, iat: u64| {
        let claims = json!({"sub": "ann", "jti": jti, "iat": iat});
        signer.sign(&claims, None).unwrap()
    };
    let (first, second, later) = (token("t1", 100), token("t2", 100), token("t3", 200));
    with_server(async |server| {
        let mut by_header = Client::connect(server, "ann").await;
        let mut by_token = Vec::new();
        for token in [&first, &second, &later] {
            let mut client = Client::open_with(server, "", token).await;
            assert!(client.next().await.unwrap()["connect"].is_object());
            by_token.push(client);
        }
        done(server, "revoke_token", json!({"uid": "t1"})).await;
        assert_eq!(by_token[0].closed().await.0, 3500);
        done(server, "invalidate_user_tokens", json!({"user": "ann", "issued_before": 150})).await;
        assert_eq!(by_token[1].closed().await.0, 3500);
        for token in [&first, &second] {
            assert_eq!(Client::open_with(server, "", token).await.closed().await.0, 3500);
        }
        assert_eq!(done(server, "info", json!({})).await["nodes"][0]["num_clients"], 2);
        done(server, "disconnect", json!({"user": "ann"})).await;
        assert_eq!(by_header.closed().await.0, 3503, "it came without a token, and lived on");
        assert_eq!(by_token[2].closed().await.0, 3503);
    });
}

#[test]
fn refresh_lets_sessions_live_or_expire() {
    with_server(async |server| {
        let mut anns = clients(server, "ann").await;
        let at = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 100;
        done(server, "refresh", json!({"user": "ann", "expire_at": at})).await;
        for ann in &mut anns {
            let push = ann.push().await;
            assert!(
                push["refresh"]["expires"] == true && push["refresh"]["ttl"].as_u64() > Some(90),
                "{push}"
            );
        }
        done(server, "refresh", json!({"user": "ann", "expired": true})).await;
        for ann in &mut anns {
            assert_eq!(ann.closed().await.0, 3005);
        }
    });
}

#[test]
fn versions_and_keys_make_a_publication_happen_once() {
    with_server(async |server| {
        let publish = |data: u32, version: u64| json!({"channel": "c", "data": data, "version": version});
        let first = done(server, "publish", publish(1, 5)).await;
        assert_eq!(first["offset"], 1);
        assert_eq!(done(server, "publish", publish(2, 5)).await, first, "where the stream stands");
        assert_eq!(done(server, "publish", publish(3, 6)).await["offset"], 2);
        let keyed = json!({"channel": "c", "data": 4, "idempotency_key": "k"});
        assert_eq!(done(server, "publish", keyed.clone()).await["offset"], 3);
        assert_eq!(done(server, "publish", keyed).await["offset"], 3);
        let history = done(server, "history", json!({"channel": "c", "limit": -1})).await;
        let data: Vec<_> = history["publications"].as_array().unwrap().iter().map(|p| &p["data"]).collect();
        assert_eq!(data, [1, 3, 4]);
        done(server, "history_remove", json!({"channel": "c"})).await;
        let history = done(server, "history", json!({"channel": "c", "limit": -1})).await;
        assert_eq!((&history["publications"], &history["offset"]), (&json!([]), &json!(3)));
    });
}

#[test]
fn the_program_around_the_server_can_do_the_same() {
    with_server(async |server| {
        let node = server.node();
        let mut ann = Client::connect(server, "ann").await;
        node.subscribe(Whom::user("ann"), "c", Default::default(), None).await.unwrap();
        node.publish_data("c", b"{\n\"n\": 1}").await.unwrap();
        node.publish("c", Publish { data: (*b"2").into(), is_json: true, ..Publish::default() })
            .await
            .unwrap();
        ann.push().await;
        assert_eq!(ann.push().await["pub"]["data"], json!({"n": 1}));
        assert_eq!(ann.push().await["pub"]["data"], 2);
        assert_eq!(node.presence("c").unwrap()[0].user, "ann".into());
        assert_eq!(node.presence_stats("c").unwrap().clients, 1);
        assert_eq!(node.channels(10, &|name| name == "c").await.unwrap(), [("c".into(), 1)]);
        assert_eq!(node.channels(0, &|_| true).await.unwrap_err().code, 106);
        let page = node.history("c", HistoryQuery { limit: -1, ..HistoryQuery::default() }).unwrap();
        assert_eq!(page.publications.len(), 2);
        node.unsubscribe(Whom::client(&ann.id), Some("c")).await.unwrap();
        assert_eq!(ann.push().await["unsubscribe"]["code"], 2000);
        node.disconnect(Whom::client("nobody"), &[], Disconnect::FORCE_NO_RECONNECT).await.unwrap();

        let grant = SubscribeGrant { data: Some((*b"1}{").into()), ..SubscribeGrant::default() };
        node.subscribe(Whom::user("ann"), "c", grant, None).await.unwrap();
        assert_eq!(ann.push().await["subscribe"]["data"], "MX17", "what is no JSON breaks no frame");

        node.procedures().register("shout", |params| async move { Ok(params.to_ascii_uppercase()) });
        let shouted = done(server, "rpc", json!({"method": "shout", "params": "a"})).await;
        assert_eq!(shouted, json!({"data": "A"}));
    });
}
