//! Calls that make no sense: each is answered with a code and a message that says what is allowed, and nothing of it is
//! done. What follows from a field's type is checked for every field in `description`.

use super::*;

const A: &str = "00000000-0000-4000-8000-000000000001";

#[tokio::test]
async fn each_is_answered_with_what_is_wrong() {
    let served = serve(configured()).await;
    for (method, body, code, message) in [
        // The body as a whole.
        ("publish", "", 107, "the body must be a JSON object"),
        ("publish", "[]", 107, "the body must be a JSON object"),
        ("publish", "null", 107, "the body must be a JSON object"),
        ("publish", "\"{}\"", 107, "the body must be a JSON object"),
        ("publish", r#"{"channel": "a", "#, 107, "the body is not valid JSON: EOF while parsing"),
        ("publish", r#"{"channel":"a","data":{1}}"#, 107, "the body is not valid JSON: key must be"),
        ("publish", r#"{"channel":"a","data":1} x"#, 107, "the body is not valid JSON: trailing"),
        ("publish", r#"{"channel":"a" "data":1}"#, 107, "the body is not valid JSON: expected"),
        ("publish", "{'channel':'a'}", 107, "the body is not valid JSON: key must be"),
        ("publish", r#"{"channel":"\ud800","data":1}"#, 107, "field \"channel\" must be a string"),
        ("batch", "[]", 107, "the body must be a JSON object"),
        // What is required.
        ("publish", r#"{"data":1}"#, 107, "field \"channel\" is required"),
        ("publish", r#"{"channel":null,"data":1}"#, 107, "field \"channel\" is required"),
        ("publish", r#"{"channel":"a"}"#, 107, "field \"data\" or \"b64data\" is required"),
        ("publish", r#"{"channel":"a","b64data":""}"#, 107, "field \"data\" or \"b64data\" is required"),
        ("publish", r#"{"channel":"a","data":1,"b64data":"MQ=="}"#, 107, "give one of the fields"),
        ("subscribe", r#"{"channel":"a","info":1,"b64info":"MQ=="}"#, 107, "give one of the fields"),
        ("subscribe", r#"{"channel":"a","data":1,"b64data":"MQ=="}"#, 107, "give one of the fields"),
        ("revoke_token", "{}", 107, "one of the fields \"uid\", \"token_id\" and \"jti\" is required"),
        ("revoke_token", r#"{"uid":"a","jti":"b"}"#, 107, "one of the fields \"uid\", \"token_id\""),
        ("disconnect", r#"{"disconnect":{}}"#, 107, "field \"disconnect.code\" is required"),
        // Values.
        ("publish", r#"{"channel":"a","b64data":"?"}"#, 107, "field \"b64data\" must be base64"),
        ("subscribe", r#"{"channel":"a","b64info":"?"}"#, 107, "field \"b64info\" must be base64"),
        ("publish", r#"{"channel":"json:a","b64data":"/w=="}"#, 107, "data must be one JSON value"),
        ("publish", r#"{"channel":"a","data":1,"version":1.5}"#, 107, "field \"version\" must be a whole"),
        ("publish", r#"{"channel":"a","data":1,"version":-1}"#, 107, "field \"version\" must be a whole"),
        ("publish", r#"{"channel":"a","data":1,"version":1e99}"#, 107, "field \"version\" must be a whole"),
        (
            "broadcast",
            r#"{"channels":[],"data":1}"#,
            107,
            "field \"channels\" must have 1 to 10000 items, not 0",
        ),
        (
            "broadcast",
            r#"{"channels":["a",1],"data":1}"#,
            107,
            "field \"channels\" must be a list of strings",
        ),
        ("broadcast", r#"{"channels":["a"]}"#, 107, "field \"data\" or \"b64data\" is required"),
        (
            "history",
            r#"{"channel":"a","limit":-2}"#,
            107,
            "field \"limit\" must be a whole number, -1 or more",
        ),
        ("history", r#"{"channel":"a","limit":3000000000}"#, 107, "field \"limit\" must be a whole number"),
        ("history", r#"{"channel":"a","since":{"offset":9}}"#, 112, "unrecoverable position"),
        (
            "subscribe",
            r#"{"channel":"a","expire_at":18446744073709551615}"#,
            107,
            "field \"expire_at\" must be",
        ),
        (
            "subscribe",
            r#"{"channel":"a","override":{"presence":true}}"#,
            107,
            "field \"override.presence\" must be an object",
        ),
        (
            "subscribe",
            r#"{"channel":"a","override":{"presence":{"value":1}}}"#,
            107,
            "field \"override.presence.value\" must be true or false",
        ),
        (
            "disconnect",
            r#"{"disconnect":{"code":1000}}"#,
            107,
            "field \"disconnect.code\" must be a whole number from",
        ),
        (
            "disconnect",
            r#"{"disconnect":{"code":5000}}"#,
            107,
            "field \"disconnect.code\" must be a whole number from",
        ),
        (
            "disconnect",
            r#"{"disconnect":{"code":70000}}"#,
            107,
            "field \"disconnect.code\" must be a whole number from",
        ),
        ("drain", "{}", 107, "field \"share\" is required"),
        ("drain", r#"{"share":1.5}"#, 107, "field \"share\" must be a number from 0 to 1"),
        ("drain", r#"{"share":-0.1}"#, 107, "field \"share\" must be a number from 0 to 1"),
        ("drain", r#"{"share":"25%"}"#, 107, "field \"share\" must be a number from 0 to 1"),
        (
            "drain",
            r#"{"share":1,"window":30}"#,
            107,
            "field \"window\" must be a duration of at most an hour",
        ),
        ("drain", r#"{"share":1,"window":"soon"}"#, 107, "field \"window\" must be a duration of at most"),
        ("drain", r#"{"share":1,"window":"61m"}"#, 107, "field \"window\" must be a duration of at most an"),
        ("channels", r#"{"pattern":"["}"#, 107, "field \"pattern\" must be a pattern"),
        ("batch", r#"{"commands":[{"info":{}},5]}"#, 107, "field \"commands\" must be a list of objects"),
        ("info", "[]", 107, "the body must be a JSON object"),
        ("info", "{", 107, "the body is not valid JSON"),
        ("batch", r#"{"commands":[]}"#, 107, "field \"commands\" must have 1 to 10000 items, not 0"),
        ("batch", r#"{"commands":{}}"#, 107, "field \"commands\" must be a list of objects"),
        // What is not there.
        ("publish", r#"{"channel":"unknown:a","data":1}"#, 102, "unknown channel"),
        ("subscribe", r#"{"channel":"unknown:a"}"#, 102, "unknown channel"),
        ("subscribe", r#"{"channel":"unknown:a","session":"s"}"#, 102, "unknown channel"),
        ("unsubscribe", r#"{"channel":"unknown:a"}"#, 102, "unknown channel"),
        ("presence", r#"{"channel":"unknown:a"}"#, 102, "unknown channel"),
        ("invalidate_user_tokens", r#"{"user":"u","channel":"a"}"#, 108, "field \"channel\""),
        ("rpc", r#"{"method":"nobody"}"#, 104, "method not found"),
    ] {
        let answered = call_raw(&served, method, KEY, body).await;
        let error = &answered.json()["error"];
        assert_eq!((answered.status, &error["code"]), (200, &json!(code)), "{method} {body}: {answered:?}");
        let said = error["message"].as_str().unwrap();
        assert!(said.contains(message), "{method} {body}: {said}");
    }
    assert_nothing_happened(&served);
}

#[tokio::test]
async fn what_is_too_long_is_refused_with_the_limit() {
    let served = serve(configured()).await;
    let clients = |count| vec![A; count];
    for (method, mut body, name, value, code, message) in [
        ("publish", json!({"data": 1}), "idempotency_key", json!("k".repeat(256)), 107, "at most 255"),
        ("publish", json!({"data": 1}), "version_epoch", json!("k".repeat(256)), 107, "at most 255"),
        ("publish", json!({}), "data", json!("x".repeat(1024 * 1024)), 107, "1048578 bytes; at most 1048576"),
        (
            "publish",
            json!({"data": 1}),
            "exclude_clients",
            json!(clients(101)),
            107,
            "0 to 100 items, not 101",
        ),
        ("subscribe", json!({}), "info", json!("x".repeat(65_535)), 107, "65537 bytes; at most 65536"),
        ("refresh", json!({}), "info", json!("x".repeat(65_535)), 107, "65537 bytes; at most 65536"),
        ("disconnect", json!({}), "whitelist", json!(clients(1001)), 107, "0 to 1000 items, not 1001"),
        (
            "disconnect",
            json!({}),
            "disconnect",
            json!({"code": 4000, "reason": "r".repeat(124)}),
            107,
            "field \"disconnect.reason\" has 124 bytes; at most 123",
        ),
        ("channels", json!({}), "pattern", json!("p".repeat(257)), 107, "at most 256"),
        ("broadcast", json!({"data": 1}), "channels", json!(vec!["c"; 10_001]), 107, "not 10001"),
        ("batch", json!({}), "commands", json!(vec![json!({}); 10_001]), 107, "not 10001"),
        (
            "publish",
            json!({"channel": "json:a"}),
            "data",
            json!("x".repeat(100)),
            106,
            "this channel takes 100",
        ),
    ] {
        if method != "broadcast" && body["channel"].is_null() {
            body["channel"] = "a".into();
        }
        body[name] = value;
        let error = call(&served, method, &body).await["error"].clone();
        let said = error["message"].as_str().unwrap();
        assert!(error["code"] == code && said.contains(message), "{method} {name}: {error}");
    }
    assert_nothing_happened(&served);
}

#[tokio::test]
async fn deep_json_is_passed_over_or_refused() {
    let served = serve(configured()).await;
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let unread = format!(r#"{{"channel":"bare:a","data":1,"unheard_of":{}}}"#, deep(100_000));
    assert_eq!(call_raw(&served, "publish", KEY, &unread).await.text(), r#"{"result":{}}"#);
    for name in ["channel", "data", "tags", "version", "exclude_clients", "skip_history"] {
        let body = format!(r#"{{"channel":"a","data":1,"{name}":{}}}"#, deep(100_000));
        let error = call_raw(&served, "publish", KEY, &body).await.json()["error"].clone();
        assert_eq!(error["code"], 107, "{name}: {error}");
    }
    let body = format!(r#"{{"commands":{}}}"#, deep(100_000));
    assert_eq!(call_raw(&served, "batch", KEY, &body).await.json()["error"]["code"], 107);
    assert_nothing_happened(&served);
}

#[tokio::test]
async fn there_is_nothing_at_other_paths() {
    let served = serve(configured()).await;
    for method in ["shout", "", "publish/", "Publish", "openapi.json"] {
        let answered = call_raw(&served, method, KEY, "{}").await;
        assert_eq!(
            answered.status,
            if method == "openapi.json" { 405 } else { 404 },
            "{method}: {answered:?}"
        );
    }
    assert_eq!(call_raw(&served, "shout", KEY, "{}").await.json()["error"]["code"], 104);
}

fn assert_nothing_happened(served: &Served) {
    assert!(served.backend.channels.lock().unwrap().is_empty());
    assert_eq!(served.backend.orders(), [""; 0]);
}
