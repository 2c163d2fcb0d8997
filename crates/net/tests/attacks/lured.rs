//! Our client in the hands of a hostile server.

use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use wavecast_net::client::{ConnectOptions, RecvError, WebSocket};
use wavecast_net::websocket::Limits;
use wavecast_net::websocket::handshake::{accept, parse_request};

use crate::raw::{Raw, Told};

/// A server for one connection, on a thread of its own: TCP alone.
pub(crate) fn listen<T: Send + 'static>(
    talk: impl FnOnce(Raw) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    (url, thread::spawn(move || talk(Raw::new(listener.accept().unwrap().0))))
}

/// As [`listen`], with the opening handshake done.
pub(crate) fn upgrade<T: Send + 'static>(
    talk: impl FnOnce(Raw) -> T + Send + 'static,
) -> (String, JoinHandle<T>) {
    listen(|mut raw| {
        let request = raw.head();
        raw.send(&right_answer(&request));
        talk(raw)
    })
}

pub(crate) fn right_answer(request: &str) -> Vec<u8> {
    let (head, _) = parse_request(request.as_bytes(), &Limits::DEFAULT).unwrap().unwrap();
    let mut answer = Vec::new();
    accept(&head, &[]).unwrap().write(&[], &mut answer).unwrap();
    answer
}

/// Receives until something goes wrong.
pub(crate) async fn receive(socket: &mut WebSocket) -> RecvError {
    loop {
        match socket.recv().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("closed, and not by an error: {:?}", socket.closed()),
            Err(error) => return error,
        }
    }
}

/// A server sends these bytes: what it is told, and what the user of the client.
pub(crate) async fn attack(bytes: Vec<u8>) -> (Told, RecvError) {
    let (url, server) = upgrade(move |mut raw| {
        raw.send(&bytes);
        raw.told()
    });
    let mut socket = ConnectOptions::new().connect(&url).await.unwrap();
    let error = receive(&mut socket).await;
    // The close frame goes out while the end is waited for.
    assert!(socket.recv().await.unwrap().is_none(), "an error is told once");
    (server.join().unwrap(), error)
}
