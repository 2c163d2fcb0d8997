//! The client under test for the Autobahn test suite's fuzzing server.
//!
//! Reads `AUTOBAHN_URL`, `AUTOBAHN_AGENT` and, for `wss://`, `AUTOBAHN_CA` (a PEM file) from the environment:
//!
//!     AUTOBAHN_URL=ws://127.0.0.1:9001 AUTOBAHN_AGENT=wavecast \
//!         cargo run --package wavecast --example autobahn_client

use std::env;
use std::error::Error;

use wavecast::net::client::{CloseCode, ConnectOptions, Limits, Tls};
use wavecast::net::websocket::deflate::Compression;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::var("AUTOBAHN_URL").unwrap_or_else(|_| "ws://127.0.0.1:9001".to_owned());
    let agent = env::var("AUTOBAHN_AGENT").unwrap_or_else(|_| "wavecast".to_owned());

    // Section 9 sends 16 MiB in one frame.
    let limits = Limits { message_bytes_max: 32 << 20, frame_bytes_max: 32 << 20, ..Limits::DEFAULT };
    let compression = Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
    let mut options = ConnectOptions::new().limits(limits).compression(compression);
    if let Some(authority) = env::var_os("AUTOBAHN_CA") {
        options = options.tls(Tls::trusting_pem(&std::fs::read(authority)?)?);
    }
    let mut socket = options.connect(&format!("{url}/getCaseCount")).await?;
    let count = socket.recv().await?.ok_or("the server did not say how many cases there are")?;
    let count: u32 = count.as_text().ok_or("the number of cases is not text")?.parse()?;
    socket.close(CloseCode::NORMAL, "").await?;

    for case in 1..=count {
        // Most cases end in an error that the suite provoked: it judges what it sees of us.
        if let Err(error) = echo(&options, &format!("{url}/runCase?case={case}&agent={agent}")).await {
            println!("case {case} of {count}: {error}");
        }
    }
    let mut socket = options.connect(&format!("{url}/updateReports?agent={agent}")).await?;
    while socket.recv().await?.is_some() {}
    Ok(())
}

/// Sends back every message until the connection closes.
async fn echo(options: &ConnectOptions, url: &str) -> Result<(), Box<dyn Error>> {
    let mut socket = options.connect(url).await?;
    let outcome = loop {
        match socket.recv().await {
            Ok(Some(message)) => socket.send(&message).await?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error.into()),
        }
    };
    // After an error this sees the close frame out.
    socket.close(CloseCode::NORMAL, "").await?;
    outcome
}
