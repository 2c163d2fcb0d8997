//! A server inside a program: what its handlers are given, and what is left when it has ended.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::time::timeout;
use wavecast_net::client::{ConnectOptions, Message, WebSocket};
use wavecast_server::config::{Loaded, Overrides, load_from};
use wavecast_server::hooks::{Answer, Handlers, Hook, Hooks, RpcCall, RpcGrant, Wants};
use wavecast_server::{Node, PushServer};

const PATIENCE: Duration = Duration::from_secs(10);

fn loaded(settings: &[(&str, &str)]) -> Loaded {
    let mut values = vec![
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("shard.count", "2"),
        ("client.insecure", "true"),
        ("rpc.without_namespace.proxy_enabled", "true"),
        ("rpc.proxy.endpoint", "handler:"),
    ];
    values.extend_from_slice(settings);
    let values = values.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    load_from(None, [], &Overrides { values, insecure: true }).unwrap()
}

/// Publishes what it is called with.
struct Crier {
    node: Arc<Node>,
    wants: Wants,
}

impl Crier {
    fn new(node: Arc<Node>) -> Self {
        Self { node, wants: Wants::NOTHING.and(Hook::Rpc) }
    }
}

impl Handlers for Crier {
    fn wants(&self) -> Wants {
        self.wants
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        let said = call.json::<Value>().unwrap_or_default();
        self.node.publish_json("square", &said).await.map(|_| RpcGrant::default()).into()
    }
}

/// Handlers that keep the node, in a task as well; and whoever asks whether both are still there.
fn crier(node: Arc<Node>) -> (Arc<Crier>, Weak<dyn Hooks>, Weak<Node>) {
    let weak = Arc::downgrade(&node);
    node.procedures().register("keep", {
        let node = Arc::clone(&node);
        move |_| {
            let node = Arc::clone(&node);
            async move { Ok(node.address().to_string().into_bytes()) }
        }
    });
    tokio::spawn({
        let node = Arc::clone(&node);
        async move {
            std::future::pending::<()>().await;
            drop(node);
        }
    });
    let crier = Arc::new(Crier::new(node));
    let hooks = Arc::downgrade(&crier);
    (crier, hooks, weak)
}

/// What its threads held goes with them, in a moment.
fn are_freed(hooks: &Weak<dyn Hooks>, node: &Weak<Node>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while hooks.strong_count() + node.strong_count() > 0 {
        if Instant::now() > deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}

/// Reads until a message has this in it.
async fn says(client: &mut WebSocket, wanted: &str) {
    loop {
        match timeout(PATIENCE, client.recv()).await.unwrap().unwrap() {
            Some(Message::Text(text)) if text.contains(wanted) => return,
            Some(_) => {}
            None => panic!("closed before {wanted}"),
        }
    }
}

#[test]
fn handlers_have_the_node_before_the_first_connection() {
    let (told, spawned) = mpsc::channel();
    let server = PushServer::start_with(loaded(&[]), |node| {
        assert_ne!(node.address().port(), 0, "where it listens is known");
        tokio::spawn({
            let node = Arc::clone(&node);
            async move { told.send(node.publish_data("square", b"1").await).unwrap() }
        });
        Arc::new(Crier::new(node))
    })
    .unwrap();
    assert!(spawned.recv_timeout(PATIENCE).unwrap().is_ok(), "a task may publish from the start");

    let url = format!("ws://{}/connection/websocket", server.address());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = ConnectOptions::new().connect(&url).await.unwrap();
        let commands = [
            r#"{"id":1,"connect":{}}"#,
            r#"{"id":2,"subscribe":{"channel":"square"}}"#,
            r#"{"id":3,"rpc":{"method":"cry","data":{"text":"hear ye"}}}"#,
        ];
        client.send(&commands.join("\n")).await.unwrap();
        says(&mut client, "hear ye").await;
        assert!(server.node().has_subscribers("square") && !server.node().has_subscribers("elsewhere"));

        client.send(r#"{"id":4,"unsubscribe":{"channel":"square"}}"#).await.unwrap();
        says(&mut client, r#""id":4"#).await;
        assert!(!server.node().has_subscribers("square"), "known before the client is told");
    });
}

/// A server with such handlers.
fn crying() -> (PushServer, Weak<dyn Hooks>, Weak<Node>) {
    let mut kept = None;
    let server = PushServer::start_with(loaded(&[]), |node| {
        let (crier, hooks, node) = crier(node);
        kept = Some((hooks, node));
        crier
    })
    .unwrap();
    let (hooks, node) = kept.unwrap();
    (server, hooks, node)
}

#[test]
fn a_server_that_is_dropped_frees_handlers_node_and_port() {
    let (server, hooks, node) = crying();
    let address = server.address();
    let client = TcpStream::connect(address).unwrap();
    drop(server);
    TcpListener::bind(address).expect("the port is free at once");
    assert!(are_freed(&hooks, &node), "{} {}", hooks.strong_count(), node.strong_count());
    drop(client);
}

#[test]
fn a_server_that_has_been_drained_frees_them_as_well() {
    let (server, hooks, node) = crying();
    server.drain_handle().drain();
    server.join().unwrap();
    assert!(are_freed(&hooks, &node), "{} {}", hooks.strong_count(), node.strong_count());
}

/// Also in an asynchronous context, where a runtime may not be dropped as usual.
#[tokio::test]
async fn a_server_that_does_not_start_leaves_nothing() {
    let mut kept = None;
    let settings = [("channel.proxy.publish.endpoint", "handler:")];
    let mut loaded = loaded(&settings);
    loaded.config.channel.without_namespace.publish_proxy_enabled = true;
    let refused = PushServer::start_with(loaded, |node| {
        let (crier, hooks, node) = crier(node);
        kept = Some((hooks, node));
        crier
    });
    assert!(refused.unwrap_err().to_string().contains("channel.proxy.publish"));
    let (hooks, node) = kept.unwrap();
    let freed = tokio::task::spawn_blocking(move || are_freed(&hooks, &node)).await;
    assert!(freed.unwrap());
}
