//! `wavecast echo` without the rest of the program: one shard, built in a fraction of the time.

use std::io;

use wavecast_net::MessageRef;
use wavecast_net::server::{Connection, Events, Server};

struct Back;

impl Events for Back {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

fn main() -> io::Result<()> {
    let server = Server::bind_with("127.0.0.1:0", 1)?;
    println!("listening on ws://{}", server.address());
    server.run(Back)
}
