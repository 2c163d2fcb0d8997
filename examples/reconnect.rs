//! A client that connects again by itself, and stops from inside an event: after ten messages, or five attempts in a row.
//!
//!     cargo run --package wavecast --example reconnect -- ws://127.0.0.1:9001/
//!
//! Stop the server and start it again meanwhile.

use std::time::Duration;

use wavecast::net::MessageRef;
use wavecast::net::client::{
    CloseCode, Closed, ConnectOptions, Error, Events, Opened, Reconnect, Retry, Sender,
};

#[derive(Default)]
struct Counter {
    messages: u32,
}

impl Events for Counter {
    fn open(&mut self, sender: &Sender, opened: &Opened<'_>) {
        println!("open, at attempt {}", opened.attempt);
        sender.try_send("one").ok();
    }

    fn message(&mut self, sender: &Sender, message: MessageRef<'_>) {
        self.messages += 1;
        println!("message {}: {message:?}", self.messages);
        if self.messages == 10 {
            return sender.close(CloseCode::NORMAL, "ten are enough");
        }
        // Sent a second later, through whatever connection there is by then.
        let sender = sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            sender.send("another").await.ok();
        });
    }

    fn close(&mut self, _: &Sender, closed: &Closed) {
        println!("{closed}");
    }

    fn error(&mut self, _: &Sender, error: &Error) {
        println!("error: {error}");
    }

    fn retry(&mut self, _: &Sender, retry: &Retry) {
        println!("attempt {} in {:.1?}", retry.attempt, retry.delay);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001/".to_owned());
    let client = Reconnect::new(ConnectOptions::new()).attempts_max(5);
    println!("the end: {}", client.run(&url, Counter::default()).await);
}
