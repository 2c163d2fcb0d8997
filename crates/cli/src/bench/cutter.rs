//! What lies between clients and server when connections are to be cut: a relay that does it at random.
//!
//! A cut is one of two things that networks do. A reset ends both sides at once, with whatever was on its way: often in
//! the middle of a frame. A half-open connection stands, but nothing goes through it any more, in either direction: each
//! side has to find out by itself that the other is gone.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// After this time a half-open connection is reset after all, so that the number of them stays bounded.
pub(super) const HALF_OPEN_TIME: Duration = Duration::from_secs(10);
/// One cut in so many leaves the connection half-open.
const HALF_OPEN_SHARE: u64 = 4;
const ACCEPT_REST: Duration = Duration::from_millis(20);

/// A way for a connection to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Reset,
    HalfOpen,
}

/// The relay. It runs in tasks of the runtime that it was started in.
#[derive(Debug)]
pub(super) struct Cutter {
    pub(super) address: SocketAddr,
    relay: Arc<Relay>,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Relay {
    server: Mutex<SocketAddr>,
    /// One for each connection that stands.
    links: Mutex<Vec<oneshot::Sender<Cut>>>,
}

impl Cutter {
    /// Listens on a free port of loopback and relays to `server`.
    pub(super) async fn start(server: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let relay = Arc::new(Relay { server: Mutex::new(server), links: Mutex::default() });
        tokio::spawn(serve(listener, Arc::clone(&relay)));
        Ok(Self { address, relay, random: fastrand::Rng::with_seed(seed) })
    }

    /// Relays further connections to this server.
    pub(super) fn aim(&self, server: SocketAddr) {
        *lock(&self.relay.server) = server;
    }

    /// Cuts one connection; `None` when none stands.
    pub(super) fn cut(&mut self) -> Option<Cut> {
        let mut links = lock(&self.relay.links);
        links.retain(|link| !link.is_closed());
        if links.is_empty() {
            return None;
        }
        let which = self.random.usize(..links.len());
        let cut = if self.random.u64(..HALF_OPEN_SHARE) == 0 { Cut::HalfOpen } else { Cut::Reset };
        links.swap_remove(which).send(cut).ok().map(|()| cut)
    }
}

async fn serve(listener: TcpListener, relay: Arc<Relay>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(link(client, Arc::clone(&relay)))),
            // Out of descriptors, most likely: some will be free soon.
            Err(_) => sleep(ACCEPT_REST).await,
        }
    }
}

/// Relays between one client and the server until either has ended, or the connection is cut.
async fn link(mut client: TcpStream, relay: Arc<Relay>) {
    let address = *lock(&relay.server);
    let Ok(Ok(mut server)) = timeout(CONNECT_WAIT, TcpStream::connect(address)).await else {
        return reset(&client);
    };
    // Where it cannot be had the run is slower, and no less true.
    let _ = client.set_nodelay(true).and(server.set_nodelay(true));
    let (link, cut) = oneshot::channel();
    lock(&relay.links).push(link);
    let cut = tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => None,
        cut = cut => cut.ok(),
    };
    if cut == Some(Cut::HalfOpen) {
        sleep(HALF_OPEN_TIME).await;
    }
    if cut.is_some() {
        reset(&client);
        reset(&server);
    }
}

/// Makes the end of this connection a reset.
fn reset(stream: &TcpStream) {
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn relayed(seed: u64) -> (Cutter, TcpStream, TcpStream) {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let cutter = Cutter::start(server.local_addr().unwrap(), seed).await.unwrap();
        let mut client = TcpStream::connect(cutter.address).await.unwrap();
        let (mut served, _) = server.accept().await.unwrap();
        client.write_all(b"ping").await.unwrap();
        let mut heard = [0; 4];
        served.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"ping");
        (cutter, client, served)
    }

    #[tokio::test]
    async fn both_kinds_of_cuts_happen_and_do_what_they_say() {
        let (mut resets, mut half_open) = (0, 0);
        for seed in 0..32 {
            let (mut cutter, mut client, mut served) = relayed(seed).await;
            let cut = cutter.cut();
            assert_eq!(cutter.cut(), None);
            client.write_all(b"lost").await.ok();
            let mut buffer = [0; 8];
            let heard = timeout(Duration::from_millis(50), served.read(&mut buffer)).await;
            if cut == Some(Cut::HalfOpen) {
                half_open += 1;
                assert!(heard.is_err(), "something came through: {heard:?}");
            } else {
                resets += 1;
                assert_eq!(heard.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
            }
        }
        assert!(resets > half_open && half_open > 0, "{resets} resets, {half_open} half-open");
    }

    #[tokio::test]
    async fn a_connection_that_has_ended_is_not_cut() {
        let (mut cutter, client, mut served) = relayed(1).await;
        drop(client);
        assert_eq!(served.read(&mut [0; 8]).await.unwrap(), 0);
        drop(served);
        // The relay sees both ends a moment later; cutting would hide that it does.
        let seen = async {
            while lock(&cutter.relay.links).iter().any(|link| !link.is_closed()) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(20), seen).await.expect("the relay sees the end");
        assert_eq!(cutter.cut(), None);
    }
}
