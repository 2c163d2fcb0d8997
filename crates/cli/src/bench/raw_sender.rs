//! The kernel's share of a delivery: one non-blocking send of ready bytes to each socket, and nothing else.
//!
//! No server that uses sockets can do with less per send than this loop, so its processor time per delivery, taken in
//! the same run with the same receivers, is the unit that servers are measured in. It runs on one thread, or on as many
//! as a server has, each with sockets of its own: threads that send at the same time get in each other's way in the
//! kernel and in the caches, for a server as for this.

use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use socket2::{Domain, Socket, Type};
use wavecast_websocket::frame::{self, Opcode};

use super::control::{self, News, Order};
use super::process;
use super::stamp::{self, Stamp};

/// Receivers say nothing that would slow them down, so they come faster than they are accepted; one that finds the queue
/// full would try again only after a second. The kernel cuts it to `net.core.somaxconn`.
const ACCEPT_PENDING_MAX: i32 = 65_535;

/// Runs a raw sender on this process's standard streams until its input ends.
pub(super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let mut orders = io::stdin().lock();
    let first = control::read_line(&mut orders).map_err(|error| error.to_string())?;
    let Some(Order::RawSender { receivers, threads, payload_bytes, frame_bytes }) = first else {
        return Err("the first order was not to listen".into());
    };
    let sockets = accept(receivers).map_err(|error| error.to_string())?;
    let mut sender = RawSender::new(sockets, threads, padded_payload(payload_bytes, frame_bytes));
    tell(&News::Ready)?;
    loop {
        match control::read_line(&mut orders).map_err(|error| error.to_string())? {
            Some(Order::Send { messages }) => sender.send(messages)?,
            Some(order) => return Err(format!("a raw sender has no use for the order {order:?}")),
            None => return Ok(()),
        }
    }
}

fn tell(news: &News) -> Result<(), String> {
    control::write_line(io::stdout().lock(), news).map_err(|error| error.to_string())
}

/// Listens on loopback until all receivers have come.
fn accept(receivers: u32) -> io::Result<Vec<TcpStream>> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(ACCEPT_PENDING_MAX)?;
    let listener = TcpListener::from(socket);
    control::write_line(io::stdout().lock(), &News::Listening { address: listener.local_addr()? })?;
    let mut sockets = Vec::with_capacity(receivers as usize);
    while sockets.len() < receivers as usize {
        let (socket, _) = listener.accept()?;
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

struct RawSender {
    /// Those that this thread sends to.
    sockets: Vec<TcpStream>,
    /// To the other threads: what to send to theirs.
    others: Vec<SyncSender<Arc<[u8]>>>,
    payload_bytes: usize,
    sequence: u32,
    message: Vec<u8>,
    bytes: Vec<u8>,
}

impl RawSender {
    fn new(mut sockets: Vec<TcpStream>, threads: u32, payload_bytes: usize) -> Self {
        let share = sockets.len().div_ceil(threads.max(1) as usize).max(1);
        let mut others = Vec::new();
        while sockets.len() > share {
            let theirs = sockets.split_off(sockets.len() - share);
            let (sender, rounds) = sync_channel(1);
            thread::spawn(move || send_rounds(theirs, &rounds));
            others.push(sender);
        }
        Self { sockets, others, payload_bytes, sequence: 0, message: Vec::new(), bytes: Vec::new() }
    }

    /// So many publications in one send to every socket.
    fn send(&mut self, messages: u32) -> Result<(), String> {
        let sent_ns = stamp::now_ns();
        self.bytes.clear();
        for _ in 0..messages {
            self.sequence += 1;
            self.message.clear();
            push(Stamp { sent_ns, sequence: self.sequence }, self.payload_bytes, &mut self.message);
            frame::encode(Opcode::Text, &self.message, None, &mut self.bytes);
        }
        if !self.others.is_empty() {
            let bytes: Arc<[u8]> = self.bytes.as_slice().into();
            for other in &self.others {
                // A thread that has gone has told why.
                let _ = other.send(Arc::clone(&bytes));
            }
        }
        send_to_all(&mut self.sockets, &self.bytes)
    }
}

/// One of the other threads. Nobody waits for it: a round is over when its receivers say so.
fn send_rounds(mut sockets: Vec<TcpStream>, rounds: &Receiver<Arc<[u8]>>) {
    while let Ok(bytes) = rounds.recv() {
        if let Err(reason) = send_to_all(&mut sockets, &bytes) {
            let _ = tell(&News::Failed { reason });
            return;
        }
    }
}

fn send_to_all(sockets: &mut [TcpStream], bytes: &[u8]) -> Result<(), String> {
    for socket in sockets {
        match socket.write(bytes) {
            Ok(written) if written == bytes.len() => {}
            // The window is small and everyone has received the lot before, so this is no back-pressure to wait out.
            Ok(_) => return Err(
                "a receiver's socket took only a part of a send: lower the payload or the messages a send"
                    .into(),
            ),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Err("a receiver's socket was full".into());
            }
            Err(error) => return Err(format!("sending to a receiver: {error}")),
        }
    }
    Ok(())
}

/// A publication as the Centrifuge JSON protocol delivers it.
fn push(stamp: Stamp, payload_bytes: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"push":{"channel":"bench","pub":{"data":"#);
    stamp::write_payload(stamp, payload_bytes, out);
    out.extend_from_slice(b"}}}");
}

/// The payload length that makes the frame as long on the wire as the server's, whatever that puts around the payload;
/// `payload_bytes` itself where `frame_bytes` is 0 or cannot be met.
fn padded_payload(payload_bytes: usize, frame_bytes: usize) -> usize {
    let wire_bytes = |payload_bytes: usize| {
        let (mut message, mut frame) = (Vec::new(), Vec::new());
        push(Stamp { sent_ns: 0, sequence: 0 }, payload_bytes, &mut message);
        frame::encode(Opcode::Text, &message, None, &mut frame);
        frame.len()
    };
    // More bytes in the frame are as many more in the payload.
    match (payload_bytes + frame_bytes).checked_sub(wire_bytes(payload_bytes)) {
        // The length of the frame's own header may have changed by it: at most once more.
        Some(padded) if frame_bytes > 0 && padded >= stamp::PAYLOAD_BYTES_MIN => (padded.saturating_sub(8)
            ..=padded + 8)
            .find(|&near| wire_bytes(near) == frame_bytes)
            .unwrap_or(padded),
        _ => payload_bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire_bytes(payload_bytes: usize) -> usize {
        let (mut message, mut frame) = (Vec::new(), Vec::new());
        push(Stamp { sent_ns: 0, sequence: 0 }, payload_bytes, &mut message);
        frame::encode(Opcode::Text, &message, None, &mut frame);
        frame.len()
    }

    #[test]
    fn frame_is_as_long_as_the_servers() {
        for frame_bytes in [wire_bytes(128), 150, 200, 300, 65_700] {
            assert_eq!(wire_bytes(padded_payload(128, frame_bytes)), frame_bytes);
        }
        assert_eq!(padded_payload(128, 0), 128);
        assert_eq!(padded_payload(128, 40), 128);
    }
}
