//! The two programs of the article that the project began from, at the other end of the toolkit.
//!
//! What the listings say is in `tests/java`, with what had to be changed so that they compile.

use std::process::Stdio;

use crate::end::{Ask, Deflate, End, Heard, Library, Say};
use crate::libraries::java;
use crate::ours::{OurServer, Ours};
use crate::program::Process;

#[test]
fn its_server_serves_our_client() {
    let mut server = Process::start(java("interop.ArticleServer").arg("0").stderr(Stdio::null()));
    let line = server.line();
    let port = line.strip_prefix("listening ").expect("it says where it listens");
    let url = format!("ws://127.0.0.1:{port}/");
    let mut client = Ours.connect(&Ask { url, protocols: &[], who: "us", deflate: Deflate::Off });
    assert!(matches!(client.hear(), Heard::Open(_)));
    assert_eq!(server.line(), "A new connection is established.");
    client.say(Say::Text("hello"));
    assert_eq!(server.line(), "Received message: hello");
    client.say(Say::Close(1000, "bye"));
    assert_eq!(server.line(), "A connection is closed.");
    assert!(matches!(client.hear(), Heard::Close(1000, _, Some(true))));
}

#[test]
fn its_client_talks_to_our_server() {
    let mut server = OurServer::start(Deflate::Off);
    let url = format!("ws://{}", server.address());
    let mut client = Process::start(java("interop.ArticleClient").arg(url).stderr(Stdio::null()));
    assert!(matches!(server.hear(), Heard::Open(_)));
    assert_eq!(client.line(), "A new connection is established.");
    server.say(Say::Text("hello"));
    assert_eq!(client.line(), "Received message: hello");
    server.say(Say::Close(1000, "bye"));
    assert_eq!(client.line(), "A connection is closed.");
    assert!(matches!(server.hear(), Heard::Close(1000, _, Some(true))));
}
