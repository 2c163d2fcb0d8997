//! A connection as a stream and a sink (feature `futures`), put together with combinators.
//!
//!     cargo run --package wavecast --features futures --example client_streams -- ws://127.0.0.1:9001/

use std::error::Error;

use futures_util::{SinkExt, StreamExt, TryStreamExt, stream};
use wavecast::net::client::{self, Message};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:9001/".to_owned());
    let mut socket = client::connect(&url).await?;

    let mut words = stream::iter(["streams", "and", "sinks"]).map(|word| Ok(Message::from(word)));
    socket.send_all(&mut words).await?;

    let lengths = (&mut socket).take(3).map_ok(|message| message.as_bytes().len());
    println!("lengths of what came back: {:?}", lengths.try_collect::<Vec<_>>().await?);

    SinkExt::<Message>::close(&mut socket).await?;
    println!("{}", socket.closed().ok_or("it was open")?);
    Ok(())
}
