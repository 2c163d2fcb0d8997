//! Clients that never read: they join, and whatever is sent to them stays in the kernel and with the server.
//!
//! When everything is over they are woken: they read what is left, which shows what the server has done with them.

use std::io::{self, ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use memchr::memmem;
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};
use wavecast_websocket::frame::{Opcode, Reserved};

use super::control::{self, News, Order, SleepersPlan, Woken};
use super::dialogue::Dialogue;
use super::endpoint::Endpoint;
use super::process;
use super::scan;
use super::stamp::MARKER;

/// For the kernel to hold of what nobody reads. By default it is many times more, which with thousands of sleepers is
/// memory that everybody else's sockets need.
const RECEIVE_BYTES: usize = 16 * 1024;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
const BUFFER_BYTES: usize = 256 * 1024;
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;
const PASS_INTERVAL: Duration = Duration::from_millis(50);
/// Longer than a server waits before it says once more that something was dropped.
const CALM: Duration = Duration::from_millis(2500);
const WAKING_MAX: Duration = Duration::from_secs(60);
const INSUFFICIENT_STATE: u64 = 2500;

/// Runs the sleepers on this process's standard streams until its input ends.
pub(super) fn run() -> Result<(), String> {
    process::die_with_parent();
    let mut orders = io::stdin().lock();
    let Some(Order::Sleepers(plan)) = control::read_line(&mut orders).map_err(|error| error.to_string())?
    else {
        return Err("the first order was no plan".into());
    };
    let mut sleepers = join_all(&plan)?;
    tell(&News::Ready)?;
    match control::read_line(&mut orders).map_err(|error| error.to_string())? {
        Some(Order::Wake) => tell(&News::Woken(wake(&mut sleepers)?))?,
        Some(order) => return Err(format!("sleepers have no use for the order {order:?}")),
        None => return Ok(()),
    }
    // Until the orchestrator has no further use for it: an early end would be news of another kind.
    let _ = control::read_line::<Order>(&mut orders);
    Ok(())
}

fn tell(news: &News) -> Result<(), String> {
    control::write_line(io::stdout().lock(), news).map_err(|error| error.to_string())
}

fn join_all(plan: &SleepersPlan) -> Result<Vec<Sleeper>, String> {
    let server = Endpoint { address: plan.address, host: plan.host.clone(), path: plan.path.clone() };
    let (mut sleepers, mut told_at) = (Vec::new(), Instant::now());
    for number in 1..=plan.connections {
        let dialogue = connect(plan.address)
            .map_err(|error| error.to_string())
            .and_then(|stream| Dialogue::over(stream, &server, std::slice::from_ref(&plan.channel)))
            .map_err(|reason| format!("connection {number} of {}: {reason}", plan.connections))?;
        let stream = dialogue.into_stream();
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        sleepers.push(Sleeper { stream, carry: Vec::new(), seen: Woken::default() });
        if told_at.elapsed() >= PROGRESS_INTERVAL {
            told_at = Instant::now();
            tell(&News::Progress { connections: number })?;
        }
    }
    Ok(sleepers)
}

/// The buffer is made small before the window is offered. Made small afterwards it would have to throw away what the window
/// had promised room for, and the server's kernel would send that again only after pauses as long as the sleep.
fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    socket.connect_timeout(&address.into(), CONNECT_WAIT)?;
    Ok(socket.into())
}

/// Reads until nothing has come for a while, and sums up.
fn wake(sleepers: &mut [Sleeper]) -> Result<Woken, String> {
    let (begun, mut heard_at, mut buffer) = (Instant::now(), Instant::now(), vec![0; BUFFER_BYTES]);
    while heard_at.elapsed() < CALM && begun.elapsed() < WAKING_MAX {
        for sleeper in &mut *sleepers {
            if sleeper.read(&mut buffer)? {
                heard_at = Instant::now();
            }
        }
        thread::sleep(PASS_INTERVAL);
    }
    let mut sum = Woken { latest: u32::MAX, ..Woken::default() };
    for Sleeper { seen, .. } in sleepers {
        sum.deliveries += seen.deliveries;
        sum.dropped += seen.dropped;
        sum.told += seen.told.min(1);
        sum.unsubscribed += seen.unsubscribed.min(1);
        sum.closed += seen.closed.min(1);
        sum.latest = sum.latest.min(seen.latest);
    }
    Ok(sum)
}

#[derive(Debug)]
struct Sleeper {
    stream: TcpStream,
    /// The beginning of a frame whose end has not come yet.
    carry: Vec<u8>,
    seen: Woken,
}

impl Sleeper {
    /// Reads once; `false` when nothing was there.
    fn read(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        if self.seen.closed > 0 {
            return Ok(false);
        }
        match self.stream.read(buffer) {
            Ok(read) if read > 0 => {
                self.carry.extend_from_slice(&buffer[..read]);
                self.take()?;
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            // A server that has given a client up may end the connection in whatever way.
            Ok(_) | Err(_) => {
                self.seen.closed = 1;
                Ok(true)
            }
        }
    }

    fn take(&mut self) -> Result<(), String> {
        let mut at = 0;
        while let Some(frame) = scan::frame(&self.carry, at, FRAME_BYTES_MAX, Reserved::NONE)
            .map_err(|error| error.to_string())?
        {
            at = frame.payload.end;
            match frame.opcode {
                Opcode::Text => {
                    let lines = self.carry[frame.payload].split(|&byte| byte == b'\n');
                    lines.for_each(|line| self.seen.hear(line));
                }
                Opcode::Close => self.seen.closed = 1,
                _ => {}
            }
        }
        self.carry.drain(..at);
        Ok(())
    }
}

impl Woken {
    fn hear(&mut self, line: &[u8]) {
        if let Some(stamp) = memmem::find(line, &MARKER).and_then(|at| super::stamp::read(line, at)) {
            self.deliveries += 1;
            self.latest = self.latest.max(stamp.sequence);
            return;
        }
        let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
        if let Some(dropped) = line.pointer("/push/message/data/gap/dropped").and_then(Value::as_u64) {
            self.told = 1;
            self.dropped += dropped;
        }
        if line.pointer("/push/unsubscribe/code").and_then(Value::as_u64) == Some(INSUFFICIENT_STATE) {
            self.unsubscribed = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::stamp::{self, Stamp};

    #[test]
    fn what_the_server_did_is_read_from_what_it_left() {
        let mut woken = Woken::default();
        let mut delivery = br#"{"push":{"channel":"bench","pub":{"data":"#.to_vec();
        stamp::write_payload(Stamp { sent_ns: 1, sequence: 9 }, 64, &mut delivery);
        delivery.extend_from_slice(b"}}}");
        for line in [
            &delivery[..],
            br#"{"push":{"message":{"data":{"gap":{"channel":"bench","dropped":3}}}}}"#,
            br#"{"push":{"message":{"data":{"gap":{"channel":"bench","dropped":4}}}}}"#,
            br#"{"push":{"channel":"bench","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#,
            br#"{"push":{"channel":"bench","unsubscribe":{"code":2000,"reason":"other"}}}"#,
            b"{}",
            b"",
        ] {
            woken.hear(line);
        }
        let expected = Woken { deliveries: 1, latest: 9, told: 1, dropped: 7, unsubscribed: 1, closed: 0 };
        assert_eq!(woken, expected);
    }
}
