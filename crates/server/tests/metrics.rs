//! What `/metrics` and `/health` say of a real server with two shards, after traffic that is known; and that the page of metrics
//! agrees with it.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wavecast_net::client::{ConnectOptions, Message, WebSocket};
use wavecast_server::config::{Loaded, Overrides, load_from};
use wavecast_server::hooks::{Answer, Handlers, Hook, RpcCall, RpcGrant, Wants};
use wavecast_server::protocol::centrifuge::Error;
use wavecast_server::scrape::reference;
use wavecast_server::{Failing, PushServer};

fn start(more: &[(&str, &str)]) -> PushServer {
    PushServer::start(loaded(more)).unwrap()
}

fn loaded(more: &[(&str, &str)]) -> Loaded {
    let values = [
        ("http_server.port", "0"),
        ("http_server.address", "127.0.0.1"),
        ("http_api.insecure", "true"),
        ("client.insecure", "true"),
        ("shard.count", "2"),
        ("channel.without_namespace.history_size", "10"),
        ("channel.without_namespace.history_ttl", "60s"),
        ("channel.without_namespace.force_recovery", "true"),
    ];
    let values = values.iter().chain(more).map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
    load_from(None, [], &Overrides { values, insecure: true }).unwrap()
}

/// A server is dropped where blocking is allowed.
fn with_server(more: &[(&str, &str)], test: impl AsyncFnOnce(&PushServer)) {
    let server = start(more);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&server));
    server.drain_handle().drain();
    server.join().unwrap();
}

async fn ask(server: &PushServer, request: &str, body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let length = body.len();
    let head =
        format!("{request}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_owned(), body.to_owned())
}

async fn get(server: &PushServer, path: &str) -> (u16, String) {
    let (status, _, body) = ask(server, &format!("GET {path} HTTP/1.1"), "").await;
    (status, body)
}

async fn call(server: &PushServer, method: &str, body: Value) -> Value {
    let (_, _, answer) = ask(server, &format!("POST /api/{method} HTTP/1.1"), &body.to_string()).await;
    serde_json::from_str(&answer).unwrap()
}

/// Samples by name and labels, as they stand on the page.
async fn samples(server: &PushServer) -> BTreeMap<String, f64> {
    let (status, page) = get(server, "/metrics").await;
    assert_eq!(status, 200);
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    lines.map(sample).collect()
}

/// Waits until a sample has a value: sessions end on their shard, after their client has seen it.
async fn until(server: &PushServer, name: &str, value: f64) -> BTreeMap<String, f64> {
    let given_up = Instant::now() + Duration::from_secs(20);
    loop {
        let samples = samples(server).await;
        if samples.get(name) == Some(&value) {
            return samples;
        }
        assert!(Instant::now() < given_up, "{name}: {:?}", samples.get(name));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A client that tells replies from publications, which come in between.
struct Client {
    socket: WebSocket,
    replies: VecDeque<Value>,
    publications: VecDeque<Value>,
}

impl Client {
    async fn open(server: &PushServer) -> Self {
        let url = format!("ws://{}/connection/websocket", server.address());
        let socket = ConnectOptions::new().connect(&url).await.unwrap();
        Self { socket, replies: VecDeque::new(), publications: VecDeque::new() }
    }

    async fn connect(server: &PushServer) -> Self {
        let mut client = Self::open(server).await;
        let welcome = client.call(json!({ "id": 1, "connect": {} })).await;
        assert!(welcome["connect"]["client"].is_string(), "{welcome}");
        client
    }

    async fn call(&mut self, command: Value) -> Value {
        self.socket.send(command.to_string().as_str()).await.unwrap();
        while self.replies.is_empty() {
            self.receive().await;
        }
        self.replies.pop_front().unwrap()
    }

    /// The data of the next publication.
    async fn published(&mut self) -> Value {
        while self.publications.is_empty() {
            self.receive().await;
        }
        self.publications.pop_front().unwrap()
    }

    async fn receive(&mut self) {
        let message = timeout(Duration::from_secs(20), self.socket.recv()).await.unwrap().unwrap();
        let Some(Message::Text(text)) = message else { panic!("{message:?}") };
        for line in text.lines() {
            let message: Value = serde_json::from_str(line).unwrap();
            match message["push"]["pub"]["data"].clone() {
                Value::Null if message == json!({}) => {}
                Value::Null => self.replies.push_back(message),
                data => self.publications.push_back(data),
            }
        }
    }
}

#[test]
fn polls_are_counted_by_what_they_were_told() {
    with_server(&[("poll.enabled", "true"), ("poll.waiting_limit", "1")], async |server| {
        let poll = async |query: &str| get(server, &format!("/connection/poll?{query}")).await;
        let next =
            |body: &str| serde_json::from_str::<Value>(body).unwrap()["next"].as_str().unwrap().to_owned();
        let (status, begun) = poll("channels=room").await;
        assert_eq!(status, 200, "{begun}");
        let waits = format!("channels=room&since={}&wait=20", next(&begun));
        let told = async {
            let waiting = poll(&waits);
            let publishing = async {
                until(server, "wavecast_polls_waiting", 1.0).await;
                assert_eq!(poll(&waits).await.0, 503, "one waits already");
                server.node().publish_data("room", b"1").await.unwrap();
                server.node().publish_data("room", b"2").await.unwrap();
            };
            tokio::join!(waiting, publishing).0
        };
        assert_eq!(told.await.0, 200);
        let (_, told) = poll(&format!("channels=room&since={}", next(&begun))).await;
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap()["publications"][1]["data"], 2, "{told}");
        let (_, gap) = poll("channels=room&since=room:1:another").await;
        assert!(gap.contains("\"gap\":true"), "{gap}");
        assert_eq!(poll("channels=").await.0, 400);

        let page = until(server, "wavecast_polls_waiting", 0.0).await;
        let publications = page["wavecast_poll_publications_total"];
        assert!((3.0..=6.0).contains(&publications), "{publications}");
        for (outcome, expected) in [("nothing", 1.0), ("publications", 2.0), ("gap", 1.0), ("refused", 2.0)] {
            assert_eq!(
                page[&format!("wavecast_polls_total{{outcome=\"{outcome}\"}}")],
                expected,
                "{outcome}"
            );
        }
        // What is remembered of the latest answers.
        assert!(page["wavecast_poll_unsent_bytes"] > 0.0);
    });
}

#[test]
fn numbers_are_right_after_known_traffic() {
    with_server(&[("client.connection_limit", "4")], async |server| {
        let mut clients = Vec::new();
        for _ in 0..4 {
            let mut client = Client::connect(server).await;
            let subscribed = client.call(json!({ "id": 2, "subscribe": { "channel": "room" } })).await;
            assert!(subscribed["subscribe"].is_object(), "{subscribed}");
            clients.push(client);
        }
        // Refused at the door: there are four already.
        let url = format!("ws://{}/connection/websocket", server.address());
        assert!(ConnectOptions::new().connect(&url).await.is_err());

        for n in 0..3 {
            let published = call(server, "publish", json!({ "channel": "room", "data": n })).await;
            assert!(published["error"].is_null(), "{published}");
        }
        server.node().publish_data("room", b"3").await.unwrap();
        server.node().publish_data("nobody", b"4").await.unwrap();
        for client in &mut clients {
            for n in 0..4 {
                assert_eq!(client.published().await, n);
            }
        }
        let reply = clients[0].call(json!({ "id": 3, "publish": { "channel": "room", "data": 5 } })).await;
        assert_eq!(reply["id"], 3, "{reply}");
        for client in &mut clients {
            assert_eq!(client.published().await, 5);
        }
        let unknown = call(server, "publish", json!({ "channel": "no:such", "data": 1 })).await;
        assert_eq!(unknown["error"]["code"], 102);
        call(server, "nonsense", json!({})).await;
        call(server, "batch", json!({ "commands": [{ "publish": { "channel": "other", "data": 1 } }] }))
            .await;

        let mut recovering = clients.pop().unwrap();
        let left = recovering.call(json!({ "id": 4, "unsubscribe": { "channel": "room" } })).await;
        assert_eq!(left["id"], 4, "{left}");
        let since = |offset: u64, epoch: &str| json!({ "id": 5, "subscribe": { "channel": "room", "recover": true, "offset": offset, "epoch": epoch } });
        let epoch = call(server, "history", json!({ "channel": "room" })).await["result"]["epoch"].clone();
        let epoch = epoch.as_str().unwrap().to_owned();
        let recovered = recovering.call(since(2, &epoch)).await;
        let found = recovered["subscribe"]["publications"].as_array().map(Vec::len);
        assert_eq!(found, Some(3), "{recovered}");
        recovering.call(json!({ "id": 6, "unsubscribe": { "channel": "room" } })).await;
        let recovered = recovering.call(since(2, "another")).await;
        assert!(recovered["subscribe"]["recovered"].is_null(), "{recovered}");
        let refused = recovering.call(json!({ "id": 7, "subscribe": { "channel": "no:such" } })).await;
        assert_eq!(refused["error"]["code"], 102);
        // Over the limit, so refused again.
        assert!(ConnectOptions::new().connect(&url).await.is_err());

        let page = samples(server).await;
        let of = |name: &str| *page.get(name).unwrap_or_else(|| panic!("no {name}"));
        for (name, expected) in [
            ("wavecast_sessions{transport=\"websocket\"}", 4.0),
            ("wavecast_sessions_accepted_total{transport=\"websocket\"}", 4.0),
            ("wavecast_users", 0.0),
            ("wavecast_subscriptions", 4.0),
            ("wavecast_subscribes_total", 6.0),
            ("wavecast_unsubscribes_total{code=\"0\"}", 2.0),
            ("wavecast_channels", 1.0),
            ("wavecast_channels_kept", 3.0),
            ("wavecast_connections_refused_total{reason=\"connection_limit\"}", 2.0),
            ("wavecast_commands_total{transport=\"websocket\",method=\"connect\"}", 4.0),
            ("wavecast_commands_total{transport=\"websocket\",method=\"subscribe\"}", 7.0),
            ("wavecast_commands_total{transport=\"websocket\",method=\"publish\"}", 1.0),
            ("wavecast_reply_errors_total{code=\"102\"}", 1.0),
            ("wavecast_publications_total{source=\"api\"}", 4.0),
            ("wavecast_publications_total{source=\"client\"}", 1.0),
            ("wavecast_publications_total{source=\"server\"}", 2.0),
            ("wavecast_deliveries_total", 20.0),
            ("wavecast_dropped_messages_total{policy=\"drop_oldest\"}", 0.0),
            ("wavecast_recoveries_total{recovered=\"yes\"}", 1.0),
            ("wavecast_recoveries_total{recovered=\"no\"}", 1.0),
            ("wavecast_recovered_publications_total", 3.0),
            ("wavecast_api_calls_total{method=\"publish\",code=\"0\"}", 4.0),
            ("wavecast_api_calls_total{method=\"publish\",code=\"102\"}", 1.0),
            ("wavecast_api_calls_total{method=\"batch\",code=\"0\"}", 1.0),
            ("wavecast_api_calls_total{method=\"unknown\",code=\"104\"}", 1.0),
            ("wavecast_api_calls_total{method=\"refresh\",code=\"0\"}", 0.0),
            ("wavecast_api_duration_seconds_count{method=\"publish\"}", 5.0),
            ("wavecast_http_responses_total{status=\"404\"}", 1.0),
            ("wavecast_ready", 1.0),
            ("wavecast_live", 1.0),
            ("centrifugo_node_num_clients", 4.0),
            ("centrifugo_node_messages_sent_count{type=\"publication\",channel_namespace=\"\"}", 7.0),
            ("centrifugo_node_client_connection_limit", 2.0),
            ("centrifugo_api_command_errors_total{protocol=\"http\",method=\"publish\",error=\"102\"}", 1.0),
            ("centrifugo_node_action_count{action=\"add_subscription\",channel_namespace=\"\"}", 6.0),
        ] {
            assert_eq!(of(name), expected, "{name}");
        }
        assert!(of("wavecast_delivered_bytes_total") > 20.0 * 30.0);
        assert!(of("wavecast_network_transmit_bytes_total") > of("wavecast_delivered_bytes_total"));
        assert!(of("wavecast_shard_turns_total{shard=\"0\"}") > 1.0);
        assert!(of("wavecast_shard_turns_total{shard=\"1\"}") > 1.0);
        assert!(of("wavecast_canary_round_trip_seconds{shard=\"1\"}") > 0.0);
        assert!(of("wavecast_memory_held_bytes{part=\"history\"}") > 0.0);
        assert_eq!(
            call(server, "info", json!({})).await["result"]["nodes"][0]["num_channels"],
            1,
            "no canary"
        );
        let listed = call(server, "channels", json!({})).await;
        assert_eq!(listed["result"]["channels"].as_object().unwrap().len(), 1, "{listed}");

        // One says goodbye, one is shown out, one is cut off.
        let mut clients = clients.into_iter();
        clients.next().unwrap().socket.close(wavecast_net::CloseCode::NORMAL, "").await.ok();
        drop(clients);
        let page = until(server, "wavecast_sessions{transport=\"websocket\"}", 1.0).await;
        assert_eq!(page["wavecast_closes_total{by=\"client\",code=\"1000\"}"], 1.0);
        recovering.socket.send("[").await.unwrap();
        while recovering.socket.recv().await.unwrap().is_some() {}
        let page = until(server, "wavecast_closes_total{by=\"server\",code=\"3501\"}", 1.0).await;
        assert_eq!(page["wavecast_sessions{transport=\"websocket\"}"], 0.0);
        assert_eq!(page["centrifugo_client_num_server_disconnects{code=\"3501\"}"], 1.0);
        assert_eq!(page["wavecast_subscriptions"], 0.0);
        assert_eq!(page["wavecast_unsubscribes_total{code=\"1\"}"], 4.0);
    });
}

/// Answers one method, and refuses the others.
struct Methods;

impl Handlers for Methods {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Rpc)
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        match &*call.method {
            "known" => Answer::Ok(RpcGrant::default()),
            _ => Answer::Error(Error { code: 404, message: "unknown".into(), temporary: false }),
        }
    }
}

#[test]
fn hooks_are_counted_by_how_they_ended() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}/subscribe", nobody.local_addr().unwrap());
    // The port stays ours, and nobody answers there in time.
    let more = [
        ("rpc.without_namespace.proxy_enabled", "true"),
        ("rpc.proxy.endpoint", "handler:"),
        ("channel.without_namespace.subscribe_proxy_enabled", "true"),
        ("channel.proxy.subscribe.endpoint", &endpoint),
        ("channel.proxy.subscribe.timeout", "50ms"),
    ];
    let server = PushServer::start_with(loaded(&more), |_| Arc::new(Methods)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = Client::connect(&server).await;
        client.call(json!({ "id": 2, "rpc": { "method": "known" } })).await;
        for id in 3..5 {
            let reply = client.call(json!({ "id": id, "rpc": { "method": "other" } })).await;
            assert_eq!(reply["error"]["code"], 404, "{reply}");
        }
        let reply = client.call(json!({ "id": 5, "subscribe": { "channel": "room" } })).await;
        assert_eq!(reply["error"]["code"], 100, "{reply}");
        let page = samples(&server).await;
        for (name, expected) in [
            ("wavecast_hook_duration_seconds_count{hook=\"rpc\",outcome=\"ok\"}", 1.0),
            ("wavecast_hook_duration_seconds_count{hook=\"rpc\",outcome=\"refused\"}", 2.0),
            ("wavecast_hook_duration_seconds_count{hook=\"subscribe\",outcome=\"failed\"}", 1.0),
            (
                "wavecast_hook_duration_seconds_bucket{hook=\"subscribe\",outcome=\"failed\",le=\"0.025\"}",
                0.0,
            ),
            ("wavecast_hook_failures_total{hook=\"subscribe\",name=\"default\"}", 1.0),
            ("wavecast_reply_errors_total{code=\"404\"}", 2.0),
            (
                "centrifugo_proxy_duration_seconds_histogram_count{protocol=\"http\",type=\"rpc\",name=\"\"}",
                3.0,
            ),
            ("centrifugo_proxy_errors{protocol=\"http\",type=\"subscribe\",name=\"default\"}", 1.0),
        ] {
            assert_eq!(page.get(name), Some(&expected), "{name}");
        }
    });
    server.drain_handle().drain();
    server.join().unwrap();
    drop(nobody);
}

/// Name, type, labels, meaning.
type Row = [String; 4];

fn documented() -> BTreeMap<String, Row> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells = line.strip_prefix("| `")?.strip_suffix(" |")?;
        let cells: Vec<String> =
            cells.split(" | ").map(|cell| cell.replace('`', "").trim().to_owned()).collect();
        let row: Row = cells.try_into().ok()?;
        Some((row[0].clone(), row))
    });
    rows.collect()
}

#[test]
fn the_page_of_metrics_agrees_with_what_is_served() {
    let page = documented();
    let program: BTreeMap<String, Row> = reference()
        .iter()
        .map(|metric| {
            let row = [metric.name, metric.kind, &metric.labels.join(", "), metric.help];
            (metric.name.to_owned(), row.map(str::to_owned))
        })
        .collect();
    let names = |rows: &BTreeMap<String, Row>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&page), names(&program), "the metrics themselves");
    for (name, row) in &program {
        assert_eq!(&page[name], row, "{name}: the page (left) and the program (right)");
    }
    assert_eq!(program.len(), reference().len(), "none is there twice");

    with_server(&[], async |server| {
        Client::connect(server).await;
        call(server, "info", json!({})).await;
        let (_, served) = get(server, "/metrics").await;
        let said = |mark: &str| -> BTreeMap<String, String> {
            let lines = served.lines().filter_map(|line| line.strip_prefix(mark)?.strip_prefix(' '));
            lines.map(|line| line.split_once(' ').unwrap()).map(|(n, rest)| (n.into(), rest.into())).collect()
        };
        let (helps, kinds) = (said("# HELP"), said("# TYPE"));
        assert_eq!(kinds.keys().cloned().collect::<Vec<_>>(), names(&page), "what is served, all of it");
        for (name, [_, kind, _, help]) in &page {
            assert_eq!((&kinds[name], &helps[name]), (kind, help), "{name}");
        }
        for line in served.lines().filter(|line| !line.starts_with('#')) {
            let (name, rest) = line.split_once(['{', ' ']).unwrap();
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|end| name.strip_suffix(end))
                .find(|name| page.contains_key(*name))
                .unwrap_or(name);
            let labels: BTreeSet<&str> = match line.contains('{') {
                true => rest.split("=\"").take(rest.matches("=\"").count()).map(last_word).collect(),
                false => BTreeSet::new(),
            };
            let mut expected: BTreeSet<&str> = page[name][2].split(", ").filter(|l| !l.is_empty()).collect();
            if line.contains("_bucket{") {
                expected.insert("le");
            }
            assert_eq!(labels, expected, "{line}");
        }
    });
}

fn last_word(text: &str) -> &str {
    text.rsplit([',', '{']).next().unwrap()
}

#[test]
fn the_format_is_the_one_that_is_asked_for() {
    with_server(&[("prometheus.handler_prefix", "/numbers")], async |server| {
        let (status, head, body) = ask(server, "GET /numbers HTTP/1.1", "").await;
        assert!(status == 200 && !body.contains("# EOF"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        let accept = "GET /numbers HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0";
        let (_, head, body) = ask(server, accept, "").await;
        assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
        assert!(body.ends_with("# EOF\n") && body.contains("\n# TYPE wavecast_publications counter\n"));
        assert_eq!(ask(server, "POST /numbers HTTP/1.1", "").await.0, 405);
        assert_eq!(get(server, "/metrics").await.0, 404);
    });
    with_server(&[("prometheus.enabled", "false"), ("health.enabled", "false")], async |server| {
        for path in ["/metrics", "/health", "/health/live", "/health/ready"] {
            assert_eq!(get(server, path).await.0, 404, "{path}");
        }
    });
}

#[test]
fn a_server_that_drains_is_alive_and_not_ready() {
    let server = start(&[("shutdown.timeout", "20s")]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let given_up = Instant::now() + Duration::from_secs(20);
        loop {
            let (status, said) = get(&server, "/health/ready").await;
            let said: Value = serde_json::from_str(&said).unwrap();
            if status == 200 {
                assert!(said["canary"]["round_trip_ms"].as_f64().is_some_and(|ms| ms > 0.0), "{said}");
                break;
            }
            assert_eq!(said["failing"][0]["what"], Failing::Starting.name(), "{said}");
            assert!(Instant::now() < given_up);
        }
        assert_eq!(get(&server, "/health/live").await, (200, "{\"live\":true}".into()));
        assert_eq!(get(&server, "/health").await, (200, "{}".into()));
        // A connection that is kept alive sees the drain, and so does a load balancer that was there before.
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        assert!(bytes[..length].starts_with(b"HTTP/1.1 200"));
        // Half of a request, so that the connection is not ended before the rest.
        stream.write_all(b"GET /health/ready HTTP/1.1\r\nHost: a\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.drain_handle().drain();
        stream.write_all(b"\r\n").await.unwrap();
        let mut rest = String::new();
        timeout(Duration::from_secs(10), stream.read_to_string(&mut rest)).await.unwrap().unwrap();
        assert!(rest.starts_with("HTTP/1.1 503") && rest.contains("\"draining\":true"), "{rest}");
        assert!(rest.contains("\"ready\":false"), "{rest}");
    });
    server.join().unwrap();
}

/// Prints what a scrape takes with a million channels.
#[test]
#[ignore = "takes its time, and prints"]
fn a_scrape_costs_the_same_with_a_million_channels() {
    with_server(&[], async |server| {
        for channels in [0, 1_000_000] {
            for n in 0..channels {
                server.node().publish_data(&format!("channel-{n}"), b"1").await.unwrap();
            }
            get(server, "/metrics").await;
            let (rounds, began) = (20, Instant::now());
            let mut bytes = 0;
            for _ in 0..rounds {
                bytes = get(server, "/metrics").await.1.len();
            }
            println!("{channels} channels: {:?} a scrape, {bytes} bytes", began.elapsed() / rounds);
        }
    });
}
