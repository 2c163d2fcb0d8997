//! What one side encodes the other decodes, whatever it is; and whatever text arrives, nobody panics.

use proptest::collection::btree_map;
use proptest::prelude::*;
use std::borrow::Cow;
use wavecast_protocol::centrifuge::{
    ClientInfo, Command, ConnectRequest, ConnectResult, Error, HistoryRequest, HistoryResult, Publication,
    PublishRequest, Push, Reply, Request, Res, RpcRequest, SendRequest, ServerMessage, StreamPosition,
    SubRefreshRequest, SubscribeRequest, SubscribeResult, json,
};

/// Payloads as they may stand in a message.
fn data() -> impl Strategy<Value = &'static [u8]> {
    prop::sample::select(vec![
        b"".as_slice(),
        b"null",
        b"0",
        b"-1.5e3",
        br#""text \" \\ \u0000""#,
        br#"{"a":[{},[],"}"],"b" : null}"#,
        "[\"é😀\u{2028}\", true]".as_bytes(),
    ])
}

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    prop_oneof![Just(String::new()), "[a-z:#$]{1,8}", any::<String>()].prop_map(Cow::Owned)
}

prop_compose! {
    fn subscribe_request()(
        texts in prop::array::uniform5(text()),
        flags in any::<[bool; 5]>(),
        offset: u64,
        (data, tf) in (data(), data()),
        flag: i64,
        numbers in any::<[i32; 3]>(),
    ) -> SubscribeRequest<'static> {
        let [channel, token, epoch, delta, cursor] = texts;
        let [recover, positioned, recoverable, join_leave, asc] = flags;
        let [kind, phase, limit] = numbers;
        SubscribeRequest {
            channel, token, recover, epoch, offset, data, positioned, recoverable, join_leave, delta, tf, flag, kind,
            phase, cursor, limit, asc,
        }
    }
}

prop_compose! {
    fn connect_request()(
        texts in prop::array::uniform5(text()),
        data in data(),
        subs in btree_map(text(), subscribe_request(), 0..3),
        headers in btree_map(text(), text(), 0..3),
        flag: i64,
    ) -> ConnectRequest<'static> {
        let [token, name, version, dict, profile] = texts;
        ConnectRequest { token, data, subs, name, version, headers, flag, dict, profile }
    }
}

fn request() -> impl Strategy<Value = Request<'static>> {
    let position = (any::<u64>(), text()).prop_map(|(offset, epoch)| StreamPosition { offset, epoch });
    prop_oneof![
        connect_request().prop_map(Request::Connect),
        subscribe_request().prop_map(Request::Subscribe),
        (text(), data(), any::<i32>(), text(), any::<bool>()).prop_map(
            |(channel, data, kind, key, removed)| {
                Request::Publish(PublishRequest { channel, data, kind, key, removed })
            }
        ),
        (text(), any::<i32>(), prop::option::of(position), any::<bool>()).prop_map(
            |(channel, limit, since, reverse)| {
                Request::History(HistoryRequest { channel, limit, since, reverse })
            }
        ),
        Just(Request::Ping),
        data().prop_map(|data| Request::Send(SendRequest { data })),
        (data(), text()).prop_map(|(data, method)| Request::Rpc(RpcRequest { data, method })),
        (text(), text(), any::<i32>()).prop_map(|(channel, token, kind)| {
            Request::SubRefresh(SubRefreshRequest { channel, token, kind })
        }),
    ]
}

prop_compose! {
    fn client_info()(user in text(), client in text(), conn_info in data(), chan_info in data())
        -> ClientInfo<'static> {
        ClientInfo { user, client, conn_info, chan_info }
    }
}

prop_compose! {
    fn publication()(
        data in data(),
        info in prop::option::of(client_info()),
        offset: u64,
        tags in btree_map(any::<String>(), any::<String>(), 0..3),
        delta: bool,
        time: i64,
        channel in text(),
    ) -> Publication<'static> {
        Publication { data, info, offset, tags: Cow::Owned(tags), delta, time, channel }
    }
}

prop_compose! {
    fn subscribe_result()(
        flags in any::<[bool; 6]>(),
        ttl: u32,
        epoch in text(),
        publications in prop::collection::vec(publication(), 0..3),
        offset: u64,
        data in data(),
        id: i64,
    ) -> SubscribeResult<'static> {
        let [expires, recoverable, recovered, positioned, was_recovering, delta] = flags;
        SubscribeResult {
            expires, ttl, recoverable, epoch, publications, recovered, offset, positioned, data, was_recovering,
            delta, id,
        }
    }
}

prop_compose! {
    fn connect_result()(
        texts in prop::array::uniform4(text()),
        (expires, pong) in any::<(bool, bool)>(),
        (ttl, ping) in any::<(u32, u32)>(),
        data in data(),
        subs in btree_map(text(), subscribe_result(), 0..3),
        (time, flag) in any::<(i64, i64)>(),
    ) -> ConnectResult<'static> {
        let [client, version, session, node] = texts;
        ConnectResult { client, version, expires, ttl, data, subs, ping, pong, session, node, time, flag }
    }
}

fn server_message() -> impl Strategy<Value = ServerMessage<'static>> {
    let result = prop_oneof![
        connect_result().prop_map(Res::Connect),
        subscribe_result().prop_map(Res::Subscribe),
        (prop::collection::vec(publication(), 0..3), text(), any::<u64>()).prop_map(
            |(publications, epoch, offset)| Res::History(HistoryResult { publications, epoch, offset })
        ),
        Just(Res::Publish),
    ];
    let error = (any::<u32>(), text(), any::<bool>()).prop_map(|(code, message, temporary)| Error {
        code,
        message,
        temporary,
    });
    let body = prop_oneof![3 => result.prop_map(Ok), 1 => error.prop_map(Err)];
    prop_oneof![
        (any::<u32>(), body).prop_map(|(id, body)| ServerMessage::Reply(Reply { id, body })),
        (text(), publication()).prop_map(|(channel, publication)| ServerMessage::Push(Push::Publication {
            channel,
            publication
        })),
        (text(), client_info())
            .prop_map(|(channel, info)| ServerMessage::Push(Push::Leave { channel, info })),
        (any::<u32>(), text(), any::<bool>()).prop_map(|(code, reason, reconnect)| {
            ServerMessage::Push(Push::Disconnect { code, reason, reconnect })
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn commands_survive(commands in prop::collection::vec((1u32.., request()), 1..5)) {
        let commands: Vec<Command<'_>> =
            commands.into_iter().map(|(id, request)| Command { id, request }).collect();
        let mut frame = Vec::new();
        for command in &commands {
            json::encode_command(command, &mut frame);
            frame.push(b'\n');
        }
        let frame = String::from_utf8(frame).unwrap();
        let read: Result<Vec<_>, _> = json::commands(&frame).collect();
        prop_assert_eq!(read.unwrap(), commands);
    }

    #[test]
    fn server_messages_survive(message in server_message()) {
        let mut line = Vec::new();
        match &message {
            ServerMessage::Reply(reply) => json::encode_reply(reply, &mut line),
            ServerMessage::Push(push) => json::encode_push(push, &mut line),
            ServerMessage::Ping => {}
        }
        let line = String::from_utf8(line).unwrap();
        let read: Result<Vec<_>, _> = json::messages(&line).collect();
        prop_assert_eq!(read.unwrap(), [message]);
    }

    #[test]
    fn any_text_is_read_or_refused(
        frame in prop_oneof![any::<String>(), "[{}\\[\\]\":,a-z0-9 \n]{0,40}", "(\\{\"(id|send|ping)\":[0-9{}]{1,3}\\}?\n?){1,4}"]
    ) {
        json::commands(&frame).for_each(drop);
        json::messages(&frame).for_each(drop);
    }

    #[test]
    fn compacting_keeps_the_value(value in json_value(), breaks in "[ \t\r\n]{0,3}") {
        let pretty = serde_json::to_string_pretty(&value).unwrap().replace('\n', &format!("\n{breaks}"));
        let compact = json::compact(pretty.as_bytes()).unwrap();
        prop_assert!(!compact.contains(&b'\n') && !compact.contains(&b'\r'));
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&compact).unwrap(), value);
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            btree_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}
