//! One server, several doors: a plain address, one behind a proxy that speaks the PROXY protocol, and a Unix socket.
//!
//!     cargo run --package wavecast --example listeners -- 127.0.0.1:9001 127.0.0.1:9002 /tmp/wavecast.sock

use std::time::Duration;

use wavecast::net::MessageRef;
use wavecast::net::listener::{Listener, TcpOptions};
use wavecast::net::server::{Connection, Events, Opening, Server};

struct Whoami;

impl Events for Whoami {
    fn open(&self, connection: &mut Connection<'_>, opening: &Opening<'_>) {
        // Behind the proxy that is the client's address; at a Unix socket nobody has one.
        let line = format!("you are {}", opening.peer);
        connection.send(&line).ok();
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.send(message).ok();
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let public = arguments.next().unwrap_or_else(|| "127.0.0.1:9001".to_owned());
    let proxied = arguments.next().unwrap_or_else(|| "127.0.0.1:9002".to_owned());
    // What is sent and not acknowledged for half a minute ends its connection.
    let tcp = TcpOptions { user_timeout: Some(Duration::from_secs(30)), ..TcpOptions::default() };
    let server = Server::bind(public)?
        // Only for an address that nobody but the proxy reaches: it says who its clients are.
        .listen(Listener::tcp(proxied.parse()?).tcp_options(tcp).proxy_protocol(true))?;
    #[cfg(unix)]
    let server = {
        let path = arguments.next().unwrap_or_else(|| "/tmp/wavecast.sock".to_owned());
        println!("listening on {path}");
        server.listen(Listener::unix(path).mode(0o660))?
    };
    for address in server.addresses() {
        println!("listening on ws://{address}");
    }
    Ok(server.run(Whoami)?)
}
