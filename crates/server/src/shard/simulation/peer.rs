//! A peer: the far end of one simulated connection, up to whole messages.

use wavecast_net::driver::simulated::{Network, PeerNumber};
use wavecast_net::websocket::{CloseCode, Connection, Event, Input, Limits, Opcode, Role, frame};
use wavecast_protocol::centrifuge::Encoding;

const KEY: [u8; 4] = [1, 2, 3, 4];

pub(super) struct Peer {
    network: Network,
    number: PeerNumber,
    pub(super) encoding: Encoding,
    /// What has come of the response's head.
    head: Vec<u8>,
    protocol: Connection,
    /// The code that the server has closed with.
    pub(super) closed: Option<u16>,
    /// The connection has been cut on this side.
    cut: bool,
}

impl Peer {
    /// A peer that speaks JSON.
    pub(super) fn connect(network: &Network) -> Self {
        Self::speaking(Encoding::Json, network)
    }

    pub(super) fn speaking(encoding: Encoding, network: &Network) -> Self {
        let number = network.connect();
        network.write(number, request(encoding).as_bytes());
        let protocol = Connection::new(Role::Client);
        Self {
            network: network.clone(),
            number,
            encoding,
            head: Vec::new(),
            protocol,
            closed: None,
            cut: false,
        }
    }

    /// Says something in JSON.
    pub(super) fn say(&self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Sends a message.
    pub(super) fn send(&self, message: &[u8]) {
        let opcode = if self.encoding.is_binary() { Opcode::Binary } else { Opcode::Text };
        let mut bytes = Vec::new();
        frame::encode(opcode, message, Some(KEY), &mut bytes);
        self.network.write(self.number, &bytes);
    }

    /// What [`Peer::receive`] gives, as text.
    pub(super) fn read(&mut self) -> Vec<String> {
        self.receive().into_iter().map(|message| String::from_utf8(message).unwrap()).collect()
    }

    /// The whole messages that have arrived since the last call. A close is answered.
    pub(super) fn receive(&mut self) -> Vec<Vec<u8>> {
        let mut bytes = self.network.read(self.number);
        if !self.head.ends_with(b"\r\n\r\n") {
            let known = self.head.len();
            self.head.append(&mut bytes);
            let end = self.head.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
            bytes = self.head.split_off(end.unwrap_or(self.head.len()).max(known));
        }
        if bytes.is_empty() || self.is_refused() {
            return Vec::new();
        }
        let (mut messages, mut answer) = (Vec::new(), Vec::new());
        let mut input = Input::new(&mut bytes);
        let limits = Limits { message_bytes_max: 1 << 26, frame_bytes_max: 1 << 26, ..Limits::default() };
        while let Some(event) = self.protocol.receive(&mut input, &limits).unwrap() {
            match event {
                Event::Text(text) if !self.encoding.is_binary() => messages.push(text.into()),
                Event::Binary(bytes) if self.encoding.is_binary() => messages.push(bytes.into()),
                Event::Close(frame) => self.closed = Some(frame.code.map_or(1005, CloseCode::get)),
                other => panic!("not a word of the protocol: {other:?}"),
            }
        }
        if let Some(code) = self.closed
            && self.protocol.send_close(CloseCode::new(code), "", Some(KEY), &mut answer)
        {
            self.network.write(self.number, &answer);
        }
        messages
    }

    /// Takes nothing in any more, or everything again.
    pub(super) fn set_reading(&self, reads: bool) {
        self.network.set_window(self.number, if reads { 1 << 20 } else { 0 });
    }

    /// Takes so many bytes in, and then nothing any more.
    pub(super) fn trickle(&self, bytes: usize) {
        self.network.set_window(self.number, bytes);
    }

    /// The connection breaks.
    pub(super) fn cut(&mut self) {
        self.network.reset(self.number);
        self.cut = true;
    }

    /// Says goodbye.
    pub(super) fn close(&mut self) {
        let mut frame = Vec::new();
        self.protocol.send_close(Some(CloseCode::NORMAL), "", Some(KEY), &mut frame);
        self.network.write(self.number, &frame);
    }

    /// Whether there is nothing more to expect of this connection.
    pub(super) fn is_over(&self) -> bool {
        self.cut || self.closed.is_some() || self.is_refused()
    }

    /// Whether the server has let go of it without a word.
    pub(super) fn is_dropped(&self) -> bool {
        !self.is_over() && self.network.is_ended(self.number)
    }

    /// The server has answered the handshake with something else than 101.
    fn is_refused(&self) -> bool {
        self.head.ends_with(b"\r\n\r\n") && !self.head.starts_with(b"HTTP/1.1 101 ")
    }

    /// The status line of the handshake's response, as far as it has come.
    pub(super) fn status(&self) -> String {
        String::from_utf8_lossy(&self.head).lines().next().unwrap_or_default().to_owned()
    }
}

fn request(encoding: Encoding) -> String {
    format!(
        "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        encoding.subprotocol()
    )
}
