//! The desk over real sockets on loopback, spoken to in raw bytes, with a backend that keeps lists.

mod bad_calls;
mod calls;
mod description;
mod lists;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

use self::lists::Lists;
use super::*;

/// A desk behind a listener.
struct Served {
    desk: Arc<Desk<Lists>>,
    backend: Arc<Lists>,
    address: SocketAddr,
    returned: mpsc::UnboundedReceiver<Detached>,
}

fn configured() -> Config {
    let mut config = Config::default();
    config.http_api.key = "s3cret".into();
    config
}

async fn serve(config: Config) -> Served {
    serve_as(config, Profile::Configured).await
}

async fn serve_as(config: Config, profile: Profile) -> Served {
    let (sender, returned) = mpsc::unbounded_channel();
    let backend = Arc::new(Lists::default());
    let desk = Desk::new(Arc::clone(&backend), Arc::new(config), profile).with_way_back(move |detached| {
        let _ = sender.send(detached);
    });
    let desk = Arc::new(desk);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = Arc::clone(&desk);
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let mut stream = stream;
            // As a shard does: what it has read of the request so far comes along.
            let mut received = vec![0; 7];
            let count = stream.read(&mut received).await.unwrap_or(0);
            received.truncate(count);
            let stream = stream.into_std().unwrap();
            tokio::spawn(serve_connection(Detached { stream, received, peer }, Arc::clone(&accepting)));
        }
    });
    Served { desk, backend, address, returned }
}

/// A client that writes bytes and reads answers.
struct Client {
    stream: TcpStream,
    unread: Vec<u8>,
}

#[derive(Debug)]
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answered {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Client {
    async fn connect(served: &Served) -> Self {
        Self { stream: TcpStream::connect(served.address).await.unwrap(), unread: Vec::new() }
    }

    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn receive(&mut self) -> bool {
        let count = timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.unread)).await;
        count.expect("an answer in time").unwrap_or(0) > 0
    }

    async fn answer(&mut self) -> Answered {
        let end = loop {
            if let Some(at) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break at + 4;
            }
            assert!(
                self.receive().await,
                "the connection ended: {:?}",
                String::from_utf8_lossy(&self.unread)
            );
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
        let mut answered =
            Answered { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: Vec::new() };
        let length: usize = answered.field("content-length").map_or(0, |length| length.parse().unwrap());
        while self.unread.len() < length {
            assert!(self.receive().await, "the body ended");
        }
        answered.body = self.unread.drain(..length).collect();
        answered
    }

    async fn ends(&mut self) -> bool {
        while self.receive().await {}
        self.unread.is_empty()
    }
}

fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

const KEY: &str = "X-API-Key: s3cret\r\n";
const HANDSHAKE: &str = "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One call of the API with its key.
async fn call(served: &Served, method: &str, body: &Value) -> Value {
    let mut client = Client::connect(served).await;
    client.send(post(&format!("/api/{method}"), KEY, &body.to_string())).await;
    let answered = client.answer().await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.field("content-type"), Some("application/json"));
    answered.json()
}

async fn call_raw(served: &Served, method: &str, headers: &str, body: &str) -> Answered {
    let mut client = Client::connect(served).await;
    client.send(post(&format!("/api/{method}"), headers, body)).await;
    client.answer().await
}

#[tokio::test]
async fn only_who_shows_the_key_may_call() {
    let served = serve(configured()).await;
    let body = r#"{"channel":"a","data":1}"#;
    for headers in
        ["", "X-API-Key: wrong\r\n", "Authorization: apikey wrong\r\n", "Authorization: Bearer s3cret\r\n"]
    {
        let answered = call_raw(&served, "publish", headers, body).await;
        assert_eq!(answered.status, 401, "{headers}");
        assert_eq!(answered.field("www-authenticate"), Some("apikey"));
        assert!(answered.text().contains("X-API-Key") && !answered.text().contains("s3cret"), "{answered:?}");
    }
    for (method, headers) in
        [("publish", KEY), ("publish", "Authorization: apikey s3cret\r\n"), ("publish?api_key=s3cret", "")]
    {
        assert_eq!(call_raw(&served, method, headers, body).await.status, 200, "{method} {headers}");
    }
    let unset = serve(Config::default()).await;
    let answered = call_raw(&unset, "publish", "X-API-Key: \r\n", body).await;
    assert_eq!(answered.status, 401);
    assert!(answered.text().contains("set http_api.key"), "{answered:?}");
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.stream.set_nodelay(true).unwrap();
    for byte in post("/api/publish", KEY, r#"{"channel":"a","data":1}"#).bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    let publish = |n: u32| post("/api/publish", KEY, &format!(r#"{{"channel":"a","data":{n}}}"#));
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let ahead = [publish(1), health.into(), publish(2), publish(3)].concat();
    let (first, rest) = ahead.split_at(ahead.len() - 10);
    client.send(first).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    assert_eq!(client.answer().await.text(), "{}");
    assert_eq!(client.answer().await.json()["result"]["offset"], 2);
    client.send(rest).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 3);
    // hyper frames a chunked body, and what follows it.
    let chunked = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n\
         5\r\n{{\"cha\r\n13\r\nnnel\":\"a\",\"data\":4}}\r\n0\r\n\r\n{health}"
    );
    client.send(chunked).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 4);
    assert_eq!(client.answer().await.text(), "{}");
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_gets_its_answer() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, r#"{"channel":"a","data":1}"#)).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    assert!(client.ends().await);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_answer_arrives() {
    let mut config = configured();
    config.http_api.max_request_body_size = 1024;
    let served = serve(config).await;
    let body = "x".repeat(200_000);
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, &body)).await;
    let answered = client.answer().await;
    assert_eq!((answered.status, answered.field("connection")), (413, Some("close")));
    assert!(answered.text().contains("at most 1024 bytes"), "{answered:?}");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    client
        .send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    client.send(format!("{:x}\r\n{}\r\n", 2000, &body[..2000])).await;
    assert_eq!(client.answer().await.status, 413);
    assert!(client.ends().await);
}

#[tokio::test]
async fn slow_heads_bodies_and_idle_connections_end() {
    let mut config = configured();
    config.http_server.handshake_timeout = Duration::from_millis(100);
    config.http_server.body_timeout = Duration::from_millis(100);
    config.http_server.idle_timeout = Duration::from_millis(300);
    let served = serve(config).await;

    let mut client = Client::connect(&served).await;
    client.send("GET / HTTP/1.1\r\nHost: lo").await;
    let answered = client.answer().await;
    assert_eq!(answered.status, 408);
    assert_eq!(answered.text(), "The request's head took too long to arrive.");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    client.send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Content-Length: 100\r\n\r\n{{")).await;
    let answered = client.answer().await;
    assert_eq!((answered.status, answered.field("connection")), (408, Some("close")));
    assert_eq!(answered.text(), "The request's body took too long to arrive.\n");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    let since = std::time::Instant::now();
    assert!(client.ends().await, "an idle connection ends without a word");
    assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
    // The same once hyper alone knows where requests end.
    let mut client = Client::connect(&served).await;
    let chunked = "POST /api/info HTTP/1.1\r\nHost: a\r\nX-API-Key: s3cret\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    client.send(chunked).await;
    assert_eq!(client.answer().await.status, 200);
    let since = std::time::Instant::now();
    assert!(client.ends().await);
    assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    let mut config = configured();
    config.http_server.write_timeout = Duration::from_millis(200);
    config.client.queue_max_size = 4 * 1024 * 1024;
    let served = serve(config).await;
    let large = json!({"channel": "a", "data": "x".repeat(3 * 1024 * 1024)});
    for _ in 0..8 {
        call(&served, "publish", &large).await;
    }
    let mut client = Client::connect(&served).await;
    client.send(post("/api/history", KEY, r#"{"channel":"a","limit":-1}"#)).await;
    let freed = async {
        while served.desk.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), freed).await.expect("the connection is given up");
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused() {
    let served = serve(configured()).await;
    for (request, status) in [
        (format!("GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000)), 431),
        (format!("GET /health HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(150)), 431),
        ("NOT HTTP AT ALL\r\n\r\n".into(), 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
    ] {
        let mut client = Client::connect(&served).await;
        client.send(&request).await;
        let answered = client.answer().await;
        assert_eq!(answered.status, status, "{}", &request[..40.min(request.len())]);
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_helpfully() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    let mut get = async |method: &str, path: &str| {
        client.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        client.answer().await
    };
    let missing = get("GET", "/nothing").await;
    assert_eq!(missing.status, 404);
    assert_eq!(
        missing.text(),
        "There is nothing at /nothing. This is Wavecast:\n  WebSocket clients connect to /connection/websocket\n  \
         the HTTP API is at POST /api/<method>\n  its methods are described at GET /api/openapi.json\n  health is at \
         GET /health\n"
    );
    assert_eq!(missing.field("x-content-type-options"), Some("nosniff"));
    let wrong = get("DELETE", "/health").await;
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("GET, HEAD")));
    let wrong = get("GET", "/api/publish").await;
    assert_eq!((wrong.status, wrong.field("allow")), (405, Some("POST")));
    assert_eq!(wrong.text(), "/api/publish answers POST only.\n");
    let plain = get("GET", "/connection/websocket").await;
    assert_eq!((plain.status, plain.field("upgrade")), (426, Some("websocket")));
    assert!(plain.text().contains("proxy"), "{plain:?}");
    assert_eq!(get("GET", "/").await.status, 404, "pages are off");
    assert_eq!(get("GET", "/api").await.status, 404);
}

#[tokio::test]
async fn pages_come_with_a_tag_and_a_policy() {
    let mut config = configured();
    config.pages.enabled = true;
    let served = serve(config).await;
    let mut client = Client::connect(&served).await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let page = client.answer().await;
    assert_eq!(page.status, 200);
    assert!(page.field("content-type").unwrap().starts_with("text/html"));
    assert!(page.field("content-security-policy").unwrap().starts_with("default-src 'self'"));
    assert_eq!(page.field("cache-control"), Some("no-cache"));
    let tag = page.field("etag").unwrap();
    client.send(format!("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", W/{tag}\r\n\r\n")).await;
    let known = client.answer().await;
    assert_eq!((known.status, known.body.len()), (304, 0));
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 405);
}

#[tokio::test]
async fn the_development_profile_keeps_other_hosts_and_pages_out() {
    let config = crate::config::load_from(None, [], &crate::config::Overrides::default()).unwrap().config;
    let served = serve_as(config, Profile::Development).await;
    let send = async |host: &str, origin: &str| {
        let mut client = Client::connect(&served).await;
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let body = r#"{"channel":"a","data":1}"#;
        let length = body.len();
        client
            .send(format!(
                "POST /api/publish HTTP/1.1\r\nHost: {host}\r\n{origin}Content-Length: {length}\r\n\r\n{body}"
            ))
            .await;
        client.answer().await
    };
    assert_eq!(send("localhost:8000", "").await.status, 200);
    assert_eq!(send("127.0.0.1:8000", "http://127.0.0.1:8000").await.status, 200);
    let rebound = send("evil.test:8000", "").await;
    assert_eq!(rebound.status, 421);
    assert!(
        rebound.text().contains("development profile") && rebound.text().contains("evil.test"),
        "{rebound:?}"
    );
    let foreign = send("localhost:8000", "https://evil.test").await;
    assert_eq!(foreign.status, 403);
    assert!(foreign.text().contains("evil.test"), "{foreign:?}");
    assert_eq!(served.backend.channels.lock().unwrap()["a"].len(), 2);
    let mut client = Client::connect(&served).await;
    client.send("GET http://evil.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 421, "an absolute target says whom the request is for");
}

#[tokio::test]
async fn a_handshake_after_a_request_goes_back_whole() {
    let mut served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, r#"{"channel":"a","data":1}"#)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    let (first, second) = HANDSHAKE.split_at(50);
    client.send(first).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.send(format!("{second}and what follows")).await;
    let returned = timeout(Duration::from_secs(10), served.returned.recv()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(returned.received).unwrap(), format!("{HANDSHAKE}and what follows"));
    assert_eq!(returned.peer, client.stream.local_addr().unwrap());
    // The socket is alive in both directions, and the desk has forgotten it.
    (&returned.stream).write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    assert_eq!(client.answer().await.status, 101);
    assert_eq!(served.desk.connections(), 0);
}

#[tokio::test]
async fn a_handshake_sent_ahead_waits_for_the_answers_before_it() {
    let mut served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(format!("{}{HANDSHAKE}", post("/api/publish", KEY, r#"{"channel":"a","data":1}"#))).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    let returned = timeout(Duration::from_secs(10), served.returned.recv()).await.unwrap().unwrap();
    assert_eq!(returned.received, HANDSHAKE.as_bytes());
    assert!(client.unread.is_empty());
}

#[tokio::test]
async fn a_body_that_looks_like_a_handshake_stays_a_body() {
    let mut served = serve(configured()).await;
    for headers in ["", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n"] {
        let mut client = Client::connect(&served).await;
        let body = match headers.starts_with("Transfer") {
            true => format!("{:x}\r\n{HANDSHAKE}\r\n0\r\n\r\n", HANDSHAKE.len()),
            false => HANDSHAKE.to_owned(),
        };
        let length = match headers.starts_with("Transfer") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        // Refused before its body is read: the rest must not be taken for the next request.
        client.send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{headers}{length}\r\n")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.send(body).await;
        let answered = client.answer().await;
        assert_eq!((answered.status, answered.field("connection")), (401, Some("close")), "{headers}");
        assert!(client.ends().await, "{headers}");
    }
    assert!(served.returned.try_recv().is_err());
}

#[tokio::test]
async fn without_a_way_back_a_handshake_is_answered() {
    let desk = Arc::new(Desk::new(Arc::new(Lists::default()), Arc::new(configured()), Profile::Configured));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, peer) = listener.accept().await.unwrap();
    let detached = Detached { stream: accepted.into_std().unwrap(), received: HANDSHAKE.into(), peer };
    tokio::spawn(serve_connection(detached, desk));
    let mut client = Client { stream, unread: Vec::new() };
    assert_eq!(client.answer().await.status, 426);
}

#[tokio::test]
async fn there_is_a_bound_on_connections() {
    let mut config = configured();
    config.http_server.connection_limit = 1;
    let served = serve(config).await;
    let mut first = Client::connect(&served).await;
    first.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(first.answer().await.status, 200);
    let mut second = Client::connect(&served).await;
    second.send("GET /he").await;
    let answered = second.answer().await;
    assert_eq!((answered.status, answered.field("retry-after")), (503, Some("1")));
    assert_eq!(answered.text(), "Too many HTTP connections at once.\n");
    assert_eq!((served.desk.connections(), served.desk.refused()), (1, 1));
    drop(first);
    while served.desk.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut third = Client::connect(&served).await;
    third.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(third.answer().await.status, 200);
}

#[tokio::test]
async fn draining_ends_idle_connections_and_lets_calls_finish() {
    let mut config = configured();
    config.http_api.timeout = Duration::from_millis(300);
    let served = serve(config).await;
    let mut idle = Client::connect(&served).await;
    idle.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = Client::connect(&served).await;
    busy.send(post("/api/publish", KEY, r#"{"channel":"full","data":1}"#)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    served.desk.drain();
    assert!(idle.ends().await);
    let answered = busy.answer().await;
    assert_eq!(answered.json()["error"]["code"], 111);
    assert_eq!(answered.field("connection"), Some("close"));
    let mut late = Client::connect(&served).await;
    late.send("GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert_eq!(late.answer().await.status, 503);
}
