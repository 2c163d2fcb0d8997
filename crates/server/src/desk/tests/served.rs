//! A desk over a real socket on loopback, and a client that speaks to it in raw bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;
use wavecast_net::shard::Detached;

use super::lists::Lists;
use crate::config::{Config, Profile};
use crate::desk::{Desk, serve_connection};

/// A desk behind a listener.
pub(super) struct Served {
    pub(super) desk: Arc<Desk<Lists>>,
    pub(super) backend: Arc<Lists>,
    pub(super) address: SocketAddr,
    pub(super) returned: mpsc::UnboundedReceiver<Detached>,
}

pub(super) fn configured() -> Config {
    let mut config = Config::default();
    config.http_api.key = "s3cret".into();
    config
}

pub(super) async fn serve(config: Config) -> Served {
    serve_as(config, Profile::Configured).await
}

pub(super) async fn serve_as(config: Config, profile: Profile) -> Served {
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
            tokio::spawn(serve_connection(
                Detached { stream: stream.into(), received, peer },
                Arc::clone(&accepting),
            ));
        }
    });
    Served { desk, backend, address, returned }
}

/// A client that writes bytes and reads answers.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    pub(super) unread: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answered {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Client {
    pub(super) async fn connect(served: &Served) -> Self {
        Self { stream: TcpStream::connect(served.address).await.unwrap(), unread: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(super) async fn receive(&mut self) -> bool {
        let count = timeout(Duration::from_secs(10), self.stream.read_buf(&mut self.unread)).await;
        count.expect("an answer in time").unwrap_or(0) > 0
    }

    pub(super) async fn answer(&mut self) -> Answered {
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

    pub(super) async fn ends(&mut self) -> bool {
        while self.receive().await {}
        self.unread.is_empty()
    }
}

pub(super) fn post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}")
}

pub(super) const KEY: &str = "X-API-Key: s3cret\r\n";
pub(super) const HANDSHAKE: &str = "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// One call of the API with its key.
pub(super) async fn call(served: &Served, method: &str, body: &Value) -> Value {
    let mut client = Client::connect(served).await;
    client.send(post(&format!("/api/{method}"), KEY, &body.to_string())).await;
    let answered = client.answer().await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(answered.field("content-type"), Some("application/json"));
    answered.json()
}

pub(super) async fn call_raw(served: &Served, method: &str, headers: &str, body: &str) -> Answered {
    let mut client = Client::connect(served).await;
    client.send(post(&format!("/api/{method}"), headers, body)).await;
    client.answer().await
}
