//! `wavecast echo`: a server that sends back what it receives, for `wavecast bench echo`.

use std::process::ExitCode;

use clap::Args;
use wavecast_net::MessageRef;
use wavecast_net::server::{Connection, Events, Server};

/// Sends back every message: what the echo benchmark runs against
#[derive(Args, Debug)]
pub(crate) struct Echo {
    /// Address and port to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    address: String,

    /// Threads that share the connections [default: one for each core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    shards: Option<u16>,
}

struct Back;

impl Events for Back {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        // Who takes no more is closed by the server.
        connection.send(message).ok();
    }
}

/// Exit codes: 1 when it cannot listen; otherwise it runs until it is ended.
pub(crate) fn run(echo: &Echo) -> ExitCode {
    wavecast_net::descriptors::raise_limit();
    let server = match echo.shards {
        Some(shards) => Server::bind_with(&echo.address, shards.into()),
        None => Server::bind(&echo.address),
    };
    let served = server.and_then(|server| {
        println!("listening on ws://{}", server.address());
        server.run(Back)
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wavecast: cannot listen on {}: {error}", echo.address);
            ExitCode::FAILURE
        }
    }
}
