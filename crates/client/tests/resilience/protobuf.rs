//! The same in Protobuf: payloads are any bytes, frames are binary.

use std::net::TcpStream;
use std::time::Duration;

use tokio_tungstenite::tungstenite::handshake::server::{Request as Head, Response};
use tokio_tungstenite::tungstenite::{self, Message};
use wavecast_client::{Client, Data, Encoding, Options, SubscribeOptions, SubscriptionEvent};
use wavecast_protocol::centrifuge::{
    Command, ConnectResult, Publication, PublishRequest, Push, Reply, Request, Res, RpcResult,
    SubscribeResult, protobuf,
};

use crate::fake_server::{Door, Server, next};

/// A connection whose every byte is scripted.
struct Wire(tungstenite::WebSocket<TcpStream>);

impl Wire {
    fn accept(door: &Door) -> Self {
        #[allow(clippy::result_large_err, reason = "the callback's type is that of tungstenite")]
        let choose = |request: &Head, mut response: Response| {
            assert_eq!(request.headers()["sec-websocket-protocol"], "centrifuge-protobuf");
            let chosen = "centrifuge-protobuf".parse().unwrap();
            response.headers_mut().insert("sec-websocket-protocol", chosen);
            Ok(response)
        };
        Self(tungstenite::accept_hdr(door.stream(), choose).unwrap())
    }

    /// Reads the commands of the next message, and answers them as `answer` says.
    fn exchange(&mut self, answer: impl for<'c> Fn(&Request<'c>) -> Res<'static>) {
        let Message::Binary(bytes) = self.0.read().unwrap() else { panic!("a binary message") };
        let mut out = Vec::new();
        for command in protobuf::commands(&bytes) {
            let Command { id, request } = command.unwrap();
            protobuf::encode_reply(&Reply { id, body: Ok(answer(&request)) }, &mut out);
        }
        self.0.send(Message::binary(out)).unwrap();
    }

    fn welcome(door: &Door) -> Self {
        let mut wire = Self::accept(door);
        wire.exchange(|request| {
            assert!(matches!(request, Request::Connect(_)));
            Res::Connect(ConnectResult { client: "c".into(), ping: 25, pong: true, ..Default::default() })
        });
        wire
    }

    fn closed(mut self) {
        while self.0.read().is_ok() {}
    }
}

fn client(server: &Server) -> Client {
    server.client_with(Options { encoding: Encoding::Protobuf, ..Options::default() })
}

#[tokio::test]
async fn bytes_go_in_and_out() {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let server = Server::run(|door| {
        let mut wire = Wire::welcome(door);
        wire.exchange(|request| {
            let Request::Subscribe(subscribe) = request else { panic!("{request:?}") };
            assert_eq!((&*subscribe.channel, subscribe.data), ("a", &[0xfe][..]));
            Res::Subscribe(SubscribeResult { data: b"\x01", ..SubscribeResult::default() })
        });
        wire.exchange(|request| {
            let data = &[0xff, b'\n', 0];
            let publish = PublishRequest { channel: "a".into(), data, ..PublishRequest::default() };
            assert_eq!(*request, Request::Publish(publish));
            Res::Publish
        });
        wire.exchange(|request| {
            let Request::Rpc(rpc) = request else { panic!("{request:?}") };
            assert_eq!((&*rpc.method, rpc.data), ("m", &b"{\"a\":1}"[..]));
            Res::Rpc(RpcResult { data: b"\x02\x03" })
        });
        let mut out = Vec::new();
        let publication = Publication { data: &[0xff, b'\n', 0], ..Publication::default() };
        protobuf::encode_push(&Push::Publication { channel: "a".into(), publication }, &mut out);
        out.extend_from_slice(protobuf::PING);
        wire.0.send(Message::binary(out)).unwrap();
        assert_eq!(wire.0.read().unwrap(), Message::binary(protobuf::PING));
        answer.send(()).unwrap();
        wire.closed();
    });
    let client = client(&server);
    let options = SubscribeOptions { data: Some(vec![0xfe].into()), ..SubscribeOptions::default() };
    let mut a = client.subscribe_with("a", options).await.unwrap();
    let Some(SubscriptionEvent::Subscribed { data, .. }) = a.next().await else { panic!("no answer") };
    assert_eq!(data, Some(Data::from(vec![1])));
    a.publish_data(vec![0xff, b'\n', 0]).await.unwrap();
    // JSON is as easy as ever.
    let answer = client.rpc("m", &serde_json::json!({ "a": 1 })).await.unwrap();
    assert_eq!(answer.as_bytes(), [2, 3]);
    let Some(SubscriptionEvent::Publication(publication)) = a.next().await else { panic!("nothing") };
    assert_eq!(publication.data.as_bytes(), [0xff, b'\n', 0]);
    answered.await.unwrap();
    client.close().await;
    server.done().await;
}

#[tokio::test]
async fn what_is_no_protobuf_makes_a_new_connection() {
    let server = Server::run(|door| {
        for message in [Message::text("{}"), Message::binary(&b"\xff\xff"[..]), Message::binary(&b"\x05"[..])]
        {
            let mut wire = Wire::welcome(door);
            wire.0.send(message).unwrap();
            wire.closed();
        }
        // A server that does not know the sub-protocol would take Protobuf for JSON.
        drop(door.accept());
        let mut wire = Wire::welcome(door);
        wire.exchange(|_| Res::Subscribe(SubscribeResult::default()));
        wire.closed();
    });
    let client = client(&server);
    let mut states = client.states();
    let refused = |state: &wavecast_client::State| format!("{state:?}").contains("does not offer Protobuf");
    tokio::time::timeout(Duration::from_secs(20), states.wait_for(refused)).await.unwrap().unwrap();
    let mut a = client.subscribe("a").await.unwrap();
    assert_eq!(next(&mut a).await, "subscribed");
    client.close().await;
    server.done().await;
}
