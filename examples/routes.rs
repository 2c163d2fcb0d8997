//! Several kinds of connections on one server, by path: each with its own events and its own state.
//!
//!     cargo run --package wavecast --example routes -- 127.0.0.1:9001
//!
//! `/echo` echoes, `/game/{room}` counts the moves of a room's players, `/files/{*path}` tells the rest of the path; any other
//! path is answered 404.

use wavecast::net::MessageRef;
use wavecast::net::server::{Connection, Events, Opening, Routes, Server};

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

struct Game;

#[derive(Default)]
struct Player {
    room: String,
    moves: u32,
}

impl Events<Player> for Game {
    fn open(&self, connection: &mut Connection<'_, Player>, opening: &Opening<'_>) {
        let room = opening.params.get("room").unwrap_or_default().into_owned();
        connection.join(&room).ok();
        connection.state_mut().room = room;
    }

    fn message(&self, connection: &mut Connection<'_, Player>, message: MessageRef<'_>) {
        let player = connection.state_mut();
        player.moves += 1;
        let line = format!("move {}: {}", player.moves, message.as_text().unwrap_or("?"));
        let room = player.room.clone();
        connection.group(&room).send(&line).ok();
    }
}

struct Files;

impl Events for Files {
    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        let path = opening.params.get("path").unwrap_or_default();
        connection.send(&*path).ok();
    }

    fn message(&self, _: &mut Connection<'_>, _: MessageRef<'_>) {}
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    server.run(Routes::new().at("/echo", Echo).at("/game/{room}", Game).at("/files/{*path}", Files))
}
