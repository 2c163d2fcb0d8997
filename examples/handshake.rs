//! The opening handshake in your hands: origins, tokens, headers, sub-protocols, and a verdict that comes later.
//!
//!     cargo run --package wavecast --example handshake -- 127.0.0.1:9001
//!
//! `/?token=ada` opens at once, `/?token=slow` after a look-up on another thread; without a token it is 401.

use std::thread;
use std::time::Duration;

use wavecast::net::MessageRef;
use wavecast::net::server::{Connection, Events, Opening, Origins, Request, Server, Verdict};

struct Door {
    origins: Origins,
}

/// The user's name is the state of a connection.
impl Events<String> for Door {
    fn request(&self, request: &mut Request<'_, String>) -> Verdict {
        if !self.origins.allows(request.head) {
            return Verdict::refuse(403, "pages of this origin may not connect");
        }
        if request.head.path() == Some("/old") {
            return Verdict::refuse(308, "moved").with_header("Location", "/");
        }
        let token = request.query("token").or_else(|| request.cookie("token").map(Into::into));
        let Some(token) = token.map(std::borrow::Cow::into_owned) else {
            return Verdict::refuse(401, "who are you?").with_header("WWW-Authenticate", "Bearer");
        };
        if token == "slow" {
            // An event never blocks: whoever has to wait, waits elsewhere.
            let decision = request.later();
            thread::spawn(move || {
                thread::sleep(Duration::from_millis(300));
                decision.answer_with("somebody slow".to_owned(), Verdict::Upgrade)
            });
            return Verdict::Later;
        }
        *request.state_mut() = token;
        // The best first; the first that the client offers too is taken.
        Verdict::with_protocols(&["chat.v2", "chat.v1"]).with_header("X-Server", "wavecast")
    }

    fn open(&self, connection: &mut Connection<'_, String>, opening: &Opening<'_>) {
        let line = format!("hello {}, we speak {:?}", connection.state(), opening.protocol);
        connection.send(&line).ok();
    }

    fn message(&self, connection: &mut Connection<'_, String>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let origins = Origins::new(["https://example.com", "https://*.example.com", "http://localhost:*"])?;
    let server = Server::bind(address)?;
    println!("listening on ws://{}", server.address());
    Ok(server.run(Door { origins: origins.and_same_host() })?)
}
