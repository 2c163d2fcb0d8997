//! A WebSocket server with the four events: open, message, close, error. It sends back what it receives.
//!
//!     cargo run --release --package wavecast --example echo_server -- 127.0.0.1:9001

use wavecast::net::MessageRef;
use wavecast::net::server::{Close, Connection, ConnectionError, Events, Opening, Server};

struct Echo;

impl Events for Echo {
    fn open(&self, _: &mut Connection<'_>, opening: &Opening<'_>) {
        println!("open: {} asks for {}", opening.peer, opening.head.target());
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        match message {
            MessageRef::Text(text) if text.len() <= 60 => println!("message: {text}"),
            MessageRef::Text(text) => println!("message: {} bytes of text", text.len()),
            MessageRef::Binary(bytes) => println!("message: {} bytes", bytes.len()),
        }
        // A peer that reads too slowly is closed; its close event will tell.
        connection.send(message).ok();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        println!("close: {} {:?}, begun by {:?}", close.code, close.reason, close.by);
    }

    fn error(&self, _: &mut Connection<'_>, error: &ConnectionError) {
        println!("error: {error}");
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    server.run(Echo)
}
