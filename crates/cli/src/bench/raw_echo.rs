//! The kernel's share of an echo: a loop that reads, unmasks and writes, and does nothing else.
//!
//! It is what a WebSocket echo cannot do without, on one thread: one `epoll_wait` for all sockets that are ready, one read
//! of a socket into a buffer that all share, and one write. In between it does only what makes valid frames of an echo: each
//! payload is unmasked where it lies, and the header, which is four bytes shorter without its key, is put before it again. A
//! frame that ends beyond what was read goes on its way as far as it has come, so nothing is ever put together or kept but
//! the beginning of a header.
//!
//! It leaves out whatever a server for strangers needs: text is not checked for UTF-8, no length is too long, reserved
//! bits, opcodes and fragments pass as they are, pings are echoed, nothing is timed or counted, and what a peer does not read
//! waits without a bound. It is measured, never offered.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

use mio::net::{self as mio_net, TcpStream};
use mio::{Events, Interest, Poll, Token};
use wavecast_websocket::frame::{HEADER_BYTES_MAX, Header};
use wavecast_websocket::mask::{self, Key};
use wavecast_websocket::{Limits, handshake};

use super::process;

const EVENTS_PER_TURN: usize = 1024;
const LISTENER: Token = Token(usize::MAX);
/// Longer buffers save reads of long batches, and lose it again where they no longer fit the processor's caches.
const RECEIVE_BYTES: usize = 256 * 1024;
/// Short frames are moved together and written as one; of longer ones the kernel is given a list.
const MOVED_BYTES_MAX: usize = 32 * 1024;
const SLICES_MAX: usize = 64;

/// Names its URL on standard output and serves until it is killed.
pub(super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let mut server = RawEcho::new(listener).map_err(|error| error.to_string())?;
    println!("listening on ws://{address}");
    loop {
        server.turn().map_err(|error| error.to_string())?;
    }
}

struct RawEcho {
    poll: Poll,
    events: Events,
    listener: mio_net::TcpListener,
    connections: Vec<Option<Connection>>,
    buffer: Vec<u8>,
    /// Where the frames that are to be sent lie in the buffer.
    pieces: Vec<Range<usize>>,
}

struct Connection {
    stream: TcpStream,
    open: bool,
    frames: Frames,
    /// What the kernel has not taken yet; nothing is read meanwhile.
    unsent: Vec<u8>,
}

impl RawEcho {
    fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        let mut listener = mio_net::TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN),
            listener,
            connections: Vec::new(),
            buffer: vec![0; RECEIVE_BYTES],
            pieces: Vec::new(),
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        match self.poll.poll(&mut self.events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let Token(index) = event.token();
            if event.token() == LISTENER {
                accept(&self.listener, &mut self.connections, &self.poll)?;
                continue;
            }
            let Some(place) = self.connections.get_mut(index) else { continue };
            let Some(connection) = place else { continue };
            // Whatever ends a connection, its peer knows.
            if connection.ready(Token(index), &self.poll, &mut self.buffer, &mut self.pieces).is_err() {
                *place = None;
            }
        }
        Ok(())
    }
}

fn accept(
    listener: &mio_net::TcpListener,
    connections: &mut Vec<Option<Connection>>,
    poll: &Poll,
) -> io::Result<()> {
    loop {
        let (mut stream, _) = match listener.accept() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            result => result?,
        };
        stream.set_nodelay(true)?;
        let index = connections.iter().position(Option::is_none).unwrap_or(connections.len());
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        let connection = Connection { stream, open: false, frames: Frames::default(), unsent: Vec::new() };
        if index == connections.len() {
            connections.push(Some(connection));
        } else {
            connections[index] = Some(connection);
        }
    }
}

impl Connection {
    /// The socket is ready, to be read or to be written to.
    fn ready(
        &mut self,
        token: Token,
        poll: &Poll,
        buffer: &mut [u8],
        pieces: &mut Vec<Range<usize>>,
    ) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let written = taken(self.stream.write(&self.unsent))?;
            self.unsent.drain(..written);
        }
        while self.unsent.is_empty() {
            let from = self.frames.header_bytes;
            buffer[..from].copy_from_slice(&self.frames.header[..from]);
            let filled = match self.stream.read(&mut buffer[from..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(length) => from + length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            if self.open {
                pieces.clear();
                self.frames.turn_round(&mut buffer[..filled], pieces);
                self.send(buffer, pieces)?;
            } else {
                self.open(&buffer[..filled])?;
            }
            if !self.unsent.is_empty() {
                let interest = Interest::READABLE | Interest::WRITABLE;
                poll.registry().reregister(&mut self.stream, token, interest)?;
            }
            // A short read has emptied the socket: epoll(7), edge-triggered.
            if filled < buffer.len() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The request head has come, in one piece from a load, which waits for the answer.
    fn open(&mut self, head: &[u8]) -> io::Result<()> {
        let invalid = || io::Error::from(ErrorKind::InvalidData);
        let parsed = handshake::parse_request(head, &Limits::DEFAULT).map_err(|_| invalid())?;
        let (request, _) = parsed.ok_or_else(invalid)?;
        let acceptance = handshake::accept(&request, &[]).map_err(|_| invalid())?;
        let mut answer = Vec::new();
        acceptance.write(&[], &mut answer).map_err(|_| invalid())?;
        self.open = true;
        self.stream.write_all(&answer)
    }

    fn send(&mut self, buffer: &mut [u8], pieces: &[Range<usize>]) -> io::Result<()> {
        let length = pieces.iter().map(ExactSizeIterator::len).sum::<usize>();
        let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Ok(()) };
        if last.end - first.start == length || length <= MOVED_BYTES_MAX {
            let mut end = first.end;
            for piece in &pieces[1..] {
                buffer.copy_within(piece.clone(), end);
                end += piece.len();
            }
            let whole = &buffer[first.start..end];
            let written = taken(self.stream.write(whole))?;
            self.unsent.extend_from_slice(&whole[written..]);
            return Ok(());
        }
        let mut written = 0;
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        for some in pieces.chunks(SLICES_MAX) {
            for (slice, piece) in slices.iter_mut().zip(some) {
                *slice = IoSlice::new(&buffer[piece.clone()]);
            }
            if self.unsent.is_empty() {
                written = taken(self.stream.write_vectored(&slices[..some.len()]))?;
            }
            for slice in &slices[..some.len()] {
                let cut = written.min(slice.len());
                written -= cut;
                self.unsent.extend_from_slice(&slice[cut..]);
            }
        }
        Ok(())
    }
}

/// How much a write took: nothing, where the socket is full.
fn taken(result: io::Result<usize>) -> io::Result<usize> {
    match result {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

/// Where a connection stands in its stream of frames.
#[derive(Default)]
struct Frames {
    /// Of the frame whose payload has not all come.
    missing: u64,
    /// Turned so that its first byte meets the next byte of payload.
    key: Key,
    /// The beginning of a header that was cut in two.
    header: [u8; HEADER_BYTES_MAX],
    header_bytes: usize,
}

impl Frames {
    /// Makes unmasked frames of the masked ones in `bytes`, in place, and notes where each of them lies.
    fn turn_round(&mut self, bytes: &mut [u8], pieces: &mut Vec<Range<usize>>) {
        self.header_bytes = 0;
        let mut at = 0;
        if self.missing > 0 {
            at = self.unmask(bytes, 0);
            pieces.push(0..at);
        }
        while at < bytes.len() {
            let Ok(Some((header, header_bytes))) = Header::decode(&bytes[at..]) else {
                let rest = &bytes[at..];
                self.header_bytes = rest.len().min(HEADER_BYTES_MAX);
                self.header[..self.header_bytes].copy_from_slice(&rest[..self.header_bytes]);
                return;
            };
            let payload_at = at + header_bytes;
            (self.missing, self.key) = (header.len, header.key.unwrap_or_default());
            bytes[at + 1] &= 0x7f;
            bytes.copy_within(at..payload_at - size_of::<Key>(), at + size_of::<Key>());
            let end = self.unmask(bytes, payload_at);
            pieces.push(at + size_of::<Key>()..end);
            at = end;
        }
    }

    /// Unmasks what has come of the payload that goes on at `at`, and says where it ends.
    fn unmask(&mut self, bytes: &mut [u8], at: usize) -> usize {
        let there = bytes.len() - at;
        let length = usize::try_from(self.missing).map_or(there, |missing| missing.min(there));
        mask::apply(self.key, &mut bytes[at..at + length]);
        self.missing -= length as u64;
        self.key = mask::advance(self.key, length);
        at + length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavecast_websocket::frame::{self, Opcode};

    const KEY: Key = [1, 2, 3, 4];

    fn frames(key: Option<Key>) -> Vec<u8> {
        let mut out = Vec::new();
        for length in [0, 1, 16, 125, 126, 1000, 65_535, 65_536, 70_000, 5] {
            let payload: Vec<u8> = (0..length).map(|at| (at * 7) as u8).collect();
            frame::encode(Opcode::Binary, &payload, key, &mut out);
        }
        out
    }

    fn through(pieces: impl Iterator<Item = usize>, input: &[u8]) -> Vec<u8> {
        let (mut state, mut out, mut rest) = (Frames::default(), Vec::new(), input);
        for length in pieces {
            let (now, later) = rest.split_at(length.min(rest.len()));
            rest = later;
            let mut bytes = state.header[..state.header_bytes].to_vec();
            bytes.extend_from_slice(now);
            let mut ranges = Vec::new();
            state.turn_round(&mut bytes, &mut ranges);
            ranges.iter().for_each(|range| out.extend_from_slice(&bytes[range.clone()]));
        }
        assert!(rest.is_empty());
        out
    }

    #[test]
    fn what_comes_back_is_what_a_server_would_have_encoded_wherever_it_was_cut() {
        let (input, expected) = (frames(Some(KEY)), frames(None));
        for length in [1, 2, 3, 5, 7, 13, 64, 1000, 65_536, input.len()] {
            let pieces = std::iter::repeat_n(length, input.len().div_ceil(length));
            assert!(through(pieces, &input) == expected, "pieces of {length}");
        }
    }

    #[test]
    fn an_echo_comes_back_over_a_socket() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut server = RawEcho::new(listener).unwrap();
            while server.turn().is_ok() {}
        });
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let upgrade = super::super::upgrade::Upgrade::new("localhost", "/").unwrap();
        stream.write_all(upgrade.request()).unwrap();
        let mut answer = vec![0; 1024];
        let read = stream.read(&mut answer).unwrap();
        assert_eq!(upgrade.check(&answer[..read]), Ok(Some(read)));
        let (input, expected) = (frames(Some(KEY)).repeat(20), frames(None).repeat(20));
        let mut writer = stream.try_clone().unwrap();
        let writing = std::thread::spawn(move || writer.write_all(&input));
        let mut back = vec![0; expected.len()];
        stream.read_exact(&mut back).unwrap();
        assert!(back == expected);
        writing.join().unwrap().unwrap();
    }
}
