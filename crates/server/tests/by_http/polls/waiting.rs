//! Long-polls: what ends a wait, and what is left of one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use wavecast_server::PushServer;

use crate::served::{Connection, SOON, poll, publish, token, unix_now, with_server};

/// Waits until so many polls wait.
async fn waiting(server: &PushServer, count: usize) {
    let waited = async {
        while server.waiting_polls() != count {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(SOON, waited).await.unwrap_or_else(|_| panic!("{} wait, not {count}", server.waiting_polls()));
}

async fn begin(server: &PushServer, query: &str) -> Connection {
    let mut connection = Connection::to(server.address()).await;
    connection.ask(&format!("/connection/poll?{query}"), "").await;
    connection
}

#[test]
fn a_publication_ends_the_wait_of_all_who_want_it() {
    with_server(&[], async |server| {
        let now = poll(server, "channels=news,talk").await.next();
        let mut first = begin(server, &format!("channels=news,talk&since={now}&wait=20")).await;
        let mut second = begin(server, "channels=talk&wait=20").await;
        let mut other = begin(server, "channels=news&wait=20").await;
        waiting(server, 3).await;
        publish(server.node(), "talk", 1).await;
        for connection in [&mut first, &mut second] {
            let answer = connection.answer().await;
            assert_eq!(answer.told(), (vec![json!(1)], false));
            assert_eq!(answer.field("cache-control"), Some("no-store"));
        }
        waiting(server, 1).await;
        publish(server.node(), "news", 2).await;
        assert_eq!(other.answer().await.told(), (vec![json!(2)], false));
        // The connection is good for the next poll, which has something at once.
        let began = Instant::now();
        first.ask(&format!("/connection/poll?channels=news,talk&since={now}&wait=20"), "").await;
        assert_eq!(first.answer().await.told(), (vec![json!(2), json!(1)], false));
        assert!(began.elapsed() < Duration::from_secs(15));
        waiting(server, 0).await;
    });
}

#[test]
fn time_ends_a_wait_and_no_wait_is_longer_than_it_may_be() {
    with_server(&[("poll.wait_max", "1s")], async |server| {
        let now = poll(server, "channels=news").await.next();
        let began = Instant::now();
        let answer = poll(server, &format!("channels=news&since={now}&wait=3600")).await;
        assert_eq!((answer.told(), answer.next()), ((vec![], false), now));
        assert!((1..15).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    });
}

#[test]
fn a_gap_and_a_refusal_are_not_waited_for() {
    with_server(&[], async |server| {
        let began = Instant::now();
        assert!(poll(server, "channels=news&since=news:7:other&wait=20").await.told().1);
        assert_eq!(poll(server, "channels=news,closed:a&wait=20").await.code(), 103);
        assert!(began.elapsed() < Duration::from_secs(15));
    });
}

#[test]
fn what_a_filter_keeps_back_does_not_end_a_wait() {
    let filtered = token(&json!({"sub": "ann", "tags_filter": {"key": "to", "cmp": "eq", "val": "ann"}}));
    with_server(&[], async |server| {
        let mut connection = begin(server, &format!("channels=news&wait=20&token={filtered}")).await;
        waiting(server, 1).await;
        for count in 0..5 {
            publish(server.node(), "news", count).await;
        }
        let tags = Some(Box::new([("to".to_owned(), "ann".to_owned())].into()));
        let publish = wavecast_server::hub::Publish {
            data: (*b"\"yours\"").into(),
            is_json: true,
            tags,
            ..Default::default()
        };
        server.node().publish("news", publish).await.unwrap();
        let answer = connection.answer().await;
        assert_eq!(answer.told(), (vec![json!("yours")], false));
        assert!(answer.next().starts_with("news:6:"));
    });
}

/// Nobody can tell a client that has ended its side from one that has gone: it is answered, and its place is free.
#[test]
fn a_client_that_goes_frees_its_place() {
    with_server(&[], async |server| {
        let mut half = begin(server, "channels=news&wait=20").await;
        waiting(server, 1).await;
        half.stream.shutdown().await.unwrap();
        assert_eq!(half.answer().await.told(), (vec![], false), "it is answered at once");
        assert!(half.ends().await);
        waiting(server, 0).await;

        let gone = begin(server, "channels=news&wait=20").await;
        let reset = begin(server, "channels=news&wait=20").await;
        waiting(server, 2).await;
        drop(gone);
        waiting(server, 1).await;
        reset.stream.set_zero_linger().unwrap();
        drop(reset);
        waiting(server, 0).await;
    });
}

#[test]
fn what_is_sent_ahead_is_answered_after_the_wait() {
    with_server(&[("poll.wait_max", "3s")], async |server| {
        let mut connection = begin(server, "channels=news&wait=3").await;
        waiting(server, 1).await;
        connection.ask("/connection/poll?channels=talk", "").await;
        assert!(connection.answer().await.next().starts_with("news:"));
        assert!(connection.answer().await.next().starts_with("talk:"));
    });
}

#[test]
fn those_who_wait_are_bounded_and_keep_nobody_else_out() {
    let limits = [("poll.waiting_limit", "3"), ("http_server.connection_limit", "2")];
    with_server(&limits, async |server| {
        let mut waiters = Vec::new();
        for count in 1..=3 {
            waiters.push(begin(server, "channels=news&wait=20").await);
            waiting(server, count).await;
        }
        let refused = poll(server, "channels=news&wait=20").await;
        assert_eq!((refused.status, refused.code()), (503, 111));
        assert!(refused.field("retry-after").is_some());
        assert_eq!(poll(server, "channels=news").await.status, 200, "a plain poll waits for nothing");
        publish(server.node(), "news", 1).await;
        for waiter in &mut waiters {
            assert_eq!(waiter.answer().await.told(), (vec![json!(1)], false));
        }
    });
}

#[test]
fn one_that_waits_is_a_connection_of_its_address() {
    with_server(&[("client.address_connection_limit", "2")], async |server| {
        let mut first = begin(server, "channels=news&wait=20").await;
        let mut second = begin(server, "channels=news&wait=20").await;
        waiting(server, 2).await;
        let mut third = begin(server, "channels=news&wait=20").await;
        let refused = third.answer().await;
        assert_eq!((refused.status, refused.code()), (503, 111));
        assert_eq!(poll(server, "channels=news").await.status, 200, "one that does not wait is none");
        publish(server.node(), "news", 1).await;
        for connection in [&mut first, &mut second] {
            assert_eq!(connection.answer().await.told(), (vec![json!(1)], false));
        }
        third.ask("/connection/poll?channels=news&wait=20", "").await;
        waiting(server, 1).await;
        publish(server.node(), "news", 2).await;
        assert_eq!(third.answer().await.told(), (vec![json!(2)], false));
    });
}

#[test]
fn a_token_that_expires_or_is_revoked_ends_the_wait() {
    with_server(&[], async |server| {
        let short = token(&json!({"sub": "ann", "exp": unix_now() + 4}));
        let began = Instant::now();
        let answer = poll(server, &format!("channels=users:a&wait=20&token={short}")).await;
        assert_eq!(answer.told(), (vec![], false));
        assert!(began.elapsed() < Duration::from_secs(15));
        assert_eq!(poll(server, &format!("channels=users:a&wait=20&token={short}")).await.code(), 109);

        let good = token(&json!({"sub": "bob", "jti": "t1"}));
        let mut connection = begin(server, &format!("channels=users:a&wait=20&token={good}")).await;
        waiting(server, 1).await;
        let mut api = Connection::to(server.address()).await;
        let request = "POST /api/revoke_token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\n{\"uid\":\"t1\"}";
        api.stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(api.answer().await.status, 200);
        assert_eq!(connection.answer().await.code(), 3500, "at once");
    });
}

#[test]
fn a_server_that_leaves_answers_at_once() {
    let server = PushServer::start(crate::served::loaded(&[])).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let drain = server.drain_handle();
    runtime.block_on(async {
        let mut connection = begin(&server, "channels=news&wait=20").await;
        waiting(&server, 1).await;
        let began = Instant::now();
        drain.drain();
        let answer = connection.answer().await;
        assert_eq!((answer.told(), answer.field("connection")), ((vec![], false), Some("close")));
        assert!(began.elapsed() < Duration::from_secs(15) && connection.ends().await);
    });
    drop(runtime);
    server.join().unwrap();
}

#[test]
fn polls_wait_in_streams_of_http2() {
    with_server(&[("http_server.connection_limit", "1")], async |server| {
        let address = server.address();
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let ask = |query: &str| {
            let uri = format!("http://{address}/connection/poll?{query}");
            let request = hyper::Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
            let answer = sender.clone().send_request(request);
            tokio::spawn(async move {
                let body = answer.await.unwrap().into_body().collect().await.unwrap().to_bytes();
                serde_json::from_slice::<serde_json::Value>(&body).unwrap()
            })
        };
        let polls: Vec<_> = (0..5).map(|_| ask("channels=news&wait=20")).collect();
        waiting(server, 5).await;
        // The connection waits, and so it is not counted.
        assert_eq!(poll(server, "channels=news").await.status, 200);
        publish(server.node(), "news", 1).await;
        for answered in polls {
            assert_eq!(timeout(SOON, answered).await.unwrap().unwrap()["publications"][0]["data"], 1);
        }
        let cancelled = ask("channels=news&wait=20");
        let lost = ask("channels=news&wait=20");
        waiting(server, 2).await;
        cancelled.abort();
        waiting(server, 1).await;
        connection.abort();
        waiting(server, 0).await;
        drop(lost);
    });
}

/// Publishers and clients that poll and wait, on several threads: nothing is lost and nothing comes twice.
#[test]
fn nobody_waits_past_a_publication() {
    const PUBLICATIONS: u64 = 600;
    const CLIENTS: usize = 8;
    with_server(&[], async |server| {
        let now = poll(server, "channels=left,right").await.next();
        let address = server.address();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let mut next = now.clone();
                tokio::spawn(async move {
                    let mut connection = Connection::to(address).await;
                    let mut seen = [0, 0];
                    while seen != [PUBLICATIONS; 2] {
                        let target = format!("/connection/poll?channels=left,right&since={next}&wait=25");
                        connection.ask(&target, "").await;
                        let answer = connection.answer().await;
                        let json = answer.json();
                        assert!(!answer.told().1, "{json}");
                        for publication in json["publications"].as_array().unwrap() {
                            let seen = &mut seen[usize::from(publication["channel"] == "right")];
                            *seen += 1;
                            assert_eq!(publication["data"], *seen, "lost, repeated or out of order");
                        }
                        next = answer.next();
                    }
                })
            })
            .collect();
        let publishers: Vec<_> = ["left", "right"]
            .map(|channel| {
                let node = Arc::clone(server.node());
                tokio::spawn(async move {
                    for count in 1..=PUBLICATIONS {
                        publish(&node, channel, count).await;
                        if count % 7 == 0 {
                            sleep(Duration::from_millis(1)).await;
                        }
                    }
                })
            })
            .into();
        for task in publishers.into_iter().chain(clients) {
            timeout(4 * SOON, task).await.expect("nobody waits for what has come").unwrap();
        }
        waiting(server, 0).await;
    });
}
