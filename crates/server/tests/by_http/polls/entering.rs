//! Who may poll what: what a session would be let do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use wavecast_server::PushServer;
use wavecast_server::hooks::{
    Answer, Capability, ConnectCall, ConnectGrant, Handlers, Hook, SubscribeCall, SubscribeGrant, Wants,
};
use wavecast_server::protocol::centrifuge::{Disconnect, Error};

use crate::served::{get, loaded, poll, publish, token, unix_now, with_server};

#[test]
fn channels_are_refused_as_to_sessions() {
    let anonymous = String::new();
    let ann = token(&json!({"sub": "ann"}));
    let with_caps = token(&json!({
        "sub": "ann", "caps": [{"channels": ["closed:a", "unread:*"], "match": "wildcard", "allow": ["sub", "hst"]}],
    }));
    let with_channels = token(&json!({"sub": "", "channels": ["closed:a"]}));
    with_server(&[], async |server| {
        for (token, channel, code) in [
            (&anonymous, "news", 0),
            (&anonymous, "closed:a", 103),
            (&anonymous, "users:a", 103),
            (&anonymous, "$private", 103),
            (&anonymous, "unread:a", 103),
            (&anonymous, "read:a", 0),
            (&anonymous, "limited:a%23ann", 103),
            (&anonymous, "bare:a", 108),
            (&anonymous, "nowhere:a", 102),
            (&ann, "users:a", 0),
            (&ann, "closed:a", 103),
            (&ann, "$private", 103),
            (&ann, "limited:a%23ann", 0),
            (&ann, "limited:a%23bob,eve", 103),
            (&ann, "limited:a%23bob%2Cann", 0),
            (&with_caps, "closed:a", 0),
            (&with_caps, "closed:b", 103),
            (&with_caps, "unread:b", 0),
            (&with_channels, "closed:a", 0),
            (&with_channels, "closed:b", 103),
        ] {
            let channels = channel.split(',').next().unwrap();
            let answer = poll(server, &format!("channels={channels}&token={token}")).await;
            if code == 0 {
                assert_eq!(answer.status, 200, "{channel} {answer:?}");
            } else {
                assert_eq!(answer.code(), code, "{channel} {answer:?}");
                assert_eq!(
                    answer.status,
                    match code {
                        103 => 403,
                        102 => 404,
                        _ => 400,
                    },
                    "{channel}"
                );
            }
        }
    });
}

#[test]
fn who_may_not_recover_cannot_read_by_polling() {
    with_server(&[], async |server| {
        publish(server.node(), "unread:a", "secret").await;
        for since in ["", "&since=unread:a:0:", "&since=unread:a:0:x"] {
            let answer = poll(server, &format!("channels=unread:a{since}")).await;
            assert_eq!(answer.code(), 103);
            assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
        }
    });
}

#[test]
fn tokens_are_checked_as_for_sessions() {
    let good = token(&json!({"sub": "ann", "exp": unix_now() + 60}));
    let expired = token(&json!({"sub": "ann", "exp": unix_now() - 60}));
    let forged = format!("{}x", &good[..good.len() - 1]);
    let settings = [("client.allow_anonymous_connect_without_token", "false")];
    with_server(&settings, async |server| {
        let target = "/connection/poll?channels=users:a";
        for (fields, status, code) in [
            (format!("Authorization: Bearer {good}\r\n"), 200, 0),
            (format!("Authorization: Bearer {expired}\r\n"), 401, 109),
            (format!("Authorization: Bearer {forged}\r\n"), 401, 3500),
            ("Authorization: Basic abc\r\n".into(), 401, 3501),
            (String::new(), 401, 3501),
        ] {
            let answer = get(server, target, &fields).await;
            assert_eq!(answer.status, status, "{fields}{answer:?}");
            if status != 200 {
                assert_eq!(answer.code(), code, "{answer:?}");
                assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
            }
        }
        assert_eq!(poll(server, &format!("channels=users:a&token={good}")).await.status, 200);
        let block = json!({"user": "ann"}).to_string();
        let request = format!(
            "POST /api/block_user HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{block}",
            block.len()
        );
        let mut connection = crate::served::Connection::to(server.address()).await;
        tokio::io::AsyncWriteExt::write_all(&mut connection.stream, request.as_bytes()).await.unwrap();
        assert_eq!(connection.answer().await.status, 200);
        assert_eq!(poll(server, &format!("channels=users:a&token={good}")).await.code(), 3500);
    });
}

#[test]
fn what_a_token_filters_out_is_not_given() {
    let filtered = token(&json!({
        "sub": "ann", "tags_filter": {"key": "to", "cmp": "eq", "val": "ann"},
    }));
    with_server(&[], async |server| {
        let query = |since: &str| format!("channels=news&since={since}&token={filtered}");
        let mut next = poll(server, &query("")).await.next();
        let tagged = |to: &str| {
            let tags = [("to".to_owned(), to.to_owned())].into();
            wavecast_server::hub::Publish {
                data: format!("\"for {to}\"").into_bytes().into(),
                is_json: true,
                tags: Some(Box::new(tags)),
                ..Default::default()
            }
        };
        server.node().publish("news", tagged("bob")).await.unwrap();
        let answer = poll(server, &query(&next)).await;
        assert_eq!(answer.told(), (vec![], false));
        assert!(answer.next().starts_with("news:1:"), "what is not for ann is passed over for good");
        server.node().publish("news", tagged("ann")).await.unwrap();
        server.node().publish("news", tagged("bob")).await.unwrap();
        assert_eq!(poll(server, &query(&next)).await.told(), (vec![json!("for ann")], false));
        next = poll(server, &query(&next)).await.next();
        assert!(next.starts_with("news:3:"), "{next}");
    });
}

/// Lets everybody in as who they say they are, and notes what it is asked.
#[derive(Default)]
struct Doorkeeper {
    asked: Mutex<Vec<String>>,
}

impl Handlers for Doorkeeper {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Connect).and(Hook::Subscribe)
    }

    fn headers(&self) -> wavecast_server::hooks::HeaderNames {
        wavecast_server::hooks::HeaderNames::new(["x-user"], [])
    }

    async fn connect(&self, call: ConnectCall) -> Answer<ConnectGrant> {
        let headers = call.caller.headers.as_ref();
        let user =
            headers.and_then(|headers| headers.get("x-user")).map(|user| String::from_utf8_lossy(user));
        let user = user.unwrap_or_default().into_owned();
        self.asked
            .lock()
            .unwrap()
            .push(format!("connect {} {user} {:?}", call.caller.transport, call.channels));
        match &*user {
            "" => Answer::Error(Error { code: 1000, message: "who?".into(), temporary: false }),
            "eve" => Answer::Disconnect(Disconnect { code: 4501, reason: "banned".into() }),
            _ => Answer::Ok(ConnectGrant {
                user: user.into(),
                caps: vec![Capability {
                    channels: vec!["closed:caps".into()],
                    allow: vec!["sub".into()],
                    ..Capability::default()
                }],
                channels: vec!["closed:given".into()],
                ..ConnectGrant::default()
            }),
        }
    }

    async fn subscribe(&self, call: SubscribeCall) -> Answer<SubscribeGrant> {
        self.asked.lock().unwrap().push(format!("subscribe {} {}", call.caller.user, call.channel));
        match &*call.channel {
            "hooked:no" => Answer::Error(Error { code: 1001, message: "no".into(), temporary: false }),
            _ => Answer::Ok(SubscribeGrant::default()),
        }
    }
}

#[test]
fn hooks_are_asked_as_for_sessions() {
    let keeper = Arc::new(Doorkeeper::default());
    let mut loaded = loaded(&[
        ("client.proxy.connect.enabled", "true"),
        ("client.proxy.connect.endpoint", "handler:"),
        ("channel.proxy.subscribe.endpoint", "handler:"),
    ]);
    let mut hooked = loaded.config.channel.namespaces[0].clone();
    hooked.name = "hooked".into();
    (hooked.settings.history_size, hooked.settings.history_ttl) = (10, Duration::from_secs(300));
    hooked.settings.allow_recovery = true;
    hooked.settings.subscribe_proxy_enabled = true;
    loaded.config.channel.namespaces.push(hooked);
    let server = PushServer::start_with(loaded, |_| keeper.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let poll_as = |user: &str, channels: &str| {
        let fields = if user.is_empty() { String::new() } else { format!("X-User: {user}\r\n") };
        let answer =
            runtime.block_on(get(&server, &format!("/connection/poll?channels={channels}"), &fields));
        let code = if answer.status == 200 { 0 } else { answer.code() };
        (answer.status, code, std::mem::take(&mut *keeper.asked.lock().unwrap()).join("; "))
    };
    for (user, channels, status, code, asked) in [
        ("ann", "news", 200, 0, r#"connect poll ann ["news"]"#),
        ("", "news", 403, 1000, r#"connect poll  ["news"]"#),
        ("eve", "news", 403, 4501, r#"connect poll eve ["news"]"#),
        (
            "ann",
            "users:a,closed:given,closed:caps",
            200,
            0,
            r#"connect poll ann ["closed:caps", "closed:given", "users:a"]"#,
        ),
        ("ann", "closed:other", 403, 103, r#"connect poll ann ["closed:other"]"#),
        (
            "ann",
            "hooked:a,hooked:b",
            200,
            0,
            r#"connect poll ann ["hooked:a", "hooked:b"]; subscribe ann hooked:a; subscribe ann hooked:b"#,
        ),
        (
            "ann",
            "hooked:no,hooked:b",
            403,
            1001,
            r#"connect poll ann ["hooked:b", "hooked:no"]; subscribe ann hooked:no"#,
        ),
    ] {
        assert_eq!(poll_as(user, channels), (status, code, asked.to_owned()), "{user} {channels}");
    }
    drop(runtime);
    server.drain_handle().drain();
    server.join().unwrap();
}
