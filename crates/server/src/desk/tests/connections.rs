//! Connections: how requests may arrive, and every way an ill-behaved one ends.

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::*;

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.stream.set_nodelay(true).unwrap();
    for byte in post("/api/publish", KEY, r#"{"channel":"a","data":1}"#).bytes() {
        client.send([byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
}

#[tokio::test]
async fn requests_sent_ahead_are_answered_in_order() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    let publish = |n: u32| post("/api/publish", KEY, &format!(r#"{{"channel":"a","data":{n}}}"#));
    let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let ahead = [publish(1), health.into(), publish(2), publish(3)].concat();
    let (first, rest) = ahead.split_at(ahead.len() - 10);
    client.send(first).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    assert_eq!(client.answer().await.text(), "{}");
    assert_eq!(client.answer().await.json()["result"]["offset"], 2);
    client.send(rest).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 3);
    // hyper frames a chunked body, and what follows it.
    let chunked = format!(
        "POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n\
         5\r\n{{\"cha\r\n13\r\nnnel\":\"a\",\"data\":4}}\r\n0\r\n\r\n{health}"
    );
    client.send(chunked).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 4);
    assert_eq!(client.answer().await.text(), "{}");
}

#[tokio::test]
async fn a_client_that_has_ended_its_side_gets_its_answer() {
    let served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, r#"{"channel":"a","data":1}"#)).await;
    client.stream.shutdown().await.unwrap();
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    assert!(client.ends().await);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_answer_arrives() {
    let mut config = configured();
    config.http_api.max_request_body_size = 1024;
    let served = serve(config).await;
    let body = "x".repeat(200_000);
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, &body)).await;
    let answered = client.answer().await;
    assert_eq!((answered.status, answered.field("connection")), (413, Some("close")));
    assert!(answered.text().contains("at most 1024 bytes"), "{answered:?}");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    client
        .send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    client.send(format!("{:x}\r\n{}\r\n", 2000, &body[..2000])).await;
    assert_eq!(client.answer().await.status, 413);
    assert!(client.ends().await);
}

#[tokio::test]
async fn slow_heads_bodies_and_idle_connections_end() {
    let mut config = configured();
    config.http_server.handshake_timeout = Duration::from_millis(100);
    config.http_server.body_timeout = Duration::from_millis(100);
    config.http_server.idle_timeout = Duration::from_millis(300);
    let served = serve(config).await;

    let mut client = Client::connect(&served).await;
    client.send("GET / HTTP/1.1\r\nHost: lo").await;
    let answered = client.answer().await;
    assert_eq!(answered.status, 408);
    assert_eq!(answered.text(), "The request's head took too long to arrive.");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    client.send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{KEY}Content-Length: 100\r\n\r\n{{")).await;
    let answered = client.answer().await;
    assert_eq!((answered.status, answered.field("connection")), (408, Some("close")));
    assert_eq!(answered.text(), "The request's body took too long to arrive.\n");
    assert!(client.ends().await);

    let mut client = Client::connect(&served).await;
    let since = std::time::Instant::now();
    client.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    assert!(client.ends().await, "an idle connection ends without a word");
    assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
    // The same once hyper alone knows where requests end.
    let mut client = Client::connect(&served).await;
    let chunked = "POST /api/info HTTP/1.1\r\nHost: a\r\nX-API-Key: s3cret\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let since = std::time::Instant::now();
    client.send(chunked).await;
    assert_eq!(client.answer().await.status, 200);
    assert!(client.ends().await);
    assert!(since.elapsed() >= Duration::from_millis(250), "{:?}", since.elapsed());
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    let mut config = configured();
    config.http_server.write_timeout = Duration::from_millis(200);
    config.client.queue_max_size = 4 * 1024 * 1024;
    let served = serve(config).await;
    let large = json!({"channel": "a", "data": "x".repeat(3 * 1024 * 1024)});
    for _ in 0..8 {
        call(&served, "publish", &large).await;
    }
    let mut client = Client::connect(&served).await;
    client.send(post("/api/history", KEY, r#"{"channel":"a","limit":-1}"#)).await;
    let freed = async {
        while served.desk.connections() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), freed).await.expect("the connection is given up");
}

#[tokio::test]
async fn heads_beyond_the_limits_are_refused() {
    let served = serve(configured()).await;
    for (request, status) in [
        (format!("GET /health HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000)), 431),
        (format!("GET /health HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(150)), 431),
        ("NOT HTTP AT ALL\r\n\r\n".into(), 400),
        ("GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".into(), 400),
    ] {
        let mut client = Client::connect(&served).await;
        client.send(&request).await;
        let answered = client.answer().await;
        assert_eq!(answered.status, status, "{}", &request[..40.min(request.len())]);
    }
}

#[tokio::test]
async fn there_is_a_bound_on_connections() {
    let mut config = configured();
    config.http_server.connection_limit = 1;
    let served = serve(config).await;
    let mut first = Client::connect(&served).await;
    first.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(first.answer().await.status, 200);
    let mut second = Client::connect(&served).await;
    second.send("GET /he").await;
    let answered = second.answer().await;
    assert_eq!((answered.status, answered.field("retry-after")), (503, Some("1")));
    assert_eq!(answered.text(), "Too many HTTP connections at once.\n");
    assert_eq!((served.desk.connections(), served.backend.metrics().http_refused.get()), (1, 1));
    drop(first);
    while served.desk.connections() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut third = Client::connect(&served).await;
    third.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(third.answer().await.status, 200);
}

/// hyper's client, as others' of HTTP/2, understands no answer of HTTP/1.1.
#[tokio::test]
async fn http2_is_told_that_there_are_too_many_in_its_own_words() {
    let mut config = configured();
    config.http_server.connection_limit = 0;
    let desk = Arc::new(Desk::new(Arc::new(Lists::default()), Arc::new(config), Profile::Configured));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut shard, peer) = listener.accept().await.unwrap();
    let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut requests, connection) = client.await.unwrap();
    let request = Request::get("http://a/health").body(Empty::<Bytes>::new()).unwrap();
    let desk_refuses = async {
        let mut received = Vec::new();
        // All of it: what is unread when the socket is closed would reset the connection.
        while timeout(Duration::from_millis(200), shard.read_buf(&mut received)).await.is_ok() {}
        assert!(http2::is_spoken(&received));
        let stream = shard.into_std().unwrap().into();
        serve_connection(Detached { stream, received, peer }, Arc::clone(&desk)).await;
    };
    let talk = async { tokio::join!(requests.send_request(request), connection, desk_refuses) };
    let (answer, ended, ()) = timeout(Duration::from_secs(20), talk).await.expect("an end");
    assert_eq!(desk.backend.metrics().http_refused.get(), 1);
    let error = answer.map(drop).unwrap_err();
    let told = format!("{error:?} {ended:?}");
    assert!(told.contains("ENHANCE_YOUR_CALM"), "{told}");
}

#[tokio::test]
async fn draining_ends_idle_connections_and_lets_calls_finish() {
    let mut config = configured();
    config.http_api.timeout = Duration::from_secs(3);
    let served = serve(config).await;
    let mut idle = Client::connect(&served).await;
    idle.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = Client::connect(&served).await;
    busy.send(post("/api/publish", KEY, r#"{"channel":"full","data":1}"#)).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut asks = Client::connect(&served).await;
    asks.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(asks.answer().await.status, 200);
    served.desk.drain();
    asks.send("GET /health HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answered = asks.answer().await;
    assert_eq!((answered.status, answered.field("connection")), (503, Some("close")), "it may ask once more");
    assert!(asks.ends().await);
    let ended = tokio::spawn({
        let desk = Arc::clone(&served.desk);
        async move { desk.end().await }
    });
    assert!(idle.ends().await);
    assert!(!ended.is_finished(), "a call is under way");
    let answered = busy.answer().await;
    assert_eq!(answered.json()["error"]["code"], 111);
    assert_eq!(answered.field("connection"), Some("close"));
    timeout(Duration::from_secs(5), ended).await.expect("nothing is under way any more").unwrap();
}
