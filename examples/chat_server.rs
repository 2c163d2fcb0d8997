//! A chat: everybody in a room hears what is said there. Each connection keeps its name and its room, typed, without a lock.
//!
//!     cargo run --package wavecast --example chat_server -- 127.0.0.1:9001
//!
//! `ws://127.0.0.1:9001/?name=ada&room=tea` joins a room; a message is said to the others there, and `/who` counts.

use wavecast::net::MessageRef;
use wavecast::net::server::{Close, Connection, Events, Opening, Request, Server, Verdict};

struct Chat;

/// What is kept of a connection. It begins as the default, and is gone after its close event.
#[derive(Default)]
struct Guest {
    name: String,
    room: String,
}

impl Events<Guest> for Chat {
    fn request(&self, request: &mut Request<'_, Guest>) -> Verdict {
        let Some(name) = request.query("name").filter(|name| !name.is_empty()) else {
            return Verdict::refuse(400, "who are you? Ask for /?name=...&room=...");
        };
        let room = request.query("room").unwrap_or("lobby".into()).into_owned();
        *request.state_mut() = Guest { name: name.into_owned(), room };
        Verdict::Upgrade
    }

    fn open(&self, connection: &mut Connection<'_, Guest>, _: &Opening<'_>) {
        let room = connection.state().room.clone();
        if let Err(error) = connection.join(&room) {
            return connection.close(wavecast::net::CloseCode::POLICY_VIOLATION, &error.to_string());
        }
        tell(connection, "comes in");
    }

    fn message(&self, connection: &mut Connection<'_, Guest>, message: MessageRef<'_>) {
        match message.as_text() {
            Some("/who") => {
                let count = format!("{} are here, in all rooms", connection.server().connections());
                connection.send(&count).ok();
            }
            Some(text) => tell(connection, &format!("says: {text}")),
            None => {}
        }
    }

    fn close(&self, connection: &mut Connection<'_, Guest>, _: &Close<'_>) {
        tell(connection, "leaves");
    }
}

/// One frame for the whole room, shared by all its members.
fn tell(connection: &mut Connection<'_, Guest>, what: &str) {
    let Guest { name, room } = connection.state();
    let (line, room) = (format!("{name} {what}"), room.clone());
    if let Err(error) = connection.group(&room).send_to_others(&line) {
        eprintln!("{error}");
    }
}

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    server.run(Chat)
}
