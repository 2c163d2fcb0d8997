//! Messages larger than memory should hold, both ways: an upload comes in pieces, a download goes out in fragments, each as
//! fast as the other side takes it.
//!
//!     cargo run --package wavecast --example streaming_server -- 127.0.0.1:9001
//!
//! A binary message of any length is counted; a text such as `1000000000` is answered with so many bytes.

use wavecast::net::server::{Connection, Events, FragmentError, Opening, Server};
use wavecast::net::{Kind, MessageRef, Piece};

const PIECE: usize = 64 * 1024;

struct Streams;

#[derive(Default)]
struct Transfer {
    received: u64,
    asked: String,
    to_send: usize,
}

impl Events<Transfer> for Streams {
    fn open(&self, connection: &mut Connection<'_, Transfer>, _: &Opening<'_>) {
        connection.receive_in_pieces();
    }

    fn piece(&self, connection: &mut Connection<'_, Transfer>, piece: Piece<'_>) {
        let Transfer { received, asked, to_send } = connection.state_mut();
        match piece.kind {
            // Here a program writes to a file, say; where that has to wait it calls `pause`, and `Peer::resume` later.
            Kind::Binary => *received += piece.bytes.len() as u64,
            Kind::Text if asked.len() < 20 => asked.push_str(&String::from_utf8_lossy(piece.bytes)),
            Kind::Text => {}
        }
        if !piece.is_last {
            return;
        }
        if piece.kind == Kind::Binary {
            let line = format!("{} bytes", std::mem::take(received));
            connection.send(&line).ok();
        } else {
            *to_send = std::mem::take(asked).trim().parse().unwrap_or(0);
            if connection.begin(Kind::Binary).is_ok() {
                self.drained(connection);
            }
        }
    }

    /// All that was sent has been given to the system: time for more.
    fn drained(&self, connection: &mut Connection<'_, Transfer>) {
        while connection.state().to_send > 0 {
            // Here a program reads from a file, say.
            let length = connection.state().to_send.min(PIECE);
            match connection.fragment(&vec![7; length]) {
                Ok(()) => connection.state_mut().to_send -= length,
                Err(FragmentError::Full) => return connection.tell_when_drained(),
                Err(_) => return,
            }
        }
        connection.finish().ok();
    }

    fn message(&self, _: &mut Connection<'_, Transfer>, _: MessageRef<'_>) {}
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    server.run(Streams)
}
