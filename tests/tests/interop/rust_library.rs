//! tungstenite as either end.

#![allow(clippy::result_large_err, reason = "a refusal is the library's own type")]

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::server::{Request, Response};
use tungstenite::protocol::frame::coding::{Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame};
use tungstenite::{Error, HandshakeError, Message, WebSocket, accept_hdr, http};

use crate::end::{Abilities, Ask, Deflate, End, Heard, Kind, Library, Opened, Say, Security};
use crate::program::PATIENCE;

/// How long it listens before it looks for orders.
const TURN: Duration = Duration::from_millis(2);

pub(crate) struct Tungstenite;

impl Library for Tungstenite {
    fn abilities(&self) -> Abilities {
        Abilities { agrees_to_deflate: false, asks_for_deflate: false, ..Abilities::ALL }
    }

    fn serve_with(&self, _: Deflate, security: Security) -> (String, Box<dyn End>) {
        assert_eq!(security, Security::Plain, "built without TLS");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let ((orders, ordered), (tell, heard)) = (mpsc::channel(), mpsc::channel());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut opened = None;
                match accept_hdr(stream, |request: &Request, response: Response| {
                    answer(request, response, &mut opened)
                }) {
                    Ok(socket) => {
                        tell.send(Heard::Open(opened.expect("the request was answered"))).ok();
                        return talk(socket, &ordered, &tell);
                    }
                    Err(HandshakeError::Failure(_)) => {}
                    Err(HandshakeError::Interrupted(_)) => unreachable!("the stream blocks"),
                }
            }
        });
        (format!("ws://{address}"), Box::new(Channels { orders, heard }))
    }

    fn connect(&self, ask: &Ask) -> Box<dyn End> {
        let ((orders, ordered), (tell, heard)) = (mpsc::channel(), mpsc::channel());
        let ask = ask.clone();
        thread::spawn(move || {
            let mut request = ask.url.as_str().into_client_request().expect("a URL");
            let headers = request.headers_mut();
            headers.insert("X-Who", ask.who.parse().expect("a header's value"));
            if !ask.protocols.is_empty() {
                headers.insert("Sec-WebSocket-Protocol", ask.protocols.join(", ").parse().expect("names"));
            }
            let address = ask.url.trim_start_matches("ws://").split('/').next().unwrap_or_default();
            let stream = TcpStream::connect(address).expect("the server accepts");
            match tungstenite::client(request, stream) {
                Ok((socket, response)) => {
                    let value = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
                    tell.send(Heard::Open(Opened {
                        protocol: value("Sec-WebSocket-Protocol").map(str::to_owned),
                        header: value("X-Greeting").unwrap_or_default().to_owned(),
                        deflate: false,
                    }))
                    .ok();
                    talk(socket, &ordered, &tell);
                }
                Err(HandshakeError::Failure(Error::Http(response))) => {
                    tell.send(Heard::Refused(response.status().as_u16())).ok();
                }
                Err(error) => {
                    tell.send(Heard::Error(error.to_string())).ok();
                }
            }
        });
        Box::new(Channels { orders, heard })
    }
}

fn answer(
    request: &Request,
    mut response: Response,
    opened: &mut Option<Opened>,
) -> Result<Response, http::Response<Option<String>>> {
    if request.uri().path() == "/refused" {
        let refusal = http::Response::builder().status(403).body(Some("not here".to_owned()));
        return Err(refusal.expect("a response"));
    }
    let value = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let who = value("X-Who").to_owned();
    let asked = value("Sec-WebSocket-Protocol").split(", ").any(|name| name == "chat.v2");
    let headers = response.headers_mut();
    headers.insert("X-Greeting", format!("hello {who}").parse().expect("a header's value"));
    if asked {
        headers.insert("Sec-WebSocket-Protocol", http::HeaderValue::from_static("chat.v2"));
    }
    *opened = Some(Opened { protocol: asked.then(|| "chat.v2".to_owned()), header: who, deflate: false });
    Ok(response)
}

struct Channels {
    orders: Sender<Order>,
    heard: Receiver<Heard>,
}

type Order = Vec<Message>;

impl End for Channels {
    fn say(&mut self, say: Say<'_>) {
        let messages = match say {
            Say::Text(text) => vec![Message::text(text)],
            Say::Binary(bytes) => vec![Message::binary(bytes.to_vec())],
            Say::Ping(payload) => vec![Message::Ping(payload.to_vec().into())],
            Say::Close(code, reason) => {
                vec![Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))]
            }
            Say::Fragments(kind, parts) => {
                let first = if kind == Kind::Text { Data::Text } else { Data::Binary };
                let frames = parts.iter().enumerate().map(|(at, part)| {
                    let opcode = OpCode::Data(if at == 0 { first } else { Data::Continue });
                    Message::Frame(Frame::message(part.to_vec(), opcode, at == parts.len() - 1))
                });
                frames.collect()
            }
        };
        self.orders.send(messages).expect("the thread goes on");
    }

    fn hear(&mut self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("tungstenite tells of something")
    }
}

/// Carries out orders and tells of events by turns, until the connection is over.
fn talk(mut socket: WebSocket<TcpStream>, orders: &Receiver<Order>, tell: &Sender<Heard>) {
    socket.get_ref().set_read_timeout(Some(TURN)).expect("a time-out can be set");
    let mut close = None;
    loop {
        match orders.try_recv() {
            Ok(messages) => {
                for message in messages {
                    if let Message::Close(Some(frame)) = &message {
                        close = Some((u16::from(frame.code), frame.reason.to_string()));
                    }
                    if let Err(error) = socket.send(message) {
                        tell.send(Heard::Error(error.to_string())).ok();
                    }
                }
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return,
        }
        let heard = match socket.read() {
            Ok(Message::Text(text)) => Heard::Text(text.to_string()),
            Ok(Message::Binary(bytes)) => Heard::Binary(bytes.to_vec()),
            Ok(Message::Ping(bytes)) => Heard::Ping(bytes.to_vec()),
            Ok(Message::Pong(bytes)) => Heard::Pong(bytes.to_vec()),
            Ok(Message::Close(frame)) => {
                close = frame.map(|frame| (u16::from(frame.code), frame.reason.to_string())).or(close);
                continue;
            }
            Ok(Message::Frame(_)) => continue,
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                continue;
            }
            Err(Error::ConnectionClosed) => {
                let (code, reason) = close.unwrap_or((1005, String::new()));
                tell.send(Heard::Close(code, reason, None)).ok();
                return;
            }
            Err(error) => {
                tell.send(Heard::Error(error.to_string())).ok();
                return;
            }
        };
        if tell.send(heard).is_err() {
            return;
        }
    }
}
