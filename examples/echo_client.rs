//! A WebSocket client with the four events: open, message, close, error.
//!
//! It sends each line of standard input and prints what comes back; the end of input closes.
//!
//!     cargo run --package wavecast --example echo_client -- ws://127.0.0.1:9001/

use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use wavecast::net::client::{self, CloseCode, Message, RecvError, WebSocket};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001/".to_owned());
    let mut socket = match client::connect(&url).await {
        Ok(socket) => socket,
        Err(error) => return eprintln!("error: {error}"),
    };
    println!("open: {url}");
    if let Err(error) = talk(&mut socket).await {
        eprintln!("error: {error}");
    }
    if let Some(closed) = socket.closed() {
        println!("close: {closed}");
    }
}

async fn talk(socket: &mut WebSocket) -> Result<(), RecvError> {
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            message = socket.recv() => match message? {
                Some(Message::Text(text)) => println!("message: {text}"),
                Some(Message::Binary(bytes)) => println!("message: {} bytes", bytes.len()),
                None => return Ok(()),
            },
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    if let Err(error) = socket.send(&line).await {
                        eprintln!("error: {error}");
                    }
                }
                _ => break,
            },
        }
    }
    if let Err(error) = socket.close(CloseCode::NORMAL, "end of input").await {
        eprintln!("error: {error}");
    }
    Ok(())
}
