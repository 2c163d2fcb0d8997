//! Two tasks share one connection: one sends, one receives; neither waits for the other, and no lock is held.
//!
//!     cargo run --release --package wavecast --example client_split -- ws://127.0.0.1:9001/

use std::error::Error;
use std::time::Instant;

use wavecast::net::client::{self, CloseCode};

const MESSAGES: u32 = 100_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001/".to_owned());
    let (sender, mut receiver) = client::connect(&url).await?.split();
    let began = Instant::now();

    let sending = sender.clone();
    tokio::spawn(async move {
        for i in 0..MESSAGES {
            // Waits when the server does not keep up: the queue is bounded.
            if let Err(error) = sending.send(&i.to_string()).await {
                return eprintln!("not sent: {error}");
            }
        }
    });
    for _ in 0..MESSAGES {
        if receiver.recv().await?.is_none() {
            break;
        }
    }

    println!("{MESSAGES} messages and their echoes in {:.1?}", began.elapsed());
    sender.close(CloseCode::NORMAL, "done");
    while receiver.recv().await?.is_some() {}
    println!("{}", receiver.closed().ok_or("it was open")?);
    Ok(())
}
