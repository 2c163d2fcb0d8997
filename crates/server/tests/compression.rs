//! `websocket.compression`: who offers it is sent publications and replies compressed, in the same words as the others.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use wavecast_net::Compression;
use wavecast_net::websocket::deflate::{Deflater, Inflater, Window};
use wavecast_net::websocket::handshake::ClientRequest;
use wavecast_net::websocket::{Connection, Event, Input, Limits, Opcode, Role, frame};
use wavecast_server::PushServer;
use wavecast_server::config::{Overrides, load_from};

const KEY: Option<[u8; 4]> = Some([1, 2, 3, 4]);

fn start(compression: &str) -> PushServer {
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.insecure", "true"),
        ("shard.count", "1"),
        ("client.insecure", "true"),
        ("websocket.compression", compression),
        ("websocket.compression_min_size", "100"),
        ("websocket.message_size_limit", "20000"),
        ("channel.without_namespace.allow_subscribe_for_client", "true"),
    ];
    let values = values.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    PushServer::start(load_from(None, [], &Overrides { values, insecure: true }).unwrap()).unwrap()
}

/// A client that counts what it is sent.
struct Client {
    stream: TcpStream,
    protocol: Connection,
    inflater: Inflater,
    deflates: bool,
    bytes: usize,
}

impl Client {
    fn connect(server: &PushServer, compression: Option<Compression>) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let request =
            ClientRequest::new("localhost", "/connection/websocket", [7; 16]).compression(compression);
        let mut bytes = Vec::new();
        request.write(&mut bytes).unwrap();
        stream.write_all(&bytes).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let (established, _) = request.verify(&answer, &Limits::DEFAULT).unwrap().unwrap();
        let mut protocol = Connection::new(Role::Client);
        let deflates = established.compression.is_some();
        if let Some(agreement) = established.compression {
            assert!(
                !agreement.send.takeover() && !agreement.receive.takeover(),
                "nothing is kept for a client"
            );
            protocol = protocol.with_deflate(agreement.receive);
        }
        Self { stream, protocol, inflater: Inflater::new(), deflates, bytes: 0 }
    }

    fn say(&mut self, text: &str) {
        let mut bytes = Vec::new();
        if self.deflates {
            let window = Window::new(15, false);
            let mut deflater = Deflater::new(&Compression { bytes_min: 0, ..Compression::DEFAULT });
            deflater.encode(Opcode::Text, text.as_bytes(), window, &mut None, KEY, &mut bytes);
        } else {
            frame::encode(Opcode::Text, text.as_bytes(), KEY, &mut bytes);
        }
        self.stream.write_all(&bytes).unwrap();
    }

    /// Waits for a message that has this in it; or for a close, and then gives its code.
    fn wait_for(&mut self, wanted: &str) -> Result<String, u16> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = self.stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the connection has ended");
            self.bytes += length;
            let mut input = Input::new(&mut buffer[..length]);
            while let Some(event) =
                self.protocol.receive_with(&mut input, &Limits::DEFAULT, &mut self.inflater).unwrap()
            {
                match event {
                    Event::Text(text) if text.contains(wanted) => return Ok(text.to_owned()),
                    Event::Close(close) => return Err(close.code.map_or(1005, u16::from)),
                    _ => {}
                }
            }
        }
    }

    fn subscribe(&mut self) {
        self.say(r#"{"id":1,"connect":{}}"#);
        self.wait_for("connect").unwrap();
        self.say(r#"{"id":2,"subscribe":{"channel":"news"}}"#);
        self.wait_for("subscribe").unwrap();
        self.bytes = 0;
    }
}

fn publish(server: &PushServer, data: &str) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let body = format!(r#"{{"channel":"news","data":{data}}}"#);
    let head = "POST /api/publish HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

fn data() -> String {
    let fields: Vec<String> = (0..40).map(|n| format!(r#""field{n}":"the value of it""#)).collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn a_publication_is_the_same_to_all_and_shorter_on_the_wire() {
    let server = start("true");
    let wants = [
        Some(Compression::DEFAULT),
        None,
        Some(Compression { receive_window_bits: 9, ..Compression::DEFAULT }),
    ];
    let mut clients = wants.map(|wants| Client::connect(&server, wants));
    clients.iter_mut().for_each(Client::subscribe);
    publish(&server, &data());
    let texts = clients.each_mut().map(|client| client.wait_for("field39").unwrap());
    assert!(texts.iter().all(|text| *text == texts[0]));
    let [compressed, plain, narrow] = clients.each_ref().map(|client| client.bytes);
    assert!(compressed < plain / 4 && plain > data().len(), "{compressed} {plain}");
    assert_eq!(narrow, plain, "what is longer than its window goes plain");
    server.drain_handle().drain();
    server.join().unwrap();
}

#[test]
fn it_is_off_unless_it_is_switched_on() {
    let server = start("false");
    let client = Client::connect(&server, Some(Compression::DEFAULT));
    assert!(!client.deflates);
    server.drain_handle().drain();
    server.join().unwrap();
}

#[test]
fn a_message_that_is_too_long_when_inflated_closes_with_1009() {
    let server = start("true");
    let mut client = Client::connect(&server, Some(Compression::DEFAULT));
    client.say(&format!(r#"{{"id":1,"connect":{{"name":"{}"}}}}"#, "x".repeat(20_000)));
    assert_eq!(client.wait_for("connect"), Err(1009));
    server.drain_handle().drain();
    server.join().unwrap();
}
