//! A push server whose every word is scripted, on a thread of its own.

use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};
use wavecast_client::{Client, Options, ServerEvent, ServerEvents, Subscription, SubscriptionEvent};

/// Long enough for a busy machine, short enough for a hanging test to end.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    pub(crate) url: String,
    script: Option<JoinHandle<()>>,
}

impl Server {
    /// Runs the script; its end is the end of the server.
    pub(crate) fn run(script: impl FnOnce(&Door) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/connection/websocket", listener.local_addr().unwrap());
        Self { url, script: Some(thread::spawn(move || script(&Door(listener)))) }
    }

    /// A client with delays that suit a test.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Options::default())
    }

    pub(crate) fn client_with(&self, options: Options) -> Client {
        let delays = Options {
            reconnect_delay_min: Duration::from_millis(5),
            reconnect_delay_max: Duration::from_millis(40),
            jitter_seed: Some(1),
            ..options
        };
        Client::connect(&self.url, delays).unwrap()
    }

    /// Waits for the script's end, and fails with it.
    pub(crate) async fn done(mut self) {
        let script = self.script.take().unwrap();
        tokio::task::spawn_blocking(|| script.join()).await.unwrap().unwrap();
    }
}

pub(crate) struct Door(TcpListener);

impl Door {
    /// The next connection, before its handshake.
    pub(crate) fn stream(&self) -> TcpStream {
        let (stream, _) = self.0.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The next connection, before its connect command.
    pub(crate) fn accept(&self) -> Connection {
        Connection { socket: tungstenite::accept(self.stream()).unwrap(), lines: Vec::new() }
    }

    /// The next connection, connected.
    pub(crate) fn welcome(&self) -> Connection {
        self.welcome_with(json!({})).0
    }

    /// The next connection, connected with these fields in the result beside the usual ones; also what
    /// its connect command said.
    pub(crate) fn welcome_with(&self, fields: Value) -> (Connection, Value) {
        let mut connection = self.accept();
        let connect = connection.expect("connect");
        let mut result = json!({ "client": "session-1", "version": "0", "ping": 25, "pong": true });
        result.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
        connection.reply(&connect, result);
        (connection, connect["connect"].clone())
    }
}

pub(crate) struct Connection {
    socket: tungstenite::WebSocket<TcpStream>,
    lines: Vec<Value>,
}

impl Connection {
    /// The next command, which has to be of this kind.
    pub(crate) fn expect(&mut self, kind: &str) -> Value {
        let command = self.command();
        assert!(command.get(kind).is_some(), "{kind} was expected: {command}");
        command
    }

    /// The next line, which has to be the answer to a ping.
    pub(crate) fn expect_pong(&mut self) -> Value {
        self.command()
    }

    fn command(&mut self) -> Value {
        while self.lines.is_empty() {
            if let Message::Text(text) = self.socket.read().unwrap() {
                self.lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            }
        }
        self.lines.remove(0)
    }

    /// Answers a command with a result of its kind.
    pub(crate) fn reply(&mut self, command: &Value, result: Value) {
        let mut fields = command.as_object().unwrap().keys().filter(|key| *key != "id");
        let kind = fields.next().unwrap().clone();
        self.send(json!({ "id": command["id"], kind: result }));
    }

    pub(crate) fn refuse(&mut self, command: &Value, code: u32, temporary: bool) {
        let error = json!({ "code": code, "message": "because", "temporary": temporary });
        self.send(json!({ "id": command["id"], "error": error }));
    }

    /// Expects a subscribe command and accepts it; returns what it said.
    pub(crate) fn subscribed(&mut self, result: Value) -> Value {
        let command = self.expect("subscribe");
        self.reply(&command, result);
        command["subscribe"].clone()
    }

    pub(crate) fn publish(&mut self, channel: &str, offset: u64, data: impl Into<Value>) {
        let publication = json!({ "offset": offset, "data": data.into() });
        self.send(json!({ "push": { "channel": channel, "pub": publication } }));
    }

    pub(crate) fn send(&mut self, message: Value) {
        self.socket.send(Message::text(message.to_string())).unwrap();
    }

    /// Closes with a code, and waits for the client's answer.
    pub(crate) fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        self.socket.close(Some(frame)).unwrap();
        while self.socket.read().is_ok() {}
    }

    /// Waits until the client has closed.
    pub(crate) fn closed(mut self) {
        loop {
            match self.socket.read() {
                Ok(_) => {}
                Err(tungstenite::Error::ConnectionClosed) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// The next event of a subscription, in a word or two.
pub(crate) async fn next(subscription: &mut Subscription) -> String {
    let event = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("an event in time");
    event.map_or_else(|| "the end".to_owned(), told)
}

/// The next of the server's events, in a word or two.
pub(crate) async fn next_of_server(events: &mut ServerEvents) -> String {
    let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("an event in time");
    match event {
        Some(ServerEvent::Subscription { channel, event }) => format!("{channel}: {}", told(event)),
        Some(ServerEvent::Message(data)) => format!("message {data}"),
        Some(ServerEvent::MessagesDropped(count)) => format!("{count} messages dropped"),
        Some(ServerEvent::Closed(cause)) => format!("closed {}", cause.code),
        Some(other) => panic!("{other:?}"),
        None => "the end".to_owned(),
    }
}

fn told(event: SubscriptionEvent) -> String {
    match event {
        SubscriptionEvent::Subscribed { was_recovering, recovered, position, data } => {
            let at = position.map(|position| format!(" at {}:{}", position.epoch, position.offset));
            let with = data.map(|data| format!(" with {data}"));
            let how = match (was_recovering, recovered) {
                (false, false) => "subscribed",
                (false, true) => "given",
                (true, true) => "recovered",
                (true, false) => "not recovered",
            };
            format!("{how}{}{}", at.unwrap_or_default(), with.unwrap_or_default())
        }
        SubscriptionEvent::Publication(publication) => {
            format!("{}:{}", publication.offset, publication.data)
        }
        SubscriptionEvent::Gap(gap) => {
            let offset =
                |position: Option<wavecast_client::StreamPosition>| position.map(|position| position.offset);
            format!("gap {:?} {:?} {:?}", gap.cause, offset(gap.from), offset(gap.to))
        }
        SubscriptionEvent::Interrupted(cause) => format!("interrupted {}", cause.code),
        SubscriptionEvent::Retrying(cause) => format!("retrying {}", cause.code),
        SubscriptionEvent::Unsubscribed(cause) => format!("unsubscribed {}", cause.code),
        SubscriptionEvent::Join(info) => format!("join {}", info.user),
        SubscriptionEvent::Leave(info) => format!("leave {}", info.user),
        other => panic!("{other:?}"),
    }
}
