//! A server that ends well: dead peers are noticed, connections have a lifetime, and Ctrl-C or SIGTERM drains.
//!
//!     cargo run --package wavecast --example graceful_server -- 127.0.0.1:9001

use std::borrow::Cow;
use std::time::Duration;

use wavecast::net::server::{Close, Connection, ConnectionError, Events, Server};
use wavecast::net::websocket::keepalive::Intervals;
use wavecast::net::{CloseCode, Lifetime, MessageRef, Options};

struct Echo;

impl Events for Echo {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }

    fn close(&self, _: &mut Connection<'_>, close: &Close<'_>) {
        println!("close: {} {:?}, begun by {:?}", close.code, close.reason, close.by);
    }

    fn error(&self, _: &mut Connection<'_>, error: &ConnectionError) {
        println!("error: {error}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let options = Options {
        // After 5 s of silence a ping; after 3 s more the peer counts as dead: `Idle`, then 1006.
        keep_alive: Intervals { ping_interval_ms: 5_000, pong_timeout_ms: 3_000 },
        // Nobody stays longer than a minute; those who came together end within 20 s of each other.
        lifetime: Some(Lifetime {
            spread: Duration::from_secs(20),
            reason: Cow::Borrowed("come back"),
            ..Lifetime::new(Duration::from_secs(60))
        }),
        ..Options::default()
    };
    let server = Server::bind(address)?.options(options).start(Echo)?;
    println!("listening on ws://{}", server.address());
    signal().await?;
    println!("draining {} connections", server.handle().connections());
    server.handle().drain(CloseCode::SERVICE_RESTART, "back in a minute", Duration::from_secs(10));
    server.join()
}

#[cfg(unix)]
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
