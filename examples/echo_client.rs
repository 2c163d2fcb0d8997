//! A WebSocket client with the four events: open, message, close, error.
//!
//! It sends each line of standard input and prints what comes back; the end of input closes.
//!
//!     cargo run --package wavecast --example echo_client -- ws://127.0.0.1:9001/

use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use wavecast::net::MessageRef;
use wavecast::net::client::{CloseCode, Closed, ConnectOptions, Error, Events, Opened, Sender};

struct Printer;

impl Events for Printer {
    fn open(&mut self, _: &Sender, _: &Opened<'_>) {
        println!("A new connection is established.");
    }

    fn message(&mut self, _: &Sender, message: MessageRef<'_>) {
        match message {
            MessageRef::Text(text) => println!("Received message: {text}"),
            MessageRef::Binary(bytes) => println!("Received message: {} bytes", bytes.len()),
        }
    }

    fn close(&mut self, _: &Sender, closed: &Closed) {
        println!("A connection is closed: {closed}.");
    }

    fn error(&mut self, _: &Sender, error: &Error) {
        println!("An error occurred: {error}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001/".to_owned());
    let sender = ConnectOptions::new().start(&url, Printer);
    let input = sender.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(stdin()).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if input.send(&line).await.is_err() {
                return;
            }
        }
        input.close(CloseCode::NORMAL, "end of input");
    });
    sender.ended().await;
    // Whoever waits for a line of a terminal cannot be woken otherwise.
    std::process::exit(0);
}
