//! TLS that the libraries speak themselves, in both directions: each shows the certificate of the tests, and trusts no other.

use crate::chromium::Chromium;
use crate::conversation;
use crate::end::{Abilities, Ask, Deflate, End, Library, Security};
use crate::libraries::{JAVA_WEBSOCKET, WEBSOCKETS, WS};
use crate::ours::Ours;

/// A server whose every connection is in TLS.
struct Secured<'l>(&'l dyn Library);

impl Library for Secured<'_> {
    fn abilities(&self) -> Abilities {
        self.0.abilities()
    }

    fn serve_with(&self, deflate: Deflate, _: Security) -> (String, Box<dyn End>) {
        self.0.serve_with(deflate, Security::Tls)
    }

    fn connect(&self, ask: &Ask) -> Box<dyn End> {
        self.0.connect(ask)
    }
}

fn whole_conversation(client: &dyn Library, server: &dyn Library) {
    let server = &Secured(server);
    conversation::messages(client, server, Deflate::Off);
    conversation::large_messages(client, server, Deflate::Fresh);
    conversation::bursts(client, server, Deflate::Off);
    conversation::fragments(client, server, Deflate::Off);
    conversation::pings(client, server);
    conversation::closing_by_the_client(client, server);
    conversation::handshakes(client, server);
    conversation::refusals(client, server);
}

fn closing_by_the_server(client: &dyn Library, server: &dyn Library) {
    conversation::closing_by_the_server(client, &Secured(server));
}

#[test]
fn java_websocket_to_ours() {
    whole_conversation(&JAVA_WEBSOCKET, &Ours);
    closing_by_the_server(&JAVA_WEBSOCKET, &Ours);
}

#[test]
fn ws_to_ours() {
    whole_conversation(&WS, &Ours);
    closing_by_the_server(&WS, &Ours);
}

#[test]
fn ours_to_ws() {
    whole_conversation(&Ours, &WS);
    closing_by_the_server(&Ours, &WS);
}

#[test]
fn websockets_to_ours() {
    whole_conversation(&WEBSOCKETS, &Ours);
    closing_by_the_server(&WEBSOCKETS, &Ours);
}

#[test]
fn ours_to_websockets() {
    whole_conversation(&Ours, &WEBSOCKETS);
    closing_by_the_server(&Ours, &WEBSOCKETS);
}

#[test]
fn chromium_to_ours() {
    whole_conversation(&Chromium::Blobs, &Ours);
    closing_by_the_server(&Chromium::Blobs, &Ours);
}

#[test]
fn ours_to_ours() {
    whole_conversation(&Ours, &Ours);
    closing_by_the_server(&Ours, &Ours);
}
