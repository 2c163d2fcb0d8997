//! What can go wrong: answers that make no sense, a back end that is slow or not there.

use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use wavecast_protocol::centrifuge::Error;
use wavecast_server::hooks::{
    ANSWER_BYTES_MAX, Answer, Disconnected, Event, Hook, HookSettings, Hooks as _, HttpHooks, HttpSettings,
};

use crate::backend::Backend;
use crate::calls::{
    OK, connect_call, hooks, hooks_with, publish_call, refresh_call, rpc_call, sub_refresh_call,
    subscribe_call,
};

/// All that can go wrong looks the same from the client's side.
async fn assert_fails(hooks: &HttpHooks, what: &str) {
    let internal = Answer::Error(Error::INTERNAL);
    assert_eq!(hooks.connect(connect_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.subscribe(subscribe_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.publish(publish_call()).await.map(drop), internal, "{what}");
    assert_eq!(hooks.rpc(rpc_call()).await.map(drop), internal, "{what}");
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let soon = now + 55..=now + 65;
    assert!(
        matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if !grant.expired && soon.contains(&grant.expire_at)),
        "{what}"
    );
    assert!(
        matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if !grant.expired && soon.contains(&grant.expire_at)),
        "{what}"
    );
    let event = Event::disconnected(1, 1, Disconnected::default());
    assert!(hooks.deliver(&[event]).await.is_err(), "{what}");
}

#[tokio::test]
async fn answers_that_are_wrong_are_error_100() {
    let large = format!(r#"{{"result":{{"user":"{}"}}}}"#, "x".repeat(ANSWER_BYTES_MAX));
    let table = [
        "{",
        "[]",
        "1",
        r#""result""#,
        r#"{"result":[]}"#,
        r#"{"result":["56"]}"#,
        r#"{"result":"ok"}"#,
        r#"{"error":"no"}"#,
        r#"{"error":{}}"#,
        r#"{"error":{"code":-1}}"#,
        r#"{"error":{"code":4294967296}}"#,
        r#"{"disconnect":{}}"#,
        r#"{"disconnect":{"code":1000}}"#,
        r#"{"disconnect":{"code":5000}}"#,
        r#"{"disconnect":{"code":70000}}"#,
        r#"{"result":{}} trailing"#,
        &large,
    ];
    for body in table {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        let what = &body[..body.len().min(40)];
        if matches!(body, r#"{"result":[]}"# | r#"{"result":["56"]}"# | r#"{"result":"ok"}"#) {
            // Whether an event was taken does not hang on what the result is.
            let internal = Answer::Error(Error::INTERNAL);
            assert_eq!(hooks.connect(connect_call()).await, internal, "{what}");
            continue;
        }
        assert_fails(&hooks, what).await;
    }
    let backend = Backend::saying(200, "").await;
    assert_eq!(hooks(&backend).connect(connect_call()).await, Answer::Error(Error::INTERNAL), "empty");
}

#[tokio::test]
async fn fields_of_a_wrong_type_are_error_100() {
    let table = [
        r#""user":56"#,
        r#""expire_at":"1""#,
        r#""expire_at":1.5"#,
        r#""channels":"a""#,
        r#""channels":[1]"#,
        r#""subs":[]"#,
        r#""subs":{"a":[1]}"#,
        r#""subs":{"a":{"override":[true]}}"#,
        r#""subs":{"a":{"override":{"presence":true}}}"#,
        r#""caps":{}"#,
        r#""caps":[["a"]]"#,
        r#""caps":[null]"#,
        r#""b64info":"?""#,
        r#""b64data":{}"#,
    ];
    for field in table {
        let backend = Backend::saying(200, &format!(r#"{{"result":{{{field}}}}}"#)).await;
        let answer = hooks(&backend).connect(connect_call()).await;
        assert_eq!(answer, Answer::Error(Error::INTERNAL), "{field}");
    }
    for field in
        [r#""skip_history":1"#, r#""tags":{"a":1}"#, r#""tags":[]"#, r#""version":-1"#, r#""b64data":"%""#]
    {
        let backend = Backend::saying(200, &format!(r#"{{"result":{{{field}}}}}"#)).await;
        let answer = hooks(&backend).publish(publish_call()).await;
        assert_eq!(answer, Answer::Error(Error::INTERNAL), "{field}");
    }
}

#[tokio::test]
async fn another_status_a_slow_back_end_and_none_at_all_are_error_100() {
    for status in [201, 204, 301, 400, 403, 404, 429, 500, 503] {
        let backend = Backend::saying(status, OK).await;
        if status < 300 {
            let answer = hooks(&backend).connect(connect_call()).await;
            assert_eq!(answer, Answer::Error(Error::INTERNAL), "{status}");
            continue;
        }
        assert_fails(&hooks(&backend), &status.to_string()).await;
        assert_eq!(backend.asked().len(), 7, "nobody asks twice");
    }
    let backend = Backend::slow(Duration::from_secs(60), OK).await;
    let slow = hooks_with(&backend, |settings| settings.timeout = Duration::from_millis(50));
    assert_fails(&slow, "slow").await;
    let down = hooks_with(&backend, |settings| settings.endpoint = "http://127.0.0.1:1/".into());
    assert_fails(&down, "down").await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Backend::saying(200, OK).await;
    let target = elsewhere.url("/");
    let backend = Backend::saying(307, &target).await;
    assert_eq!(hooks(&backend).connect(connect_call()).await, Answer::Error(Error::INTERNAL));
    assert!(elsewhere.asked().is_empty());
}

#[test]
fn hooks_do_not_show_their_secrets() {
    let settings = HookSettings {
        endpoint: "http://me:s3cret@127.0.0.1:1/s3cret?key=s3cret".into(),
        static_headers: [("X-Key".to_owned(), "s3cret".to_owned())].into(),
        ..HookSettings::default()
    };
    let all = HttpSettings { own: [(Hook::Connect, settings.clone())].into(), ..HttpSettings::default() };
    let hooks = HttpHooks::new(&all).unwrap();
    let shown = format!("{settings:?} {all:?} {hooks:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    for (name, value) in [("X-Key", "s3cret\n"), ("X Key s3cret", "v")] {
        let static_headers = [(name.to_owned(), value.to_owned())].into();
        let wrong = HookSettings { static_headers, ..settings.clone() };
        let wrong = HttpSettings { own: [(Hook::Rpc, wrong)].into(), ..HttpSettings::default() };
        let error = HttpHooks::new(&wrong).unwrap_err();
        assert_eq!((error.hook, &*error.name, &*error.key), (Hook::Rpc, "default", "http.static_headers"));
        assert!(!error.to_string().contains("s3cret"));
    }
}
