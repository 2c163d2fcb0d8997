//! The internal port: API, health and metrics on a listener of their own, which no shard knows.
//!
//! Its connections have a bound of their own, so that clients who take all places at the other port do not keep the operator
//! out, and it goes on while the server drains.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use wavecast_net::carrier::Carrier;
use wavecast_net::driver::Stream;
use wavecast_net::shard::Detached;
use wavecast_net::tls::{ServerTls, TlsStream};

use super::{Backend, Desk, http2, serve_connection};

/// How long accepting rests when descriptors have run out.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts connections and serves them at a desk, for ever.
///
/// Cancel-safe: dropping the future stops to listen; connections go on.
pub(crate) async fn serve<B: Backend>(listener: TcpListener, tls: Option<ServerTls>, desk: Arc<Desk<B>>) {
    // The desk's own bound counts requests' connections; this one counts from the accept on.
    let places = Arc::new(Semaphore::new(desk.config.load().http_server.connection_limit));
    let mut told = false;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "the internal port cannot accept");
                }
                sleep(PAUSE).await;
                continue;
            }
        };
        told = false;
        let carried = carried(stream, tls.as_ref());
        let Ok(stream) = carried.inspect_err(|error| tracing::warn!(%peer, %error, "the internal port"))
        else {
            continue;
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            desk.refuse(Detached { stream, received: Vec::new(), peer });
            continue;
        };
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            match begin(stream, peer, desk.config.load().http_server.handshake_timeout).await {
                Ok(detached) => serve_connection(detached, desk).await,
                Err(error) => {
                    tracing::debug!(%peer, %error, "a connection of the internal port says nothing");
                }
            }
            drop(place);
        });
    }
}

/// A connection as a shard would have let it go.
fn carried(stream: TcpStream, tls: Option<&ServerTls>) -> io::Result<Stream> {
    let socket = stream.into_std()?;
    match tls {
        None => Ok(socket.into()),
        Some(tls) => Ok(TlsStream::new(socket, tls.session()?, Vec::new()).into()),
    }
}

/// Shakes hands, and waits until it shows which version of HTTP is spoken.
async fn begin(stream: Stream, peer: SocketAddr, within: Duration) -> io::Result<Detached> {
    let mut carrier = Carrier::new(stream)?;
    let mut received = BytesMut::new();
    let shown = poll_fn(|context| {
        while !http2::is_decided(&received) {
            if ready!(carrier.poll_receive(context, &mut received))? == 0 {
                return Poll::Ready(Err(io::Error::from(io::ErrorKind::UnexpectedEof)));
            }
        }
        Poll::Ready(Ok(()))
    });
    timeout(within, shown).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(Detached { stream: carrier.into_stream()?, received: received.to_vec(), peer })
}
