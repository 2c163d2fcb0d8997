//! What becomes of answers: grants read whole, errors and disconnects passed on.

use std::collections::BTreeMap;
use std::sync::Arc;

use wavecast_protocol::centrifuge::{Disconnect, Error};
use wavecast_server::hooks::{
    Answer, Capability, ConnectGrant, Event, Hooks as _, Meaning, Overrides, PublishGrant, RefreshGrant,
    RpcGrant, StatusTransform, SubRefreshGrant, SubscribeGrant,
};

use crate::backend::Backend;
use crate::calls::{
    bytes, connect_call, hooks, hooks_with, publish_call, refresh_call, rpc_call, sub_refresh_call,
    subscribe_call,
};

#[tokio::test]
async fn a_connect_grant_is_read_whole() {
    let backend = Backend::saying(
        200,
        r#"{"result":{"user":"56","expire_at":1565436268,"info":{"n":
            1},"b64data":"AAE=","channels":["a"],"meta":{"k":true},"unknown":[1],
            "subs":{"b":{"info":[1],"b64info":"","data":"x","override":{"presence":{"value":true},"join_leave":{},"force_recovery":null},
                "server_tags_filter":{"key":"k","cmp":"eq","val":"v"},"cache_recover":true},"c":{},"d":null},
            "caps":[{"channels":["x:*"],"match":"wildcard","allow":["sub","pub"]}]}}"#,
    )
    .await;
    let subs = BTreeMap::from([
        (
            "b".to_owned(),
            SubscribeGrant {
                info: Some(bytes("[1]")),
                data: Some(bytes(r#""x""#)),
                overrides: Overrides {
                    presence: Some(true),
                    join_leave: Some(false),
                    ..Overrides::default()
                },
                tags_filter: Some(bytes(r#"{"key":"k","cmp":"eq","val":"v"}"#)),
                cache_recover: true,
                ..SubscribeGrant::default()
            },
        ),
        ("c".to_owned(), SubscribeGrant::default()),
        ("d".to_owned(), SubscribeGrant::default()),
    ]);
    let capability = Capability {
        channels: vec!["x:*".into()],
        matching: "wildcard".into(),
        allow: vec!["sub".into(), "pub".into()],
    };
    let Answer::Ok(grant) = hooks(&backend).connect(connect_call()).await else { panic!() };
    let info = grant.info.clone().unwrap();
    assert!(!info.contains(&b'\n'), "{info:?}");
    assert_eq!(
        grant,
        ConnectGrant {
            user: "56".into(),
            expire_at: 1_565_436_268,
            info: Some(info),
            data: Some([0, 1].into()),
            channels: vec!["a".into()],
            subs,
            meta: Some(Arc::from(&br#"{"k":true}"#[..])),
            caps: vec![capability],
        }
    );
}

#[tokio::test]
async fn the_other_grants_are_read_whole() {
    let backend = Backend::saying(
        200,
        r#"{"result":{"expired":false,"expire_at":7,"b64info":"AAE","info":{"not":"this"},"meta":1,"caps":[],
            "data":null,"allow":["hst"],"tags_filter":{"op":""},"skip_history":true,"tags":{"k":"v"},
            "idempotency_key":"i","delta":true,"version":18446744073709551615,"version_epoch":"e"}}"#,
    )
    .await;
    let hooks = hooks(&backend);
    let (info, null) = (Some([0, 1].into()), Some(bytes("null")));
    let refreshed = RefreshGrant {
        expired: false,
        expire_at: 7,
        info: info.clone(),
        meta: Some(Arc::from(&b"1"[..])),
        caps: Some(vec![]),
    };
    assert_eq!(hooks.refresh(refresh_call()).await, Answer::Ok(refreshed));
    let refreshed = SubRefreshGrant { expired: false, expire_at: 7, info: info.clone() };
    assert_eq!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(refreshed));
    let subscribed = SubscribeGrant {
        expire_at: 7,
        info,
        data: null.clone(),
        allow: vec!["hst".into()],
        tags_filter: Some(bytes(r#"{"op":""}"#)),
        ..SubscribeGrant::default()
    };
    assert_eq!(hooks.subscribe(subscribe_call()).await, Answer::Ok(subscribed));
    let published = PublishGrant {
        data: null.clone(),
        skip_history: true,
        tags: Some(Box::new(BTreeMap::from([("k".to_owned(), "v".to_owned())]))),
        idempotency_key: "i".into(),
        delta: true,
        version: u64::MAX,
        version_epoch: "e".into(),
    };
    assert_eq!(hooks.publish(publish_call()).await, Answer::Ok(published));
    assert_eq!(hooks.rpc(rpc_call()).await, Answer::Ok(RpcGrant { data: null }));
}

#[tokio::test]
async fn an_answer_without_a_result_means_what_it_means_for_each_hook() {
    for body in ["{}", "null", r#"{"result":null,"error":null,"disconnect":null}"#] {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        assert_eq!(hooks.connect(connect_call()).await, Answer::NotHandled, "{body}");
        assert_eq!(hooks.subscribe(subscribe_call()).await, Answer::Ok(SubscribeGrant::default()));
        assert_eq!(hooks.publish(publish_call()).await, Answer::Ok(PublishGrant::default()));
        assert_eq!(hooks.rpc(rpc_call()).await, Answer::Ok(RpcGrant::default()));
        assert!(matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if grant.expired));
        assert!(matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if grant.expired));
    }
}

#[tokio::test]
async fn errors_and_disconnects_of_the_back_end_reach_the_client() {
    let error = Error { code: 1000, message: "no".into(), temporary: true };
    let disconnect = Disconnect { code: 4501, reason: "out".into() };
    let table = [
        (r#"{"error":{"code":1000,"message":"no","temporary":true}}"#, Answer::Error(error.clone())),
        (r#"{"disconnect":{"code":4501,"reason":"out"}}"#, Answer::Disconnect(disconnect.clone())),
        (r#"{"result":{},"error":{"code":1000,"message":"no","temporary":true}}"#, Answer::Error(error)),
        (r#"{"error":{"code":1},"disconnect":{"code":4501,"reason":"out"}}"#, Answer::Disconnect(disconnect)),
    ];
    for (body, answer) in table {
        let backend = Backend::saying(200, body).await;
        let hooks = hooks(&backend);
        assert_eq!(hooks.connect(connect_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.subscribe(subscribe_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.publish(publish_call()).await.map(drop), answer, "{body}");
        assert_eq!(hooks.rpc(rpc_call()).await.map(drop), answer, "{body}");
        assert!(matches!(hooks.refresh(refresh_call()).await, Answer::Ok(grant) if grant.expired));
        assert!(matches!(hooks.sub_refresh(sub_refresh_call()).await, Answer::Ok(grant) if grant.expired));
    }
}

#[tokio::test]
async fn a_reason_fits_a_close_frame() {
    let body = format!(r#"{{"disconnect":{{"code":4000,"reason":"{}é"}}}}"#, "x".repeat(122));
    let backend = Backend::saying(200, &body).await;
    let Answer::Disconnect(disconnect) = hooks(&backend).connect(connect_call()).await else { panic!() };
    assert_eq!(disconnect.reason, "x".repeat(122));
}

#[tokio::test]
async fn a_status_means_what_the_settings_say() {
    let error = Error { code: 404, message: "not found".into(), temporary: false };
    let disconnect = Disconnect { code: 4403, reason: "out".into() };
    let transforms = vec![
        StatusTransform { status_code: 404, to: Meaning::Error(error.clone()) },
        StatusTransform { status_code: 403, to: Meaning::Disconnect(disconnect.clone()) },
    ];
    let table = [
        (404, Answer::Error(error)),
        (403, Answer::Disconnect(disconnect)),
        (500, Answer::Error(Error::INTERNAL)),
    ];
    for (status, answer) in table {
        let backend = Backend::saying(status, "").await;
        let hooks = hooks_with(&backend, |settings| settings.status_to_code_transforms = transforms.clone());
        assert_eq!(hooks.connect(connect_call()).await.map(drop), answer, "{status}");
        assert_eq!(hooks.rpc(rpc_call()).await.map(drop), answer, "{status}");
    }
}

#[tokio::test]
async fn events_are_taken_by_any_success_without_an_error() {
    let event = Event::occupied("a".into(), 1);
    for (status, body, taken) in [
        (200, "", true),
        (204, "", true),
        (202, "{}", true),
        (200, "null", true),
        (200, r#"{"result":{}}"#, true),
        (200, r#"{"error":{"code":1,"message":"later"}}"#, false),
        (200, "<html>", false),
        (302, "", false),
        (500, "", false),
    ] {
        let backend = Backend::saying(status, body).await;
        let delivered = hooks(&backend).deliver(std::slice::from_ref(&event)).await;
        assert_eq!(delivered.is_ok(), taken, "{status} {body}");
    }
}
