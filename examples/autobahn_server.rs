//! The server under test for the Autobahn test suite: it echoes, compressed where that is offered, and prints nothing.
//!
//!     cargo run --release --package wavecast --example autobahn_server -- 127.0.0.1:9001

use wavecast::net::server::{Connection, Events, Server};
use wavecast::net::websocket::deflate::Compression;
use wavecast::net::{MessageRef, Options};

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    // With takeover in both directions, so that sections 12 and 13 see everything that there is to see.
    let compression = Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
    let options = Options { compression: Some(compression), ..Options::default() };
    Server::bind(address)?.options(options).run(Echo)
}
