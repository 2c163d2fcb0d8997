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

/// Tries the addresses in their order, each 250 ms after the one before or as soon as one has failed, and keeps the
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
            let (mut at, mut has_failed) = (0, false);
            while at < self.running.len() {
                match self.running[at].as_mut().poll(cx) {
                    Poll::Ready(Ok(stream)) => return Poll::Ready(Ok(stream)),
                    Poll::Ready(Err(error)) => {
                        self.failure = error;
                        has_failed = true;
                        drop(self.running.swap_remove(at));
                    }
                    Poll::Pending => at += 1,
                }
            }
            let due = self.running.is_empty() || has_failed || stagger.as_mut().poll(cx).is_ready();
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    /// How long a race takes whose attempts fail after so many milliseconds each, or never; a minute at most.
    async fn time_until_told(attempts: &[Option<u64>]) -> Duration {
        let attempts = attempts.iter().map(|fails_after_ms| -> Attempt {
            let fails_after_ms = *fails_after_ms;
            Box::pin(async move {
                match fails_after_ms {
                    Some(ms) => sleep(Duration::from_millis(ms)).await,
                    None => pending().await,
                }
                Err(io::ErrorKind::ConnectionRefused.into())
            })
        });
        let mut race = Race {
            waiting: attempts.rev().collect(),
            running: Vec::new(),
            failure: io::ErrorKind::NotFound.into(),
        };
        let began = Instant::now();
        let mut stagger = pin!(sleep(Duration::ZERO));
        let raced =
            tokio::time::timeout(Duration::from_secs(60), poll_fn(|cx| race.poll(cx, stagger.as_mut())));
        if let Ok(raced) = raced.await {
            assert_eq!(raced.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_not_waited_out() {
        for (attempts, told_after_ms) in [
            (&[Some(10)][..], 10),
            (&[Some(10), Some(20)][..], 30),
            // Each 250 ms after the one before.
            (&[Some(1_000), Some(1_000), Some(1_000)][..], 1_500),
            // The second fails at once, while the first is silent: the third does not wait for its turn.
            (&[Some(1_000), Some(1), Some(2_000)][..], 2_251),
            (&[None, Some(1)][..], 60_000),
        ] {
            let told = time_until_told(attempts).await;
            let late = told.abs_diff(Duration::from_millis(told_after_ms));
            assert!(late <= Duration::from_millis(5), "{attempts:?}: {told:?}");
        }
    }
}
