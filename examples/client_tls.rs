//! wss:// with authorities of your own, and a client certificate (mutual TLS).
//!
//!     cargo run --package wavecast --example client_tls -- wss://push.example.com/ ca.pem [client.pem client.key]
//!
//! Without files the machine's own store decides whom to trust.

use std::error::Error;
use std::fs;

use wavecast::net::client::{CloseCode, ConnectOptions, Stream, Tls};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (url, files) = arguments.split_first().ok_or("usage: client_tls URL [CA [CERTIFICATE KEY]]")?;
    let tls = match files {
        [] => Tls::new(),
        [ca] => Tls::trusting_pem(&fs::read(ca)?)?,
        [ca, certificate, key, ..] => {
            Tls::trusting_pem(&fs::read(ca)?)?.identity_pem(&fs::read(certificate)?, &fs::read(key)?)?
        }
        _ => return Err("a certificate needs its key".into()),
    };
    // Connections of the same Tls resume each other's sessions.
    let options = ConnectOptions::new().tls(tls);
    for _ in 0..2 {
        let mut socket = options.connect(url).await?;
        if let Stream::Tls(stream) = socket.stream() {
            let session = stream.get_ref().1;
            println!("open: {:?}, {:?}", session.protocol_version(), session.handshake_kind());
        }
        socket.send("hello").await?;
        println!("{:?}", socket.recv().await?);
        println!("{}", socket.close(CloseCode::NORMAL, "").await?);
    }
    Ok(())
}
