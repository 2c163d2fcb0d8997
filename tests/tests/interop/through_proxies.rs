//! nginx and haproxy between a client and a server: the toolkit's, and the push server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};
use wavecast_net::listener::Listener;
use wavecast_tests::program::Program;
use wavecast_tests::proxy::Proxy;
use wavecast_tests::visitor::{Visitor, upgrade_request};

use crate::chromium::Chromium;
use crate::conversation;
use crate::end::{Abilities, Ask, Deflate, End, Heard, Library, Opened, Say, Security};
use crate::libraries::{WEBSOCKETS, WS};
use crate::ours::{OurServer, Ours};
use crate::reverse_proxy::{Inside, Kind, Outside, ReverseProxy};
use crate::rust_library::Tungstenite;

/// Time for an answer on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// The toolkit's server with a proxy in front.
struct Behind(Kind, Outside);

impl Library for Behind {
    fn abilities(&self) -> Abilities {
        Ours.abilities()
    }

    fn serve_with(&self, deflate: Deflate, _: Security) -> (String, Box<dyn End>) {
        let server = OurServer::start(deflate);
        let proxy = ReverseProxy::start(self.0, self.1, Inside::Http, server.address());
        let scheme = if self.1 == Outside::Tls { "wss" } else { "ws" };
        (format!("{scheme}://{}", proxy.address()), Box::new(Proxied { server, _proxy: proxy }))
    }

    fn connect(&self, _: &Ask) -> Box<dyn End> {
        panic!("a reverse proxy stands before a server")
    }
}

struct Proxied {
    server: OurServer,
    _proxy: ReverseProxy,
}

impl End for Proxied {
    fn say(&mut self, say: Say<'_>) {
        self.server.say(say);
    }

    fn hear(&mut self) -> Heard {
        self.server.hear()
    }
}

fn whole_conversation(client: &dyn Library, server: &dyn Library) {
    conversation::messages(client, server, Deflate::Off);
    conversation::large_messages(client, server, Deflate::Off);
    conversation::bursts(client, server, Deflate::Off);
    conversation::fragments(client, server, Deflate::Off);
    conversation::pings(client, server);
    conversation::closing_by_the_client(client, server);
    conversation::closing_by_the_server(client, server);
    conversation::handshakes(client, server);
    conversation::refusals(client, server);
}

#[test]
fn our_client_through_nginx() {
    whole_conversation(&Ours, &Behind(Kind::Nginx, Outside::Plain));
}

#[test]
fn our_client_through_haproxy() {
    whole_conversation(&Ours, &Behind(Kind::Haproxy, Outside::Plain));
}

#[test]
fn tungstenite_through_nginx() {
    whole_conversation(&Tungstenite, &Behind(Kind::Nginx, Outside::Plain));
}

#[test]
fn tungstenite_through_haproxy() {
    whole_conversation(&Tungstenite, &Behind(Kind::Haproxy, Outside::Plain));
}

#[test]
fn ws_through_nginx_that_ends_tls() {
    whole_conversation(&WS, &Behind(Kind::Nginx, Outside::Tls));
}

#[test]
fn websockets_through_haproxy_that_ends_tls() {
    whole_conversation(&WEBSOCKETS, &Behind(Kind::Haproxy, Outside::Tls));
}

#[test]
fn chromium_through_nginx_that_ends_tls() {
    let server = Behind(Kind::Nginx, Outside::Tls);
    conversation::messages(&Chromium::Buffers, &server, Deflate::Off);
    conversation::closing_by_the_client(&Chromium::Buffers, &server);
    conversation::closing_by_the_server(&Chromium::Buffers, &server);
}

/// A page's connection goes into one of HTTP/2 (RFC 8441) that its server has with haproxy, and on to us by HTTP/1.1.
#[test]
fn chromium_over_http_2_through_haproxy() {
    let (origin, mut server) = Behind(Kind::Haproxy, Outside::Tls).serve(Deflate::Off);
    let ask = Ask { url: format!("{origin}/"), protocols: &["chat.v2"], who: "", deflate: Deflate::Off };
    let mut client = Chromium::Buffers.connect(&ask);
    let protocol = Some("chat.v2".to_owned());
    let opened = (client.hear(), server.hear());
    let at_client = Heard::Open(Opened { protocol: protocol.clone(), header: String::new(), deflate: false });
    let at_server = Heard::Open(Opened { protocol, header: "HTTP/2.0".to_owned(), deflate: false });
    assert_eq!(opened, (at_client, at_server));
    client.say(Say::Text("over HTTP/2"));
    assert_eq!(server.hear(), Heard::Text("over HTTP/2".to_owned()));
    let large = vec![7; 1 << 20];
    server.say(Say::Binary(&large));
    assert_eq!(client.hear(), Heard::Binary(large));
    server.say(Say::Close(4001, "enough"));
    assert_eq!(client.hear(), Heard::Close(4001, "enough".to_owned(), None));
    assert!(matches!(server.hear(), Heard::Close(4001, _, Some(true))));
}

/// The proxy says who connects, and the server has that for the peer.
fn the_clients_address(kind: Kind, inside: Inside) {
    let loopback = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = OurServer::listen(Deflate::Off, Listener::tcp(loopback).proxy_protocol(true));
    let proxy = ReverseProxy::start(kind, Outside::Plain, inside, server.address());
    for _ in 0..3 {
        let mut client = TcpStream::connect(proxy.address()).expect("the proxy accepts");
        client.set_read_timeout(Some(SOON)).expect("a time-out can be set");
        client.write_all(&upgrade_request(proxy.address(), "")).expect("the proxy takes a request");
        let mut answer = [0; 12];
        client.read_exact(&mut answer).expect("an answer");
        assert_eq!(answer, *b"HTTP/1.1 101");
        assert_eq!(server.last_peer(), client.local_addr().expect("a connection has two ends"));
    }
}

#[test]
fn the_clients_address_from_haproxy() {
    the_clients_address(Kind::Haproxy, Inside::ProxyV1);
}

#[test]
fn the_clients_address_from_haproxy_in_binary() {
    the_clients_address(Kind::Haproxy, Inside::ProxyV2);
}

#[test]
fn the_clients_address_from_nginx() {
    the_clients_address(Kind::Nginx, Inside::ProxyV1);
}

/// The push server behind a proxy, and between them something that counts connections.
struct Counted {
    server: Program,
    counter: Proxy,
    proxy: ReverseProxy,
}

impl Counted {
    fn start(kind: Kind) -> Self {
        let server = Program::start(&configuration());
        let counter = Proxy::start(server.address());
        let proxy = ReverseProxy::start(kind, Outside::Plain, Inside::Http, counter.address());
        Self { server, counter, proxy }
    }

    fn address(&self) -> SocketAddr {
        self.proxy.address()
    }
}

fn configuration() -> Value {
    json!({
        "log": { "level": "info" },
        "client": { "insecure": true },
        "http_api": { "insecure": true },
        "health": { "enabled": true },
    })
}

fn ask_for_health(visitor: &mut Visitor, address: SocketAddr) {
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n");
    visitor.send(request.as_bytes()).expect("the proxy takes a request");
    let answer = visitor.response(SOON);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// The proxy keeps its connection to the server after a plain request, and sends a handshake over it.
fn a_handshake_after_a_plain_request(kind: Kind) {
    let counted = Counted::start(kind);
    let address = counted.address();
    let mut visitor = Visitor::connect(address).expect("the proxy accepts");
    for _ in 0..3 {
        ask_for_health(&mut visitor, address);
    }
    assert_eq!(counted.counter.links(), 1, "the proxy keeps its connection");
    // On the client's own connection, too, a handshake follows.
    visitor.send(&upgrade_request(address, "")).expect("the proxy takes a request");
    let answer = visitor.response(SOON);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    visitor.begin();
    assert_eq!(counted.counter.links(), 1, "the handshake went over the same connection");
    // It is a client like any other: what it publishes comes to somebody who connects directly.
    let mut other = Visitor::session(counted.server.address());
    other.send_text(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
    assert!(other.reply(2, SOON)["subscribe"].is_object());
    visitor.send_text(r#"{"id":2,"publish":{"channel":"news","data":"through the proxy"}}"#);
    assert!(visitor.reply(2, SOON)["publish"].is_object());
    // A plain request and a handshake of somebody else, at the same time, need a connection of their own.
    ask_for_health(&mut Visitor::connect(address).expect("the proxy accepts"), address);
    let _third = Visitor::session(address);
    assert_eq!(counted.counter.links(), 2);
}

#[test]
fn a_handshake_after_a_plain_request_through_nginx() {
    a_handshake_after_a_plain_request(Kind::Nginx);
}

#[test]
fn a_handshake_after_a_plain_request_through_haproxy() {
    a_handshake_after_a_plain_request(Kind::Haproxy);
}
