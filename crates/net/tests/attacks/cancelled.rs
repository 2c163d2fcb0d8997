//! Futures of the client that are dropped in the middle, over a real socket and with a peer that takes its time.
//! `client_cancel_safety.rs` drops them at every poll, over a transport of its own.

use std::thread;
use std::time::Duration;

use tokio::time::timeout;
use wavecast_net::client::{CloseCode, ConnectOptions, Message, Side};

use crate::lured;
use crate::raw::{BINARY, CLOSE, FIN, From, Raw, TEXT, Told, frame};

const A_MOMENT: Duration = Duration::from_millis(1);

fn payload(n: usize) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(7) { 700_000 } else { n * 10 }]
}

/// A receive that is dropped again and again, in the middle of messages of 700 KB, loses no byte of them.
#[tokio::test]
async fn a_receive_in_the_middle_of_a_message() {
    let (url, server) = lured::upgrade(|mut raw| {
        for n in 0..30 {
            for piece in frame(From::Server, FIN | BINARY, &payload(n)).chunks(40_000) {
                raw.send(piece);
                thread::sleep(A_MOMENT);
            }
        }
        raw.send(&frame(From::Server, FIN | CLOSE, &1000u16.to_be_bytes()));
        raw.told()
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    let (mut received, mut dropped) = (0, 0);
    loop {
        match timeout(A_MOMENT, socket.recv()).await {
            Ok(Ok(Some(message))) => {
                assert!(message == Message::Binary(payload(received)), "message {received}");
                received += 1;
            }
            Ok(Ok(None)) => break,
            Ok(Err(error)) => panic!("{error}"),
            Err(_) => dropped += 1,
        }
    }
    assert_eq!(received, 30);
    assert!(dropped > 10, "only {dropped} were dropped");
    assert_eq!(server.join().unwrap(), Told::Close(1000));
}

/// A send that is dropped has queued its message or nothing of it: the peer sees whole messages, in order.
#[tokio::test]
async fn a_send_to_who_does_not_read() {
    let (url, server) = lured::upgrade(|mut raw| {
        let mut seen = Vec::new();
        // It begins to read when the sends have long been waiting, and goes on slowly.
        thread::sleep(Duration::from_millis(300));
        loop {
            match raw.frame().unwrap() {
                (BINARY, bytes) => {
                    let n = u32::from_be_bytes(*bytes.first_chunk().unwrap());
                    assert!(bytes[4..].iter().all(|byte| *byte == n as u8), "a torn message");
                    seen.push(n);
                }
                (CLOSE, _) => return seen,
                other => panic!("{other:?}"),
            }
            thread::sleep(A_MOMENT);
        }
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    let (mut queued, mut dropped) = (Vec::new(), 0);
    for n in 0..300u32 {
        let mut message = vec![n as u8; 100_004];
        message[..4].copy_from_slice(&n.to_be_bytes());
        match timeout(A_MOMENT, socket.send(&message)).await {
            Ok(sent) => {
                sent.unwrap();
                queued.push(n);
            }
            Err(_) => dropped += 1,
        }
    }
    assert!(dropped > 10, "only {dropped} were dropped");
    socket.flush().await.unwrap();
    let server_sees = tokio::task::spawn_blocking(move || server.join().unwrap());
    let closing = socket.close(CloseCode::NORMAL, "");
    let _ = timeout(Duration::from_secs(5), closing).await;
    assert_eq!(server_sees.await.unwrap(), queued);
}

/// A close that is dropped goes on with the next call, and sends one close frame.
#[tokio::test]
async fn a_close_that_is_not_waited_for() {
    let (url, server) = lured::upgrade(|mut raw: Raw| {
        let told = raw.told();
        thread::sleep(Duration::from_millis(200));
        raw.send(&frame(From::Server, FIN | TEXT, b"too late"));
        raw.send(&frame(From::Server, FIN | CLOSE, &4000u16.to_be_bytes()));
        raw.finish();
        (told, raw.told())
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    let mut dropped = 0;
    let closed = loop {
        match timeout(A_MOMENT, socket.close(CloseCode::new(4000).unwrap(), "bye")).await {
            Ok(closed) => break closed.unwrap(),
            Err(_) => dropped += 1,
        }
    };
    assert!(dropped > 10, "only {dropped} were dropped");
    assert_eq!((closed.code.get(), closed.by), (4000, Side::Local));
    assert_eq!(server.join().unwrap(), (Told::Close(4000), Told::End));
}
