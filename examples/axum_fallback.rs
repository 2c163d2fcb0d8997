//! One port for WebSocket and for an axum application: handshakes stay on our event loops, everything else is axum's.
//!
//! `cargo run -p wavecast --example axum_fallback --features axum`, then open http://127.0.0.1:8000/.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::response::Html;
use axum::routing::{get, post};
use wavecast::net::MessageRef;
use wavecast::net::server::{Connection, Events, Handle, Server};

struct Chat;

impl Events for Chat {
    fn message(&self, connection: &mut Connection<'_>, message: MessageRef<'_>) {
        connection.broadcast(message).ok();
    }
}

const PAGE: &str = "<script>
    const socket = new WebSocket(`ws://${location.host}/`);
    socket.onmessage = ({ data }) => document.body.append(data, document.createElement('br'));
</script>
<input onchange='socket.send(value); value = \"\"' autofocus>";

async fn page(ConnectInfo(peer): ConnectInfo<SocketAddr>) -> Html<String> {
    Html(format!("{PAGE}<p>You come from {peer}.</p>"))
}

/// `curl -d hello http://127.0.0.1:8000/say` reaches everybody.
async fn say(State(everybody): State<std::sync::Arc<std::sync::OnceLock<Handle>>>, words: String) -> String {
    match everybody.get().map(|everybody| everybody.broadcast(&words)) {
        Some(Ok(())) => "said\n".to_owned(),
        Some(Err(error)) => format!("{error}\n"),
        None => "not started yet\n".to_owned(),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let everybody = std::sync::Arc::new(std::sync::OnceLock::new());
    let app = Router::new().route("/", get(page)).route("/say", post(say)).with_state(everybody.clone());
    let running = Server::bind("127.0.0.1:8000")?.fallback(app)?.start(Chat)?;
    everybody.get_or_init(|| running.handle());
    tokio::task::spawn_blocking(|| running.join()).await?
}
