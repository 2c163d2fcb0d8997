//! The server under test for the Autobahn test suite: it echoes, compressed where that is offered, and prints nothing.
//!
//! It speaks TLS when it is given a certificate and its key, PEM files both:
//!
//!     cargo run --release --package wavecast --example autobahn_server -- 127.0.0.1:9001 [CERTIFICATE KEY]

use std::error::Error;
use std::thread;

use wavecast::net::listener::Listener;
use wavecast::net::server::{Connection, Events, Server};
use wavecast::net::tls::ServerTls;
use wavecast::net::websocket::deflate::Compression;
use wavecast::net::{MessageRef, Options};

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let server = match arguments.next().zip(arguments.next()) {
        Some((certificate, key)) => {
            let listener = Listener::tcp(address.parse()?).tls(ServerTls::from_files(certificate, key)?);
            Server::unbound(thread::available_parallelism()?.get()).listen(listener)?
        }
        None => Server::bind(address)?,
    };
    // With takeover in both directions, so that sections 12 and 13 see everything that there is to see.
    let compression = Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
    let options = Options { compression: Some(compression), ..Options::default() };
    Ok(server.options(options).run(Echo)?)
}
