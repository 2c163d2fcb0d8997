//! Which hook is called, and when its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::time::Instant;

use wavecast_protocol::centrifuge::Error;
use wavecast_server::hooks::{
    Answer, Hook, Hooks as _, HttpHooks, HttpSettings, PublishCall, RpcCall, RpcGrant, SubRefreshCall,
    SubscribeCall, Wants,
};

use crate::backend::Backend;
use crate::calls::{
    OK, connect_call, hooks, hooks_with, publish_call, rpc_call, sub_refresh_call, subscribe_call,
};

#[tokio::test]
async fn hooks_are_chosen_by_name() {
    let backend = Backend::saying(200, OK).await;
    let hooks = hooks(&backend);
    hooks.subscribe(SubscribeCall { hook: "two".into(), ..subscribe_call() }).await;
    hooks.publish(PublishCall { hook: "two".into(), ..publish_call() }).await;
    hooks.rpc(RpcCall { hook: "two".into(), ..rpc_call() }).await;
    hooks.sub_refresh(SubRefreshCall { hook: "two".into(), ..sub_refresh_call() }).await;
    assert!(backend.asked().iter().all(|asked| asked.path == "/two"));
    let missing = hooks.rpc(RpcCall { hook: "three".into(), ..rpc_call() }).await;
    assert_eq!(missing, Answer::Error(Error::NOT_AVAILABLE));
    assert_eq!(hooks.wants(), Hook::ALL.into_iter().collect());
    let none = HttpHooks::new(&HttpSettings::default()).unwrap();
    assert_eq!(none.wants(), Wants::NOTHING);
    assert_eq!(none.connect(connect_call()).await, Answer::NotHandled);
}

#[tokio::test]
async fn so_many_calls_at_once_and_no_more() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (count, peak) = (Arc::clone(&now), Arc::clone(&most));
    let backend = Backend::start(move |_| {
        let (now, most) = (Arc::clone(&count), Arc::clone(&peak));
        Box::pin(async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            now.fetch_sub(1, Ordering::SeqCst);
            (200, OK.to_owned())
        })
    })
    .await;
    let hooks = Arc::new(hooks_with(&backend, |settings| settings.concurrency = 3));
    let calls: Vec<_> = (0..30)
        .map(|_| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move { hooks.rpc(rpc_call()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Answer::Ok(RpcGrant::default()));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(backend.connections() <= 3, "{}", backend.connections());
    // One entry of `proxies` is one back end, whatever it is asked.
    most.store(0, Ordering::SeqCst);
    let calls: Vec<_> = (0..30)
        .map(|n| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move {
                let hook = "two".into();
                match n % 4 {
                    0 => hooks.rpc(RpcCall { hook, ..rpc_call() }).await.map(drop),
                    1 => hooks.publish(PublishCall { hook, ..publish_call() }).await.map(drop),
                    2 => hooks.subscribe(SubscribeCall { hook, ..subscribe_call() }).await.map(drop),
                    _ => hooks.sub_refresh(SubRefreshCall { hook, ..sub_refresh_call() }).await.map(drop),
                }
            })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Answer::Ok(()));
    }
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn waiting_for_a_turn_is_part_of_the_time() {
    let backend = Backend::slow(Duration::from_secs(60), OK).await;
    let hooks = Arc::new(hooks_with(&backend, |settings| {
        settings.concurrency = 1;
        settings.timeout = Duration::from_millis(200);
    }));
    let began = Instant::now();
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let hooks = Arc::clone(&hooks);
            tokio::spawn(async move { hooks.publish(publish_call()).await })
        })
        .collect();
    let mut codes = Vec::new();
    for call in calls {
        let Answer::Error(error) = call.await.unwrap() else { panic!() };
        codes.push(error.code);
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    // The first gives its turn up when its time is over, and the second may still get it.
    assert!(codes[0] == 100 && codes[2..] == [111; 3], "{codes:?}");
}
