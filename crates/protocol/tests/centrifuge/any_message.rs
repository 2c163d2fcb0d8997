//! Whatever either side may say, in values that both encodings can carry.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::borrow::Cow;
use wavecast_protocol::centrifuge::{
    ClientInfo, Command, ConnectRequest, ConnectResult, DataForm, Error, Filter, HistoryRequest,
    HistoryResult, PresenceRequest, PresenceResult, PresenceStatsRequest, PresenceStatsResult, Publication,
    PublishRequest, Push, RefreshRequest, RefreshResult, Reply, Request, Res, RpcRequest, RpcResult,
    SendRequest, ServerMessage, StreamPosition, SubRefreshRequest, SubRefreshResult, SubscribeRequest,
    SubscribeResult, UnsubscribeRequest,
};

/// Commands with an id, and pongs.
pub(crate) fn command() -> impl Strategy<Value = Command<'static>> {
    prop_oneof![
        20 => (1u32.., request()).prop_map(|(id, request)| Command { id, request }),
        1 => Just(Command { id: 0, request: Request::Pong }),
    ]
}

fn request() -> impl Strategy<Value = Request<'static>> {
    let position = (any::<u64>(), text()).prop_map(|(offset, epoch)| StreamPosition { offset, epoch });
    prop_oneof![
        connect_request().prop_map(Request::Connect),
        subscribe_request().prop_map(Request::Subscribe),
        text().prop_map(|channel| Request::Unsubscribe(UnsubscribeRequest { channel })),
        (text(), data(), any::<i32>(), text(), any::<bool>()).prop_map(
            |(channel, data, kind, key, removed)| {
                Request::Publish(PublishRequest { channel, data, kind, key, removed })
            }
        ),
        text().prop_map(|channel| Request::Presence(PresenceRequest { channel })),
        text().prop_map(|channel| Request::PresenceStats(PresenceStatsRequest { channel })),
        (text(), any::<i32>(), prop::option::of(position), any::<bool>()).prop_map(
            |(channel, limit, since, reverse)| {
                Request::History(HistoryRequest { channel, limit, since, reverse })
            }
        ),
        Just(Request::Ping),
        data().prop_map(|data| Request::Send(SendRequest { data })),
        (data(), text()).prop_map(|(data, method)| Request::Rpc(RpcRequest { data, method })),
        text().prop_map(|token| Request::Refresh(RefreshRequest { token })),
        (text(), text(), any::<i32>()).prop_map(|(channel, token, kind)| {
            Request::SubRefresh(SubRefreshRequest { channel, token, kind })
        }),
    ]
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

prop_compose! {
    fn subscribe_request()(
        texts in prop::array::uniform5(text()),
        flags in any::<[bool; 5]>(),
        offset: u64,
        (data, tf) in (data(), prop::option::of(filter())),
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

pub(crate) fn server_message() -> impl Strategy<Value = ServerMessage<'static>> {
    let error = (any::<u32>(), text(), any::<bool>()).prop_map(|(code, message, temporary)| Error {
        code,
        message,
        temporary,
    });
    let body = prop_oneof![3 => result().prop_map(Ok), 1 => error.prop_map(Err)];
    prop_oneof![
        10 => (any::<u32>(), body).prop_map(|(id, body)| ServerMessage::Reply(Reply { id, body })),
        10 => push().prop_map(ServerMessage::Push),
        1 => Just(ServerMessage::Ping),
    ]
}

fn result() -> impl Strategy<Value = Res<'static>> {
    prop_oneof![
        connect_result().prop_map(Res::Connect),
        subscribe_result().prop_map(Res::Subscribe),
        Just(Res::Unsubscribe),
        Just(Res::Publish),
        btree_map(text(), client_info(), 0..3)
            .prop_map(|presence| Res::Presence(PresenceResult { presence })),
        any::<(u32, u32)>().prop_map(|(num_clients, num_users)| {
            Res::PresenceStats(PresenceStatsResult { num_clients, num_users })
        }),
        (vec(publication(), 0..3), text(), any::<u64>()).prop_map(|(publications, epoch, offset)| {
            Res::History(HistoryResult { publications, epoch, offset })
        }),
        Just(Res::Ping),
        data().prop_map(|data| Res::Rpc(RpcResult { data })),
        (text(), text(), any::<bool>(), any::<u32>()).prop_map(|(client, version, expires, ttl)| {
            Res::Refresh(RefreshResult { client, version, expires, ttl })
        }),
        any::<(bool, u32)>().prop_map(|(expires, ttl)| Res::SubRefresh(SubRefreshResult { expires, ttl })),
    ]
}

fn push() -> impl Strategy<Value = Push<'static>> {
    prop_oneof![
        (text(), publication()).prop_map(|(channel, publication)| Push::Publication { channel, publication }),
        (text(), client_info()).prop_map(|(channel, info)| Push::Join { channel, info }),
        (text(), client_info()).prop_map(|(channel, info)| Push::Leave { channel, info }),
        (text(), any::<u32>(), text()).prop_map(|(channel, code, reason)| Push::Unsubscribe {
            channel,
            code,
            reason
        }),
        data().prop_map(|data| Push::Message { data }),
        (text(), any::<bool>(), text(), any::<u64>(), any::<bool>(), data()).prop_map(
            |(channel, recoverable, epoch, offset, positioned, data)| Push::Subscribe {
                channel,
                recoverable,
                epoch,
                offset,
                positioned,
                data
            }
        ),
        // The schema's connect push has no flag.
        connect_result().prop_map(|connect| Push::Connect(ConnectResult { flag: 0, ..connect })),
        (any::<u32>(), text(), any::<bool>()).prop_map(|(code, reason, reconnect)| Push::Disconnect {
            code,
            reason,
            reconnect
        }),
        any::<(bool, u32)>().prop_map(|(expires, ttl)| Push::Refresh { expires, ttl }),
    ]
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

prop_compose! {
    fn subscribe_result()(
        flags in any::<[bool; 6]>(),
        ttl: u32,
        epoch in text(),
        publications in vec(publication(), 0..3),
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
    fn publication()(
        data in data(),
        info in prop::option::of(client_info()),
        offset: u64,
        tags in btree_map(any::<String>(), any::<String>(), 0..3),
        delta: bool,
        time: i64,
        channel in text(),
    ) -> Publication<'static> {
        Publication { data, info, offset, tags: Cow::Owned(tags), delta, time, channel, form: DataForm::Raw }
    }
}

prop_compose! {
    fn client_info()(user in text(), client in text(), conn_info in data(), chan_info in data())
        -> ClientInfo<'static> {
        ClientInfo { user, client, conn_info, chan_info }
    }
}

/// Also such as make no sense, within the bounds.
fn filter() -> impl Strategy<Value = Filter<'static>> {
    let leaf = (text(), text(), text(), vec(text(), 0..3)).prop_map(|(key, cmp, val, vals)| Filter {
        key,
        cmp,
        val,
        vals,
        ..Filter::default()
    });
    leaf.prop_recursive(4, 32, 3, |inner| {
        (text(), vec(inner, 0..3)).prop_map(|(op, nodes)| Filter { op, nodes, ..Filter::default() })
    })
}

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
