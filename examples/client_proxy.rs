//! A WebSocket through a proxy, or the one that the environment names (HTTPS_PROXY, ALL_PROXY, NO_PROXY).
//!
//!     cargo run --package wavecast --example client_proxy -- ws://example.com/ http://user:password@127.0.0.1:3128
//!     ALL_PROXY=socks5://127.0.0.1:1080 cargo run --package wavecast --example client_proxy -- ws://example.com/

use std::error::Error;

use wavecast::net::client::{CloseCode, ConnectOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("usage: client_proxy URL [PROXY]")?;
    let options = match arguments.next() {
        Some(proxy) => ConnectOptions::new().proxy(&proxy)?,
        None => ConnectOptions::new().proxy_from_environment(),
    };
    let mut socket = options.connect(&url).await?;
    println!("open, by way of {}", socket.stream().tcp().peer_addr()?);
    socket.send("hello").await?;
    println!("{:?}", socket.recv().await?);
    println!("{}", socket.close(CloseCode::NORMAL, "").await?);
    Ok(())
}
