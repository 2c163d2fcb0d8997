//! A handshake on a connection that began with HTTP goes back to a shard, and nothing else does.

use std::io::Write as _;

use super::*;
use tokio::net::TcpStream;
use wavecast_net::driver::Stream;

#[tokio::test]
async fn a_handshake_after_a_request_goes_back_whole() {
    let mut served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(post("/api/publish", KEY, r#"{"channel":"a","data":1}"#)).await;
    assert_eq!(client.answer().await.status, 200);
    client.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
    let (first, second) = HANDSHAKE.split_at(50);
    client.send(first).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    client.send(format!("{second}and what follows")).await;
    let returned = timeout(Duration::from_secs(10), served.returned.recv()).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(returned.received).unwrap(), format!("{HANDSHAKE}and what follows"));
    assert_eq!(returned.peer, client.stream.local_addr().unwrap());
    // The socket is alive in both directions, and the desk has forgotten it.
    let Stream::Tcp(mut socket) = returned.stream else { panic!("a socket came in") };
    socket.write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").unwrap();
    assert_eq!(client.answer().await.status, 101);
    assert_eq!(served.desk.connections(), 0);
}

#[tokio::test]
async fn a_handshake_sent_ahead_waits_for_the_answers_before_it() {
    let mut served = serve(configured()).await;
    let mut client = Client::connect(&served).await;
    client.send(format!("{}{HANDSHAKE}", post("/api/publish", KEY, r#"{"channel":"a","data":1}"#))).await;
    assert_eq!(client.answer().await.json()["result"]["offset"], 1);
    let returned = timeout(Duration::from_secs(10), served.returned.recv()).await.unwrap().unwrap();
    assert_eq!(returned.received, HANDSHAKE.as_bytes());
    assert!(client.unread.is_empty());
}

#[tokio::test]
async fn a_body_that_looks_like_a_handshake_stays_a_body() {
    let mut served = serve(configured()).await;
    for headers in ["", "Transfer-Encoding: chunked\r\n", "Expect: 100-continue\r\n"] {
        let mut client = Client::connect(&served).await;
        let body = match headers.starts_with("Transfer") {
            true => format!("{:x}\r\n{HANDSHAKE}\r\n0\r\n\r\n", HANDSHAKE.len()),
            false => HANDSHAKE.to_owned(),
        };
        let length = match headers.starts_with("Transfer") {
            true => String::new(),
            false => format!("Content-Length: {}\r\n", body.len()),
        };
        // Refused before its body is read: the rest must not be taken for the next request.
        client.send(format!("POST /api/publish HTTP/1.1\r\nHost: a\r\n{headers}{length}\r\n")).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.send(body).await;
        let answered = client.answer().await;
        assert_eq!((answered.status, answered.field("connection")), (401, Some("close")), "{headers}");
        assert!(client.ends().await, "{headers}");
    }
    assert!(served.returned.try_recv().is_err());
}

#[tokio::test]
async fn without_a_way_back_a_handshake_is_answered() {
    let desk = Arc::new(Desk::new(Arc::new(Lists::default()), Arc::new(configured()), Profile::Configured));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, peer) = listener.accept().await.unwrap();
    let detached = Detached { stream: accepted.into_std().unwrap().into(), received: HANDSHAKE.into(), peer };
    tokio::spawn(serve_connection(detached, desk));
    let mut client = Client { stream, unread: Vec::new() };
    assert_eq!(client.answer().await.status, 426);
}
