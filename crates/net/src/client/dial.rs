//! A TCP connection to one of several addresses, the quickest that answers (RFC 8305, simplified).

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Sleep, sleep};

/// How long an address may be silent before the next one is tried beside it (RFC 8305 §5).
const STAGGER: Duration = Duration::from_millis(250);

type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// What is asked of each TCP connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct TcpOptions {
    pub(super) nodelay: bool,
    pub(super) local: Option<IpAddr>,
    pub(super) keepalive: Option<Duration>,
    pub(super) receive_buffer: Option<u32>,
    pub(super) send_buffer: Option<u32>,
}

/// Tries the addresses in their order, each 250 ms after the one before or as soon as that has failed, and keeps the
/// first connection that stands. The caller sets the time for all of them.
pub(super) async fn dial(addresses: &[SocketAddr], options: &TcpOptions) -> io::Result<TcpStream> {
    let mut race = Race {
        waiting: addresses.iter().map(|address| attempt(*address, *options)).collect(),
        running: Vec::new(),
        failure: io::ErrorKind::NotFound.into(),
    };
    // Those who come first are taken from the end.
    race.waiting.reverse();
    let mut stagger = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| race.poll(cx, stagger.as_mut())).await
}

struct Race {
    waiting: Vec<Attempt>,
    running: Vec<Attempt>,
    /// What the last one that failed said.
    failure: io::Error,
}

impl Race {
    fn poll(&mut self, cx: &mut Context<'_>, mut stagger: Pin<&mut Sleep>) -> Poll<io::Result<TcpStream>> {
        loop {
            let mut at = 0;
            while at < self.running.len() {
                match self.running[at].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.failure = error;
                        drop(self.running.swap_remove(at));
                    }
                    Poll::Pending => at += 1,
                }
            }
            let due = self.running.is_empty() || stagger.as_mut().poll(cx).is_ready();
            if !due {
                return Poll::Pending;
            }
            match self.waiting.pop() {
                Some(attempt) => self.running.push(attempt),
                None if self.running.is_empty() => {
                    let failure = std::mem::replace(&mut self.failure, io::ErrorKind::NotFound.into());
                    return Poll::Ready(Err(failure));
                }
                // Nobody is left to be started.
                None => return Poll::Pending,
            }
            stagger.as_mut().reset(tokio::time::Instant::now() + STAGGER);
        }
    }
}

fn attempt(address: SocketAddr, options: TcpOptions) -> Attempt {
    Box::pin(async move {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bytes) = options.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = options.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(local) = options.local {
            socket.bind(SocketAddr::new(local, 0))?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(options.nodelay)?;
        if let Some(idle) = options.keepalive {
            SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(idle))?;
        }
        Ok(stream)
    })
}
