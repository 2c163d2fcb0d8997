//! A relay that makes a viewer slow: it reads what the server sends at a chosen rate, with small buffers, and passes it on.
//!
//! A part of `demo_monitoring`. The rate stands in the address: `/connection/websocket?rate=8000` is 8,000 bytes a second.
//! To the server this is a client with a thin line; what it does about that is up to the channels' `slow_consumer`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use wavecast::server::Node;

/// Bytes a second that may be chosen.
const RATES: RangeInclusive<u64> = 1_000..=1_000_000;
/// Viewers at once; others wait to be accepted.
const VIEWERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How the rate is spread over a second.
const PORTIONS: u64 = 20;
/// What the kernel keeps for us before it tells the server to wait; it doubles this for its own account.
const RECEIVE_BYTES: u32 = 4 * 1024;

#[derive(Default)]
pub(crate) struct Relay {
    /// The port and the path to connect to, once it listens.
    place: OnceLock<(u16, String)>,
}

impl Relay {
    /// Where somebody connects to who wants so many bytes a second; `None` while there is no relay.
    pub(crate) fn place(&self, bytes_per_second: u64) -> Option<Value> {
        let (port, path) = self.place.get()?;
        let rate = bytes_per_second.clamp(*RATES.start(), *RATES.end());
        Some(json!({ "port": port, "path": format!("{path}?rate={rate}") }))
    }

    /// Relays for ever, beside the server, on a port that the kernel chooses.
    pub(crate) async fn run(&self, node: &Node) {
        let server = node.address();
        // Inside TLS the request's host could not be put right.
        let is_plain = !node.config().http_server.tls.enabled;
        if is_plain
            && let Ok(listener) = TcpListener::bind((server.ip(), 0)).await
            && let Ok(address) = listener.local_addr()
        {
            self.place.set((address.port(), node.config().websocket.handler_prefix.clone())).ok();
            serve(listener, server).await;
        }
    }
}

/// Dropped, it drops its viewers.
async fn serve(listener: TcpListener, server: SocketAddr) {
    let mut viewers = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = viewers.join_next() => {}
            accepted = listener.accept(), if viewers.len() < VIEWERS_MAX => match accepted {
                Ok((viewer, _)) => _ = viewers.spawn(relay(viewer, server)),
                // Out of descriptors, most likely: at once it would only fail again.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

async fn relay(mut viewer: TcpStream, server: SocketAddr) -> io::Result<()> {
    viewer.set_nodelay(true)?;
    let head = timeout(HEAD_TIMEOUT, request_head(&mut viewer)).await??;
    let mut upstream = connect(server).await?;
    upstream.write_all(addressed_to(server.port(), viewer.local_addr()?.port(), &head).as_bytes()).await?;
    let (mut from_viewer, mut to_viewer) = viewer.split();
    let (mut from_server, mut to_server) = upstream.split();
    tokio::select! {
        ended = slowly(&mut from_server, &mut to_viewer, rate_of(&head)) => ended,
        ended = tokio::io::copy(&mut from_viewer, &mut to_server) => ended.map(drop),
    }
}

/// What is read here late the server notices: nothing is kept in between.
async fn slowly(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    bytes_per_second: u64,
) -> io::Result<()> {
    let mut portion = vec![0; usize::try_from(bytes_per_second / PORTIONS).unwrap_or(1)];
    let mut turns = interval(Duration::from_millis(1000 / PORTIONS));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        match from.read(&mut portion).await? {
            0 => return Ok(()),
            length => to.write_all(&portion[..length]).await?,
        }
    }
}

async fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let ip = match server {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => server.ip(),
    };
    let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    socket.connect(SocketAddr::new(ip, server.port())).await
}

/// The head of the viewer's handshake, and what little may have come behind it.
async fn request_head(viewer: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if viewer.read_buf(&mut head).await? == 0 || head.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// Puts the server's port in the place of ours in `Host`: there the server compares it with the page's origin, as always.
fn addressed_to(server: u16, relay: u16, head: &str) -> String {
    let own = format!(":{relay}\r\n");
    let addressed = |line: &str| match line.strip_suffix(&own) {
        Some(host) if line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case("host:")) => {
            format!("{host}:{server}\r\n")
        }
        _ => line.to_owned(),
    };
    head.split_inclusive('\n').map(addressed).collect()
}

fn rate_of(head: &str) -> u64 {
    let target = head.split_ascii_whitespace().nth(1).unwrap_or_default();
    let (_, query) = target.split_once('?').unwrap_or_default();
    let chosen = query.split('&').find_map(|pair| pair.strip_prefix("rate=")?.parse().ok());
    chosen.unwrap_or(*RATES.end()).clamp(*RATES.start(), *RATES.end())
}
