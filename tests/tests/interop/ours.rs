//! The toolkit as either end, used as its users use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wavecast_net::client::{
    self, CloseCode, ConnectError, ConnectOptions, HandshakeError, Message, Received, Tls, WebSocket,
};
use wavecast_net::listener::Listener;
use wavecast_net::server::{
    Close, Connection, ConnectionError, Events, FragmentError, Opening, Peer, Request, Running, Server, Side,
    Verdict,
};
use wavecast_net::shard::{Protocols, Upgrade};
use wavecast_net::tls::ServerTls;
use wavecast_net::websocket::deflate::Compression;
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_net::{MessageRef, Options};

use crate::certificate::{self, certificate};
use crate::end::{Abilities, Ask, Deflate, End, Heard, Kind, Library, Opened, Say, Security};
use crate::program::PATIENCE;

/// A server sends fragments in its events, not through the handle that a test has.
const SERVER: Abilities = Abilities { sends_fragments: false, answers_in_fragments: true, ..Abilities::ALL };

const CLIENT: Abilities = Abilities { shows_pings: false, shows_headers: false, ..Abilities::ALL };

pub(crate) struct Ours;

impl Library for Ours {
    fn abilities(&self) -> Abilities {
        SERVER
    }

    fn abilities_of_client(&self) -> Abilities {
        CLIENT
    }

    fn serve_with(&self, deflate: Deflate, security: Security) -> (String, Box<dyn End>) {
        let listener = Listener::tcp(loopback());
        let listener = match security {
            Security::Plain => listener,
            Security::Tls => listener.tls(shown()),
        };
        let server = OurServer::listen(deflate, listener);
        (format!("{}://{}", security.scheme(), server.address()), Box::new(server))
    }

    fn connect(&self, ask: &Ask) -> Box<dyn End> {
        let ((orders, ordered), (tell, heard)) = (unbounded_channel(), mpsc::channel());
        let ask = ask.clone();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(run_client(&ask, ordered, &tell));
        });
        Box::new(OurClient { orders, heard })
    }
}

/// A server of the toolkit, drained when dropped.
pub(crate) struct OurServer {
    running: Running,
    last: Arc<Mutex<Option<Peer>>>,
    answer: Arc<Mutex<Option<Parts>>>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    heard: Receiver<Heard>,
}

/// A message in parts. They are sent in an event, so they wait for the next one.
type Parts = (Kind, Vec<Vec<u8>>);

impl OurServer {
    pub(crate) fn start(deflate: Deflate) -> Self {
        Self::listen(deflate, Listener::tcp(loopback()))
    }

    pub(crate) fn listen(deflate: Deflate, listener: Listener) -> Self {
        let server = Server::unbound(2).listen(listener).expect("a loopback port is free");
        let (tell, heard) = mpsc::channel();
        let last = Arc::<Mutex<Option<Peer>>>::default();
        let (answer, peer) = (Arc::<Mutex<Option<Parts>>>::default(), Arc::<Mutex<_>>::default());
        let events = Telling {
            answer: Arc::clone(&answer),
            peer: Arc::clone(&peer),
            tell,
            last: Arc::clone(&last),
            deflate: deflate.is_on(),
        };
        let options = Options { compression: compression(deflate), ..Options::default() };
        let running = server.options(options).start(events).expect("a server can be started");
        Self { running, last, answer, peer, heard }
    }

    /// Where the last connection came from, as the server has it.
    pub(crate) fn last_peer(&self) -> SocketAddr {
        self.peer.lock().expect("no event panics").expect("somebody has connected")
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }
}

impl End for OurServer {
    fn say(&mut self, say: Say<'_>) {
        if let Say::Fragments(kind, parts) = say {
            let parts = parts.iter().map(|part| part.to_vec()).collect();
            *self.answer.lock().expect("no event panics") = Some((kind, parts));
            return;
        }
        let last = self.last.lock().expect("no event panics");
        let peer = last.as_ref().expect("somebody has connected");
        let said = match say {
            Say::Text(text) => peer.send(text),
            Say::Binary(bytes) => peer.send(bytes),
            Say::Ping(payload) => peer.ping(payload),
            Say::Close(code, reason) => peer.close(code_of(code), reason),
            Say::Fragments(..) => unreachable!("it waits for a message"),
        };
        said.expect("the inbox has room");
    }

    fn hear(&mut self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("our server tells of something")
    }
}

impl Drop for OurServer {
    fn drop(&mut self) {
        self.running.drain(Duration::ZERO);
    }
}

/// The four events, told to a test.
struct Telling {
    tell: Sender<Heard>,
    last: Arc<Mutex<Option<Peer>>>,
    answer: Arc<Mutex<Option<Parts>>>,
    peer: Arc<Mutex<Option<SocketAddr>>>,
    deflate: bool,
}

impl Events for Telling {
    fn request(&self, request: &mut Request<'_, ()>) -> Verdict {
        if request.head.path() == Some("/refused") {
            return Verdict::refuse(403, "not here");
        }
        let greeting = ("X-Greeting".to_owned(), format!("hello {}", who(request.head)));
        Verdict::UpgradeWith(Upgrade {
            protocols: Protocols::Fixed(&["chat.v2"]),
            headers: vec![greeting],
            ..Upgrade::default()
        })
    }

    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        *self.last.lock().expect("no event panics") = Some(connection.peer());
        *self.peer.lock().expect("no event panics") = Some(opening.peer);
        let protocol = opening.protocol.map(str::to_owned);
        let offers = opening
            .head
            .header("sec-websocket-extensions")
            .is_some_and(|all| all.contains("permessage-deflate"));
        let opened = Opened { protocol, header: who(opening.head), deflate: self.deflate && offers };
        self.tell.send(Heard::Open(opened)).ok();
    }

    fn ping(&self, _: &mut Connection<'_>, payload: &[u8]) {
        self.tell.send(Heard::Ping(payload.to_vec())).ok();
    }

    fn pong(&self, _: &mut Connection<'_>, payload: &[u8]) {
        self.tell.send(Heard::Pong(payload.to_vec())).ok();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        if let Some((kind, parts)) = self.answer.lock().expect("no event panics").take() {
            send_in_parts(connection, kind, &parts).expect("the connection takes fragments");
        }
        let heard = match message {
            MessageRef::Text(text) => Heard::Text(text.to_owned()),
            MessageRef::Binary(bytes) => Heard::Binary(bytes.to_vec()),
        };
        self.tell.send(heard).ok();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        let begun_here = Some(close.by == Side::Local);
        self.tell.send(Heard::Close(close.code, close.reason.to_owned(), begun_here)).ok();
    }

    fn error(&self, _: &mut Connection<'_>, error: &ConnectionError) {
        self.tell.send(Heard::Error(error.to_string())).ok();
    }
}

fn send_in_parts(
    connection: &mut Connection<'_>,
    kind: Kind,
    parts: &[Vec<u8>],
) -> Result<(), FragmentError> {
    connection.begin(if kind == Kind::Text {
        wavecast_net::Kind::Text
    } else {
        wavecast_net::Kind::Binary
    })?;
    for part in parts {
        match kind {
            Kind::Text => connection.fragment(std::str::from_utf8(part).expect("parts of a text are text")),
            Kind::Binary => connection.fragment(part),
        }?;
    }
    connection.finish()
}

fn who(head: &RequestHead<'_>) -> String {
    head.header("x-who").unwrap_or_default().to_owned()
}

struct OurClient {
    orders: UnboundedSender<Order>,
    heard: Receiver<Heard>,
}

/// What is said, for the thread of the client.
#[derive(Debug)]
enum Order {
    Send(Message),
    Fragments(Kind, Vec<Vec<u8>>),
    Ping(Vec<u8>),
    Close(u16, String),
}

impl End for OurClient {
    fn say(&mut self, say: Say<'_>) {
        let order = match say {
            Say::Text(text) => Order::Send(Message::Text(text.to_owned())),
            Say::Binary(bytes) => Order::Send(Message::Binary(bytes.to_vec())),
            Say::Ping(payload) => Order::Ping(payload.to_vec()),
            Say::Close(code, reason) => Order::Close(code, reason.to_owned()),
            Say::Fragments(kind, parts) => {
                Order::Fragments(kind, parts.iter().map(|part| part.to_vec()).collect())
            }
        };
        self.orders.send(order).expect("the client goes on");
    }

    fn hear(&mut self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("our client tells of something")
    }
}

async fn run_client(ask: &Ask, mut orders: UnboundedReceiver<Order>, tell: &Sender<Heard>) {
    let options = ConnectOptions::new().header("X-Who", ask.who);
    let options = ask.protocols.iter().fold(options, |options, name| options.protocol(*name));
    let trusted = Tls::trusting_pem(certificate().pem.as_bytes()).expect("a certificate");
    let options = options.tls(trusted);
    let options = match compression(ask.deflate) {
        Some(compression) => options.compression(compression),
        None => options,
    };
    let mut socket = match options.connect(&ask.url).await {
        Ok(socket) => socket,
        Err(ConnectError::Handshake(HandshakeError::Status(rejected))) => {
            tell.send(Heard::Refused(rejected.status)).ok();
            return;
        }
        Err(error) => {
            tell.send(Heard::Error(error.to_string())).ok();
            return;
        }
    };
    let protocol = socket.protocol().map(str::to_owned);
    tell.send(Heard::Open(Opened { protocol, header: String::new(), deflate: socket.is_compressed() })).ok();
    loop {
        tokio::select! {
            received = socket.recv_or_pong() => match received {
                Ok(Some(Received::Message(Message::Text(text)))) => tell.send(Heard::Text(text)).ok(),
                Ok(Some(Received::Message(Message::Binary(bytes)))) => tell.send(Heard::Binary(bytes)).ok(),
                Ok(Some(Received::Pong(payload))) => tell.send(Heard::Pong(payload)).ok(),
                Ok(None) => break,
                Err(error) => tell.send(Heard::Error(error.to_string())).ok(),
            },
            order = orders.recv() => match order {
                Some(order) => carry_out(&mut socket, order).await.map_err(|error| tell.send(Heard::Error(error))).ok(),
                None => return,
            },
        };
    }
    if let Some(closed) = socket.closed() {
        let begun_here = Some(closed.by == client::Side::Local);
        tell.send(Heard::Close(closed.code.get(), closed.reason.clone(), begun_here)).ok();
    }
}

async fn carry_out(socket: &mut WebSocket, order: Order) -> Result<(), String> {
    match order {
        Order::Send(message) => socket.send(&message).await.map_err(|e| e.to_string()),
        Order::Fragments(kind, parts) => {
            for (at, part) in parts.iter().enumerate() {
                let text = || MessageRef::Text(std::str::from_utf8(part).expect("parts of a text are text"));
                let piece = if kind == Kind::Text { text() } else { MessageRef::Binary(part) };
                socket.send_piece(piece, at + 1 == parts.len()).await.map_err(|e| e.to_string())?;
            }
            Ok(())
        }
        Order::Ping(payload) => socket.ping(&payload).await.map_err(|e| e.to_string()),
        Order::Close(code, reason) => {
            socket.close(code_of(code), &reason).await.map(drop).map_err(|e| e.to_string())
        }
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

fn shown() -> ServerTls {
    ServerTls::from_files(certificate::path(), certificate::path()).expect("a certificate and its key")
}

fn compression(deflate: Deflate) -> Option<Compression> {
    let takeover = deflate == Deflate::Takeover;
    let compression =
        Compression { send_takeover: takeover, receive_takeover: takeover, ..Compression::DEFAULT };
    deflate.is_on().then_some(compression)
}

fn code_of(code: u16) -> CloseCode {
    CloseCode::new(code).expect("a code that a close frame may carry")
}
