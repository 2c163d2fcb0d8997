//! Every method of the API: what reaches the backend, and what comes back.

use super::*;

#[tokio::test]
async fn publish_broadcast_history_info() {
    let served = serve(configured()).await;
    let publish = json!({"channel": "a", "data": {"n": 1}, "tags": {"k": "v"}, "unheard_of": [1]});
    assert_eq!(call(&served, "publish", &publish).await, json!({"result": {"offset": 1, "epoch": "epoch"}}));
    let encoded = json!({"channel": "a", "b64data": "eyJuIjoyfQ==", "data": null});
    assert_eq!(call(&served, "publish", &encoded).await, json!({"result": {"offset": 2, "epoch": "epoch"}}));
    let skipped = json!({"channel": "a", "data": null, "skip_history": true});
    assert_eq!(call(&served, "publish", &skipped).await, json!({"result": {}}));

    let broadcast = json!({"channels": ["a", "b", "unknown:c", ""], "data": "x"});
    assert_eq!(
        call(&served, "broadcast", &broadcast).await,
        json!({"result": {"responses": [
            {"result": {"offset": 3, "epoch": "epoch"}},
            {"result": {"offset": 1, "epoch": "epoch"}},
            {"error": {"code": 102, "message": "unknown channel"}},
            {"error": {"code": 107, "message": "bad request: a channel's name must not be empty"}},
        ]}})
    );

    let all = json!({"channel": "a", "limit": -1});
    assert_eq!(
        call(&served, "history", &all).await,
        json!({"result": {"publications": [
            {"data": {"n": 1}, "offset": 1, "tags": {"k": "v"}},
            {"data": {"n": 2}, "offset": 2},
            {"data": "x", "offset": 3},
        ], "offset": 3, "epoch": "epoch"}})
    );
    let position = json!({"result": {"publications": [], "offset": 3, "epoch": "epoch"}});
    assert_eq!(call(&served, "history", &json!({"channel": "a"})).await, position);
    let page = json!({"channel": "a", "limit": 1, "since": {"offset": 1, "epoch": "epoch"}, "reverse": true});
    assert_eq!(
        call(&served, "history", &page).await["result"]["publications"],
        json!([{"data": "x", "offset": 3}])
    );
    let gap = json!({"channel": "a", "limit": 1, "since": {"offset": 9, "epoch": "epoch"}});
    assert_eq!(
        call(&served, "history", &gap).await,
        json!({"error": {"code": 112, "message": "unrecoverable position"}})
    );

    let node = json!({"uid": "u", "name": "n", "version": "1", "num_clients": 2, "num_users": 0, "num_subs": 0,
        "num_channels": 0, "uptime": 3, "process": {"cpu": 1.5, "rss": 4096}});
    assert_eq!(call(&served, "info", &json!({})).await, json!({"result": {"nodes": [node]}}));
}

#[tokio::test]
async fn payloads_lose_their_line_ends_and_nothing_else() {
    let served = serve(configured()).await;
    let answered = call_raw(
        &served,
        "publish",
        KEY,
        "{\"channel\":\"a\",\"data\":{\r\n \"t\":\"a\\nb\" ,\n\"n\": [1,\n2]}}",
    )
    .await;
    assert_eq!(answered.status, 200);
    let channels = served.backend.channels.lock().unwrap();
    assert_eq!(std::str::from_utf8(&channels["a"][0].data).unwrap(), r#"{"t":"a\nb","n":[1,2]}"#);
    assert!(channels["a"][0].time_ms > 0);
}

#[tokio::test]
async fn errors_become_statuses_for_who_asks() {
    let served = serve(configured()).await;
    let headers = format!("{KEY}X-Centrifugo-Error-Mode: transport\r\n");
    for (method, body, status, error) in [
        (
            "publish",
            r#"{"channel":"unknown:a","data":1}"#,
            404,
            json!({"code": 102, "message": "unknown channel"}),
        ),
        ("shout", "{}", 404, json!({"code": 104, "message": "method not found"})),
        ("presence", r#"{"channel":"bare:a"}"#, 400, json!({"code": 108, "message": "not available"})),
        (
            "presence",
            "{}",
            400,
            json!({"code": 107, "message": "bad request: field \"channel\" is required"}),
        ),
        ("batch", "{}", 400, json!({"code": 107, "message": "bad request: field \"commands\" is required"})),
        (
            "history",
            r#"{"channel":"a","since":{"offset":7}}"#,
            416,
            json!({"code": 112, "message": "unrecoverable position"}),
        ),
    ] {
        let answered = call_raw(&served, method, &headers, body).await;
        assert_eq!((answered.status, answered.json()), (status, error), "{method}");
    }
    let mut config = configured();
    config.http_api.error_mode = "transport".into();
    let answered = call_raw(&serve(config).await, "publish", KEY, "{}").await;
    assert_eq!(answered.status, 400);
}

#[tokio::test]
async fn any_content_type_that_parses_is_taken() {
    let served = serve(configured()).await;
    for content_type in ["application/json", "text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = format!("{KEY}Content-Type: {content_type}\r\n");
        let answered = call_raw(&served, "publish", &headers, r#"{"channel":"a","data":1}"#).await;
        assert!(answered.json()["result"]["offset"].is_u64(), "{content_type}");
    }
}

#[tokio::test]
async fn an_idempotency_key_publishes_once_per_channel() {
    let served = serve(configured()).await;
    let publish = json!({"channel": "a", "data": 1, "idempotency_key": "k"});
    let first = call(&served, "publish", &publish).await;
    assert_eq!(call(&served, "publish", &publish).await, first);
    let broadcast = json!({"channels": ["a", "b"], "data": 1, "idempotency_key": "k"});
    call(&served, "broadcast", &broadcast).await;
    call(&served, "broadcast", &broadcast).await;
    let channels = served.backend.channels.lock().unwrap();
    assert_eq!((channels["a"].len(), channels["b"].len()), (1, 1));
}

#[tokio::test]
async fn a_call_that_finds_no_room_gives_up_in_time() {
    let mut config = configured();
    config.http_api.timeout = Duration::from_millis(100);
    let served = serve(config).await;
    let busy = json!({"code": 111, "message": "too many requests"});
    let answered = call(&served, "publish", &json!({"channel": "full", "data": 1})).await;
    assert_eq!(answered["error"], busy);
    let broadcast = json!({"channels": ["full", "a", "full"], "data": 1});
    assert_eq!(
        call(&served, "broadcast", &broadcast).await["result"]["responses"],
        json!([{"error": busy}, {"result": {"offset": 1, "epoch": "epoch"}}, {"error": busy}])
    );
}

const A: &str = "00000000-0000-4000-8000-000000000001";
const B: &str = "00000000-0000-4000-8000-000000000002";

#[tokio::test]
async fn what_a_publication_carries_reaches_the_backend() {
    let served = serve(configured()).await;
    let all = json!({"channel": "a", "data": [1], "tags": {"k": "v"}, "delta": true, "version": 7, "version_epoch": "e",
        "exclude_clients": [A], "skip_history": false});
    call(&served, "publish", &all).await;
    let publish = served.backend.latest.lock().unwrap().clone();
    assert_eq!((&*publish.data, publish.is_json, publish.delta), (&b"[1]"[..], true, true));
    assert_eq!((publish.version, &*publish.version_epoch), (7, "e"));
    assert_eq!(publish.exclude.unwrap(), [A.into()].into());
    assert_eq!(publish.tags.unwrap()["k"], "v");
}

#[tokio::test]
async fn a_channel_says_in_which_form_it_takes_a_payload() {
    let served = serve(configured()).await;
    let bytes = json!({"channels": ["a", "b", "json:a", "binary:a", "c"], "b64data": "/w=="});
    let responses = call(&served, "broadcast", &bytes).await["result"]["responses"].clone();
    let codes: Vec<_> = responses.as_array().unwrap().iter().map(|r| r["error"]["code"].as_u64()).collect();
    assert_eq!(codes, [None, None, Some(107), None, None]);
    let read = json!({"channel": "a", "limit": 1});
    assert_eq!(call(&served, "history", &read).await["result"]["publications"][0]["data"], "/w==");
    let text = json!({"channels": ["a", "binary:a", "json:a"], "b64data": "WzEsCjJd"});
    call(&served, "broadcast", &text).await;
    let channels = served.backend.channels.lock().unwrap();
    let latest = |channel: &str| channels[channel].last().map(|p| (p.data.to_vec(), p.is_json)).unwrap();
    assert_eq!(latest("a"), (b"[1,2]".to_vec(), true));
    assert_eq!(latest("json:a"), (b"[1,2]".to_vec(), true));
    assert_eq!(latest("binary:a"), (b"[1,\n2]".to_vec(), false), "bytes stay as they are");
}

#[tokio::test]
async fn sessions_are_steered() {
    let served = serve(configured()).await;
    let nobody = "Whom { user: \"\", client: \"\" }";
    let ann = "Whom { user: \"ann\", client: \"\" }";
    for (method, body, order) in [
        (
            "subscribe",
            json!({"user": "ann", "channel": "a"}),
            format!("(\"subscribe\", {ann}, \"a\", None, None, 0, (None, None, None), None)"),
        ),
        (
            "subscribe",
            json!({"user": "ann", "client": A, "channel": "a", "info": {"i": 1}, "data": [2], "expire_at": 9,
                "override": {"presence": {"value": true}, "join_leave": {}, "force_recovery": null},
                "recover_since": {"offset": 5, "epoch": "e"}, "session": ""}),
            format!(
                "(\"subscribe\", Whom {{ user: \"ann\", client: \"{A}\" }}, \"a\", Some(\"{{\\\"i\\\":1}}\"), \
                 Some(\"[2]\"), 9, (Some(true), Some(false), None), Some(5))"
            ),
        ),
        (
            "subscribe",
            json!({"channel": "a", "b64info": "/w==", "b64data": "WzJd", "info": null, "data": null}),
            format!(
                "(\"subscribe\", {nobody}, \"a\", Some(\"\\\"/w==\\\"\"), Some(\"[2]\"), 0, (None, None, None), None)"
            ),
        ),
        (
            "unsubscribe",
            json!({"user": "ann", "channel": "a"}),
            format!("(\"unsubscribe\", {ann}, Some(\"a\"))"),
        ),
        ("unsubscribe", json!({"user": "ann", "channel": ""}), format!("(\"unsubscribe\", {ann}, None)")),
        (
            "disconnect",
            json!({"user": "ann"}),
            format!("(\"disconnect\", {ann}, [], 3503, \"force disconnect\")"),
        ),
        (
            "disconnect",
            json!({"user": "ann", "whitelist": [A, B], "disconnect": {"code": 4600, "reason": "bye"}}),
            format!("(\"disconnect\", {ann}, [\"{A}\", \"{B}\"], 4600, \"bye\")"),
        ),
        (
            "refresh",
            json!({"user": "ann", "expire_at": 100, "info": 1}),
            format!("(\"refresh\", {ann}, false, 100, Some(\"1\"))"),
        ),
        ("refresh", json!({"user": "ann", "expired": true}), format!("(\"refresh\", {ann}, true, 0, None)")),
    ] {
        assert_eq!(call(&served, method, &body).await, json!({"result": {}}), "{method} {body}");
        assert_eq!(served.backend.orders(), [order], "{method} {body}");
        let mut elsewhere = body;
        elsewhere["session"] = "s".into();
        assert_eq!(call(&served, method, &elsewhere).await, json!({"result": {}}), "{method}");
        assert!(served.backend.orders().is_empty(), "{method}: nobody has such a session");
    }
}

#[tokio::test]
async fn tokens_and_users_are_turned_away() {
    let served = serve(configured()).await;
    for (method, body, order) in [
        ("revoke_token", json!({"uid": "t"}), "Token { id: \"t\", expire_at_s: None }"),
        ("revoke_token", json!({"token_id": "t", "expire_at": 0}), "Token { id: \"t\", expire_at_s: None }"),
        ("revoke_token", json!({"jti": "t", "expire_at": 9}), "Token { id: \"t\", expire_at_s: Some(9) }"),
        (
            "invalidate_user_tokens",
            json!({"user": "u", "issued_before": 7, "channel": ""}),
            "UserTokens { user: \"u\", issued_before_s: Some(7), expire_at_s: None }",
        ),
        ("block_user", json!({"user": "u"}), "BlockUser { user: \"u\", expire_at_s: None }"),
        ("unblock_user", json!({"user": "u"}), "UnblockUser { user: \"u\" }"),
    ] {
        assert_eq!(call(&served, method, &body).await, json!({"result": {}}), "{method} {body}");
        assert_eq!(served.backend.orders(), [order], "{method} {body}");
    }
}

#[tokio::test]
async fn a_share_of_the_connections_is_told_to_go() {
    let served = serve(configured()).await;
    for (body, order) in [
        (json!({"share": 0.25, "window": "1m30s"}), "(\"send_away\", 0.25, 90s)"),
        (json!({"share": 1, "window": "0s"}), "(\"send_away\", 1.0, 0ns)"),
        (json!({"share": 0}), "(\"send_away\", 0.0, 10s)"),
    ] {
        assert_eq!(call(&served, "drain", &body).await, json!({"result": {"connections": 5}}), "{body}");
        assert_eq!(served.backend.orders(), [order], "{body}");
    }
}

#[tokio::test]
async fn channels_are_looked_into() {
    let served = serve(configured()).await;
    let a = json!({"channel": "a"});
    assert_eq!(
        call(&served, "presence", &a).await,
        json!({"result": {"presence": {
            "c1": {"user": "ann", "client": "c1", "conn_info": {"a": 1}, "chan_info": 2},
            "c\"2": {"user": "", "client": "c\"2"},
        }}})
    );
    assert_eq!(
        call(&served, "presence_stats", &a).await,
        json!({"result": {"num_clients": 2, "num_users": 1}})
    );
    call(&served, "publish", &json!({"channel": "a", "data": 1})).await;
    assert_eq!(call(&served, "history_remove", &a).await, json!({"result": {}}));
    assert_eq!(call(&served, "history", &a).await["result"]["offset"], 0);
    let news = json!({"result": {"channels": {"news:a": {"num_clients": 6}, "news:b": {"num_clients": 6}}}});
    assert_eq!(call(&served, "channels", &json!({"pattern": "news:*"})).await, news);
    assert_eq!(
        call(&served, "channels", &json!({})).await["result"]["channels"].as_object().unwrap().len(),
        3
    );
    assert_eq!(
        call(&served, "channels", &json!({"pattern": "x"})).await,
        json!({"result": {"channels": {}}})
    );
    for method in ["presence", "presence_stats", "history", "history_remove"] {
        let answered = call(&served, method, &json!({"channel": "bare:a"})).await;
        assert_eq!(answered["error"]["code"], 108, "{method}");
    }
}

#[tokio::test]
async fn procedures_are_called() {
    let mut config = configured();
    config.http_api.timeout = Duration::from_millis(100);
    let served = serve(config).await;
    let echo = json!({"method": "echo", "params": {"a": [1]}});
    assert_eq!(call(&served, "rpc", &echo).await, json!({"result": {"data": {"a": [1]}}}));
    assert_eq!(call(&served, "rpc", &json!({"method": "echo"})).await, json!({"result": {"data": null}}));
    for (method, code) in [("nobody", 104), ("never", 111)] {
        let answered = call(&served, "rpc", &json!({"method": method})).await;
        assert_eq!(answered["error"]["code"], code, "{method}");
    }
}
