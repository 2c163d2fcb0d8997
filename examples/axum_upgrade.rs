//! A WebSocket server inside an axum application: axum reads the request, and then the socket moves to an event loop of ours.
//!
//! `cargo run -p wavecast --example axum_upgrade --features axum`, then connect to ws://127.0.0.1:8000/chat.

use std::net::SocketAddr;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use axum::{Router, serve};
use wavecast::net::MessageRef;
use wavecast::net::mount::{Mount, Upgrade};
use wavecast::net::server::{Connection, Events, Opening, Server};

struct Chat;

impl Events for Chat {
    fn open(&self, _: &mut Connection<'_>, opening: &Opening<'_>) {
        println!("{} has come in", opening.peer);
    }

    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.broadcast(message).ok();
    }
}

/// Whatever else the application wants to know of a request it asks for here, and answers itself if it does not like it.
async fn chat(State(shards): State<Mount>, upgrade: Upgrade) -> impl IntoResponse {
    upgrade.to(&shards).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    // Event loops that listen nowhere: their connections come from axum.
    let server = Server::unbound(2).start(Chat)?;
    let app = Router::new()
        .route("/", get(|| async { "Connect to /chat." }))
        .route("/chat", any(chat))
        .with_state(server.mount())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    serve(listener, app).await
}
