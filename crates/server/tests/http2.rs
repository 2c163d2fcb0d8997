//! HTTP/2 by prior knowledge: the API, the pages, and WebSocket sessions inside streams (RFC 8441).

#![allow(clippy::unwrap_used, reason = "tests fail loudly")]

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::ext::Protocol;
use hyper::{Request, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wavecast_net::websocket::{Opcode, frame};
use wavecast_server::PushServer;
use wavecast_server::config::{Overrides, load_from};

const SOON: Duration = Duration::from_secs(20);

fn start(more: &[(&str, &str)]) -> PushServer {
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.insecure", "true"),
        ("shard.count", "2"),
        ("client.allow_anonymous_connect_without_token", "true"),
        ("pages.enabled", "true"),
    ];
    let values = values.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let overrides = Overrides { values: values.collect(), insecure: true };
    PushServer::start(load_from(None, [], &overrides).unwrap()).unwrap()
}

/// A server is dropped where blocking is allowed.
fn with_server(more: &[(&str, &str)], test: impl AsyncFnOnce(&PushServer)) {
    let server = start(more);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&server));
    drop(runtime);
    server.drain_handle().drain();
    server.join().unwrap();
}

/// One connection of HTTP/2.
struct Client {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
    connection: tokio::task::JoinHandle<hyper::Result<()>>,
}

impl Client {
    async fn connect(server: &PushServer) -> Self {
        let address = server.address();
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        Self { address, sender, connection: tokio::spawn(connection) }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn call(&mut self, request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        let answer = timeout(SOON, self.sender.send_request(request)).await.unwrap().unwrap();
        let status = answer.status();
        (status, answer.into_body().collect().await.unwrap().to_bytes())
    }

    async fn publish(&mut self, channel: &str, data: Value) {
        let body = json!({"channel": channel, "data": data}).to_string();
        let request = Request::post(self.url("/api/publish")).body(Full::from(body)).unwrap();
        let (status, answer) = self.call(request).await;
        assert!(status == 200 && !answer.starts_with(b"{\"error"), "{status} {answer:?}");
    }

    /// Opens a session inside a stream.
    async fn open(&mut self, path: &str, origin: Option<&str>) -> Result<Session, StatusCode> {
        self.open_with(path, origin.map(|origin| ("Origin", origin))).await
    }

    async fn open_with(&mut self, path: &str, field: Option<(&str, &str)>) -> Result<Session, StatusCode> {
        let mut request = Request::connect(self.url(path))
            .version(Version::HTTP_2)
            .extension(Protocol::from_static("websocket"))
            .header("Sec-WebSocket-Version", "13");
        if let Some((name, value)) = field {
            request = request.header(name, value);
        }
        let request = request.body(Full::default()).unwrap();
        let answer = timeout(SOON, self.sender.send_request(request)).await.unwrap().unwrap();
        if answer.status() != StatusCode::OK {
            return Err(answer.status());
        }
        assert!(!answer.headers().contains_key("sec-websocket-accept"));
        let upgraded = hyper::upgrade::on(answer).await.unwrap();
        Ok(Session(TokioIo::new(upgraded)))
    }
}

struct Session(TokioIo<hyper::upgrade::Upgraded>);

impl Session {
    async fn say(&mut self, command: Value) {
        let mut bytes = Vec::new();
        frame::encode(Opcode::Text, command.to_string().as_bytes(), Some([1, 2, 3, 4]), &mut bytes);
        self.0.write_all(&bytes).await.unwrap();
    }

    /// The next frame: opcode and payload (shorter than 64 KiB).
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let first = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => usize::from(self.0.read_u16().await?),
                length => usize::from(length),
            };
            let mut payload = vec![0; length];
            self.0.read_exact(&mut payload).await?;
            std::io::Result::Ok((first & 15, payload))
        };
        timeout(SOON, read).await.expect("a frame in time").unwrap()
    }

    async fn hear(&mut self) -> Value {
        let (opcode, payload) = self.frame().await;
        assert_eq!(opcode, 1, "{payload:?}");
        serde_json::from_slice(&payload).unwrap()
    }

    async fn connect_and_subscribe(&mut self, channel: &str) {
        self.say(json!({"id": 1, "connect": {}})).await;
        assert!(self.hear().await["connect"]["client"].is_string());
        self.say(json!({"id": 2, "subscribe": {"channel": channel}})).await;
        assert_eq!(self.hear().await["id"], 2);
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            let (opcode, payload) = self.frame().await;
            if opcode == 8 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

#[test]
fn requests_are_answered_as_over_http_1() {
    with_server(&[("health.enabled", "true")], async |server| {
        let mut client = Client::connect(server).await;
        let get = |url: String| Request::get(url).body(Full::default()).unwrap();
        assert_eq!(client.call(get(client.url("/health"))).await, (StatusCode::OK, Bytes::from("{}")));
        assert_eq!(client.call(get(client.url("/"))).await.0, StatusCode::OK);
        assert_eq!(client.call(get(client.url("/nowhere"))).await.0, StatusCode::NOT_FOUND);
        client.publish("news", json!({"n": 1})).await;
        let long = "x".repeat(50_000);
        let many = Request::get(client.url("/")).header("X-Long", long).body(Full::default()).unwrap();
        assert_eq!(client.call(many).await.0, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        assert_eq!(client.call(get(client.url("/health"))).await.0, StatusCode::OK, "the connection goes on");
    });
}

#[test]
fn sessions_inside_streams_are_like_others() {
    let all_may = [
        ("channel.without_namespace.allow_subscribe_for_client", "true"),
        ("channel.without_namespace.allow_subscribe_for_anonymous", "true"),
    ];
    with_server(&all_may, async |server| {
        let mut client = Client::connect(server).await;
        let mut sessions = Vec::new();
        for _ in 0..8 {
            let mut session = client.open("/connection/websocket", None).await.unwrap();
            session.connect_and_subscribe("news").await;
            sessions.push(session);
        }
        for n in 0..3 {
            client.publish("news", json!({"n": n})).await;
            for session in &mut sessions {
                assert_eq!(session.hear().await["push"]["pub"]["data"]["n"], n);
            }
        }
        // The same judgement as at a listener.
        assert_eq!(client.open("/elsewhere", None).await.err(), Some(StatusCode::NOT_FOUND));
        let stranger = client.open("/connection/websocket", Some("https://evil.example")).await;
        assert_eq!(stranger.err(), Some(StatusCode::FORBIDDEN));
        // One goes, the others stay.
        drop(sessions.pop());
        client.publish("news", json!({"n": 9})).await;
        for session in &mut sessions {
            assert_eq!(session.hear().await["push"]["pub"]["data"]["n"], 9);
        }
    });
}

#[test]
fn a_drain_says_so_in_every_stream_and_ends_the_connection() {
    let server = start(&[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(&server).await;
        let mut session = client.open("/connection/websocket", None).await.unwrap();
        session.say(json!({"id": 1, "connect": {}})).await;
        session.hear().await;
        server.drain_handle().drain();
        assert_eq!(session.close_code().await, 3001);
        drop(session);
        let ended = timeout(SOON, client.connection).await.expect("GOAWAY, and the end");
        ended.unwrap().unwrap();
    });
    server.join().unwrap();
}

#[test]
fn a_connection_on_which_nothing_happens_is_ended_and_one_with_a_session_is_not() {
    with_server(&[("http_server.idle_timeout", "2s")], async |server| {
        let idle = Client::connect(server).await;
        let mut busy = Client::connect(server).await;
        let mut session = busy.open("/connection/websocket", None).await.unwrap();
        timeout(SOON, idle.connection).await.expect("it is ended").unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        session.say(json!({"id": 1, "connect": {}})).await;
        assert!(session.hear().await["connect"].is_object());
    });
}

/// Another HTTP/2 than hyper's, where it is installed.
#[test]
fn curl_is_answered() {
    let server = start(&[("health.enabled", "true")]);
    let url = format!("http://{}/health", server.address());
    for (more, told) in [("-i", "\r\n\r\n{}"), ("-I", "content-length: 2\r\n")] {
        let arguments = ["-sS", "--max-time", "20", "--http2-prior-knowledge", more, &url];
        match Command::new("curl").args(arguments).output() {
            Ok(run) => {
                let text = String::from_utf8_lossy(&run.stdout);
                assert!(run.status.success() && text.starts_with("HTTP/2 200"), "{more}: {run:?}");
                assert!(text.contains(told), "{more}: {text}");
            }
            Err(error) => eprintln!("skipped: no curl ({error})"),
        }
    }
    server.drain_handle().drain();
    server.join().unwrap();
}

/// Sessions of many clients come over one connection of the proxy: each stream says whose it is.
#[test]
fn each_stream_of_a_trusted_proxy_has_its_clients_address() {
    for (trusted, second) in [("127.0.0.0/8", StatusCode::OK), ("10.0.0.0/8", StatusCode::TOO_MANY_REQUESTS)]
    {
        let settings = [("http_server.trusted_proxies", trusted), ("client.address_connection_limit", "1")];
        with_server(&settings, async |server| {
            let mut client = Client::connect(server).await;
            let mut open = async |address: &str| {
                let opened =
                    client.open_with("/connection/websocket", Some(("X-Forwarded-For", address))).await;
                opened.map_or_else(|status| (status, None), |session| (StatusCode::OK, Some(session)))
            };
            let first = open("192.0.2.1").await;
            assert_eq!(first.0, StatusCode::OK);
            assert_eq!(open("192.0.2.1").await.0, StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(open("192.0.2.2").await.0, second, "{trusted}");
        });
    }
}

/// A server whose channel `news` holds 1.2 MB, more than may wait for clients that poll; its answers have two seconds to
/// make progress.
fn with_history(idle_timeout: &str, test: impl AsyncFnOnce(&PushServer)) {
    let settings = [
        ("poll.enabled", "true"),
        ("poll.unsent_max_size", "1048576"),
        ("poll.response_max_size", "4194304"),
        ("client.history_max_publication_limit", "300"),
        ("http_server.write_timeout", "2s"),
        ("http_server.idle_timeout", idle_timeout),
        ("channel.without_namespace.history_size", "300"),
        ("channel.without_namespace.history_ttl", "300s"),
        ("channel.without_namespace.allow_recovery", "true"),
        ("channel.without_namespace.allow_subscribe_for_client", "true"),
        ("channel.without_namespace.allow_subscribe_for_anonymous", "true"),
    ];
    with_server(&settings, async |server| {
        let mut client = Client::connect(server).await;
        for number in 0..300 {
            client.publish("news", json!([number, "x".repeat(4_000)])).await;
        }
        test(server).await;
    });
}

/// A poll for what follows.
fn news(server: &PushServer, offset: u64) -> Request<Full<Bytes>> {
    let url = format!("http://{}/connection/poll?channels=news&since=news:{offset}:", server.address());
    Request::get(url).body(Full::default()).unwrap()
}

#[test]
fn an_answer_that_nobody_takes_is_given_up_and_the_others_of_the_connection_are_not() {
    with_history("75s", async |server| {
        for window in [0, 1, 20_000] {
            let stream = TcpStream::connect(server.address()).await.unwrap();
            let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(window)
                .handshake(TokioIo::new(stream))
                .await
                .unwrap();
            let connection = tokio::spawn(connection);
            let stuck = timeout(SOON, sender.send_request(news(server, 0))).await.unwrap().unwrap();
            // Held, and not read.
            assert_eq!(stuck.status(), StatusCode::OK);
            let mut other = Client::connect(server).await;
            // As long as it is held there is no room for other answers.
            let mut ask_elsewhere = async || other.call(news(server, 1)).await.0;
            assert_eq!(ask_elsewhere().await, StatusCode::SERVICE_UNAVAILABLE);
            let given_back = async { while ask_elsewhere().await != StatusCode::OK {} };
            timeout(SOON, given_back).await.expect("it is given up");
            let ended = timeout(SOON, stuck.into_body().collect()).await.unwrap();
            assert!(ended.is_err(), "the stream is reset");
            assert!(!connection.is_finished(), "and only that");
            let next = timeout(SOON, sender.send_request(news(server, 300))).await.unwrap().unwrap();
            assert_eq!(next.status(), StatusCode::OK);
            connection.abort();
        }
    });
}

#[test]
fn an_answer_that_is_taken_slowly_comes_whole() {
    with_history("1s", async |server| {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(16_384)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let answer = timeout(SOON, sender.send_request(news(server, 250))).await.unwrap().unwrap();
        let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        let (mut body, mut taken) = (answer.into_body(), Vec::new());
        while let Some(frame) = timeout(SOON, body.frame()).await.unwrap() {
            taken.extend_from_slice(&frame.unwrap().into_data().unwrap());
            // Some five seconds in all, and never two without progress.
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        assert_eq!(taken.len(), length);
        let page: Value = serde_json::from_slice(&taken).unwrap();
        assert_eq!(page["publications"].as_array().unwrap().len(), 50);
        connection.abort();
    });
}
