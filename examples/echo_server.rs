//! A server that sends back what it receives, and prints the four events.
//!
//! Run: `cargo run --release -p wavecast --example echo_server -- [ADDRESS]`

use wavecast::net::server::{Connection, Events, Server};
use wavecast::net::shard::{Close, ConnectionError, Message, Opening};

/// Prints events unless they are too many to read (`QUIET=1`).
struct Echo {
    verbose: bool,
}

impl Events for Echo {
    fn open(&self, _: &mut Connection<'_>, opening: &Opening<'_>) {
        if self.verbose {
            println!("open: {} asks for {}", opening.peer, opening.head.target());
        }
    }

    fn message(&self, connection: &mut Connection<'_>, message: Message<'_>) {
        if self.verbose {
            println!("message: {message:?}");
        }
        // A connection that takes no more is closed by the server; its close event will tell.
        connection.send(message).ok();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        if self.verbose {
            println!("close: {} {:?}, begun by {:?}", close.code, close.reason, close.by);
        }
    }

    fn error(&self, _: &mut Connection<'_>, error: &ConnectionError) {
        if self.verbose {
            println!("error: {error}");
        }
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9000".to_owned());
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    server.run(Echo { verbose: std::env::var_os("QUIET").is_none() })
}
