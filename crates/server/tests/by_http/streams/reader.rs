//! A client of a stream: what has come of it, event by event or line by line.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wavecast_server::PushServer;

use crate::served::SOON;

/// Nothing more comes.
const QUIET: Duration = Duration::from_millis(25);

/// An event of an EventSource: what it remembers from then on, and its data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) data: Option<Value>,
}

pub(crate) struct Reader {
    pub(crate) stream: TcpStream,
    pub(crate) head: String,
    /// What of the body has come and is not told yet.
    pub(crate) rest: Vec<u8>,
}

impl Reader {
    /// Sends a request and reads the head of its answer.
    pub(crate) async fn ask(server: &PushServer, request: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reader = Self { stream, head: String::new(), rest: Vec::new() };
        while reader.head.is_empty() {
            assert!(reader.more(SOON).await > 0, "no answer: {:?}", reader.rest);
            if let Some(end) = reader.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                let body = reader.rest.split_off(end + 4);
                reader.head = String::from_utf8(std::mem::replace(&mut reader.rest, body)).unwrap();
            }
        }
        reader
    }

    pub(crate) async fn get(server: &PushServer, target: &str, fields: &str) -> Self {
        Self::ask(server, &format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n")).await
    }

    pub(crate) async fn post(server: &PushServer, target: &str, body: &str) -> Self {
        let length = body.len();
        let request = format!("POST {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}");
        Self::ask(server, &request).await
    }

    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().unwrap()
    }

    /// Reads once, if something comes in time; 0 at the end.
    async fn more(&mut self, patience: Duration) -> usize {
        timeout(patience, self.stream.read_buf(&mut self.rest)).await.map_or(0, |read| read.unwrap_or(0))
    }

    /// Reads up to so many bytes of the body, or until nothing more comes; and cuts the connection.
    pub(crate) async fn cut_at(mut self, bytes: usize) -> Vec<u8> {
        while self.rest.len() < bytes && self.more(QUIET).await > 0 {}
        // With bytes unread this is a reset.
        self.stream.set_zero_linger().unwrap();
        self.rest.truncate(bytes);
        self.rest
    }

    /// Reads until that holds of the body, and then until nothing more comes; and cuts the connection.
    pub(crate) async fn cut_after(mut self, holds: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        while !holds(&self.rest) {
            assert!(self.more(SOON).await > 0, "it is not all: {:?}", String::from_utf8_lossy(&self.rest));
        }
        self.cut_at(usize::MAX).await
    }

    /// All that comes until the end.
    pub(crate) async fn until_the_end(mut self) -> String {
        while self.more(SOON).await > 0 {}
        String::from_utf8(self.rest).unwrap()
    }

    /// The next line, as JSON.
    pub(crate) async fn line(&mut self) -> Value {
        loop {
            if let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return serde_json::from_slice(&line).unwrap();
            }
            assert!(self.more(SOON).await > 0, "the stream ends: {:?}", String::from_utf8_lossy(&self.rest));
        }
    }

    /// The data of the next event that has some.
    pub(crate) async fn event(&mut self) -> Event {
        loop {
            let (events, used) = events(&self.rest);
            if let Some(event) = events.into_iter().find(|event| event.data.is_some()) {
                // Up to the end of that event: what comes before it has no data.
                let text = String::from_utf8_lossy(&self.rest).into_owned();
                let at = text.find("data: ").unwrap();
                let end = at + text[at..].find("\n\n").unwrap() + 2;
                self.rest.drain(..end);
                return event;
            }
            self.rest.drain(..used);
            assert!(self.more(SOON).await > 0, "the stream ends: {:?}", String::from_utf8_lossy(&self.rest));
        }
    }
}

/// The whole events of a body, and how many bytes they are: an event counts when the empty line behind it has come.
pub(crate) fn events(body: &[u8]) -> (Vec<Event>, usize) {
    let (mut events, mut event, mut used, mut at) = (Vec::new(), Event::default(), 0, 0);
    for line in body.split_inclusive(|&byte| byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        at += line.len();
        let text = std::str::from_utf8(line).unwrap().trim_end_matches(['\r', '\n']);
        match text.split_once(": ") {
            None if text == "id:" => event.id = Some(String::new()),
            None => {
                events.push(std::mem::take(&mut event));
                used = at;
            }
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => event.data = Some(serde_json::from_str(data).unwrap()),
            Some(_) => {}
        }
    }
    (events, used)
}
