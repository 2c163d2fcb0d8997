//! The toolkit as either end, used as its users use it.

use std::net::SocketAddr;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wavecast_net::client::{
    self, CloseCode, ConnectError, ConnectOptions, HandshakeError, Message, WebSocket,
};
use wavecast_net::server::{Connection, Events, Peer, Running, Server};
use wavecast_net::shard::{Close, ConnectionError, Opening, Side, Upgrade, Verdict};
use wavecast_net::websocket::handshake::RequestHead;
use wavecast_net::{MessageRef, Options};

use crate::end::{Abilities, Ask, End, Heard, Library, Opened, Say};
use crate::program::PATIENCE;

/// What the toolkit offers today.
pub(crate) const ABILITIES: Abilities = Abilities {
    sends_fragments: false,
    shows_pings: false,
    shows_pongs: false,
    shows_headers: false,
    deflates: false,
    ..Abilities::ALL
};

pub(crate) struct Ours;

impl Library for Ours {
    fn abilities(&self) -> Abilities {
        ABILITIES
    }

    fn serve(&self, deflate: bool) -> (u16, Box<dyn End>) {
        let server = OurServer::start(deflate);
        (server.address().port(), Box::new(server))
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
    heard: Receiver<Heard>,
}

impl OurServer {
    pub(crate) fn start(_deflate: bool) -> Self {
        let server = Server::bind("127.0.0.1:0").expect("a loopback port is free");
        let (tell, heard) = mpsc::channel();
        let last = Arc::<Mutex<Option<Peer>>>::default();
        let events = Telling { tell, last: Arc::clone(&last) };
        let running = server.options(Options::default()).start(events).expect("a server can be started");
        Self { running, last, heard }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }
}

impl End for OurServer {
    fn say(&mut self, say: Say<'_>) {
        let last = self.last.lock().expect("no event panics");
        let peer = last.as_ref().expect("somebody has connected");
        let said = match say {
            Say::Text(text) => peer.send(text),
            Say::Binary(bytes) => peer.send(bytes),
            Say::Ping(payload) => peer.ping(payload),
            Say::Close(code, reason) => peer.close(code_of(code), reason),
            Say::Fragments(..) => panic!("not among its abilities"),
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
}

impl Events for Telling {
    fn request(&self, head: &RequestHead<'_>, _: SocketAddr) -> Verdict {
        if head.path() == Some("/refused") {
            return Verdict::Refuse { status: 403, reason: "not here".to_owned() };
        }
        let greeting = ("X-Greeting".to_owned(), format!("hello {}", who(head)));
        Verdict::UpgradeWith(Upgrade { protocols: &["chat.v2"], headers: vec![greeting] })
    }

    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        *self.last.lock().expect("no event panics") = Some(connection.peer());
        let protocol = opening.protocol.map(str::to_owned);
        let opened = Opened { protocol, header: who(opening.head), deflate: false };
        self.tell.send(Heard::Open(opened)).ok();
    }

    fn message(&self, _: &mut Connection<'_>, message: MessageRef<'_>) {
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
            Say::Fragments(..) => panic!("not among its abilities"),
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
    tell.send(Heard::Open(Opened { protocol, header: String::new(), deflate: false })).ok();
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                Ok(Some(Message::Text(text))) => tell.send(Heard::Text(text)).ok(),
                Ok(Some(Message::Binary(bytes))) => tell.send(Heard::Binary(bytes)).ok(),
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
        Order::Ping(payload) => socket.ping(&payload).await.map_err(|e| e.to_string()),
        Order::Close(code, reason) => {
            socket.close(code_of(code), &reason).await.map(drop).map_err(|e| e.to_string())
        }
    }
}

fn code_of(code: u16) -> CloseCode {
    CloseCode::new(code).expect("a code that a close frame may carry")
}
