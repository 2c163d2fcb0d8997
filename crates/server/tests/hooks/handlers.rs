//! Hooks as Rust functions, asked as a shard asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use wavecast_protocol::centrifuge::{Encoding, Error};
use wavecast_server::hooks::{
    Answer, Answering, ConnectCall, ConnectGrant, Event, Grant, Handlers, HeaderNames, Hook, Hooks, Layers,
    RpcCall, RpcGrant, SubscribeCall, SubscribeGrant, Wants, ask,
};

/// Methods that are named after what they do.
struct Methods;

impl Handlers for Methods {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Rpc).and(Hook::Occupancy)
    }

    fn limit(&self) -> Duration {
        Duration::from_millis(50)
    }

    fn headers(&self) -> HeaderNames {
        HeaderNames::new(["x-methods"], [])
    }

    async fn rpc(&self, call: RpcCall) -> Answer<RpcGrant> {
        match &*call.method {
            "echo" => Answer::Ok(RpcGrant { data: call.data }),
            "hang" => std::future::pending().await,
            "panic" => panic!("a handler that panics"),
            _ => Answer::Error(Error::METHOD_NOT_FOUND),
        }
    }
}

/// Lets everybody in.
struct Open;

impl Handlers for Open {
    fn wants(&self) -> Wants {
        Wants::NOTHING.and(Hook::Connect).and(Hook::Rpc)
    }

    async fn connect(&self, call: ConnectCall) -> Answer<ConnectGrant> {
        Answer::Ok(ConnectGrant { user: call.name, ..ConnectGrant::default() })
    }
}

fn call(method: &str) -> RpcCall {
    RpcCall { method: method.into(), data: Some(Box::from(&b"1"[..])), ..RpcCall::default() }
}

fn asked<T: Grant + Send + 'static>(
    runtime: &Handle,
    hooks: &Arc<dyn Hooks>,
    encoding: Encoding,
    call: impl for<'h> FnOnce(&'h dyn Hooks) -> Answering<'h, T> + Send + 'static,
) -> Receiver<Answer<T>> {
    let (sender, receiver) = channel();
    ask(runtime, hooks, encoding, call, move |answer| sender.send(answer).unwrap());
    receiver
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
}

#[test]
fn every_call_is_completed_once() {
    let (runtime, hooks) = (runtime(), Arc::new(Methods) as Arc<dyn Hooks>);
    let echo = Answer::Ok(RpcGrant { data: Some(Box::from(&b"1"[..])) });
    let table = [
        ("echo", echo),
        ("hang", Answer::INTERNAL),
        ("panic", Answer::INTERNAL),
        ("?", Answer::Error(Error::METHOD_NOT_FOUND)),
    ];
    for (method, answer) in table {
        let completed = asked(runtime.handle(), &hooks, Encoding::Json, move |hooks| hooks.rpc(call(method)));
        assert_eq!(completed.recv().unwrap(), answer, "{method}");
        assert!(completed.recv().is_err(), "once, and the completion is gone: {method}");
    }
}

#[test]
fn what_is_no_json_cannot_break_a_frame() {
    struct Careless;
    impl Handlers for Careless {
        fn wants(&self) -> Wants {
            Wants::NOTHING.and(Hook::Connect).and(Hook::Rpc)
        }
        async fn connect(&self, _: ConnectCall) -> Answer<ConnectGrant> {
            let (info, data) = (given(b"{\"a\":\n1}"), given(b"1}\n{"));
            let sub =
                SubscribeGrant { info: given(b"\xff"), data: data.clone(), ..SubscribeGrant::default() };
            let subs = [("a".to_owned(), sub)].into();
            Answer::Ok(ConnectGrant { info, data, subs, ..ConnectGrant::default() })
        }
        async fn rpc(&self, _: RpcCall) -> Answer<RpcGrant> {
            Answer::Ok(RpcGrant { data: given(b"\xff\x00") })
        }
    }
    fn given(bytes: &[u8]) -> Option<Box<[u8]>> {
        Some(bytes.into())
    }
    let (runtime, hooks) = (runtime(), Arc::new(Careless) as Arc<dyn Hooks>);
    // To a client in Protobuf the data are bytes; what others see has to be fit for either.
    for (encoding, data, returned) in [
        (Encoding::Json, &b"\"MX0Kew==\""[..], &b"\"/wA=\""[..]),
        (Encoding::Protobuf, b"1}\n{", b"\xff\x00"),
    ] {
        let connected =
            asked(runtime.handle(), &hooks, encoding, |hooks| hooks.connect(ConnectCall::default()));
        let Answer::Ok(mut grant) = connected.recv().unwrap() else { panic!() };
        let sub = grant.subs.remove("a").unwrap();
        assert_eq!((grant.info, grant.data), (given(b"{\"a\":1}"), given(data)), "{encoding:?}");
        assert_eq!((sub.info, sub.data), (given(b"\"/w==\""), given(data)), "{encoding:?}");
        let called = asked(runtime.handle(), &hooks, encoding, |hooks| hooks.rpc(call("any")));
        assert_eq!(called.recv().unwrap(), Answer::Ok(RpcGrant { data: given(returned) }), "{encoding:?}");
    }
}

#[test]
fn a_runtime_that_ends_completes_what_it_has() {
    struct Endless;
    impl Handlers for Endless {
        fn wants(&self) -> Wants {
            Wants::NOTHING.and(Hook::Connect)
        }
        async fn connect(&self, _: ConnectCall) -> Answer<ConnectGrant> {
            std::future::pending().await
        }
    }
    let (runtime, hooks) = (runtime(), Arc::new(Endless) as Arc<dyn Hooks>);
    let completed =
        asked(runtime.handle(), &hooks, Encoding::Json, |hooks| hooks.connect(ConnectCall::default()));
    let handle = runtime.handle().clone();
    runtime.shutdown_timeout(Duration::from_secs(10));
    assert_eq!(completed.recv().unwrap(), Answer::INTERNAL);
    let late = asked(&handle, &hooks, Encoding::Json, |hooks| hooks.connect(ConnectCall::default()));
    assert_eq!(late.recv().unwrap(), Answer::INTERNAL, "also what is asked afterwards");
}

#[tokio::test]
async fn each_hook_goes_to_the_first_layer_that_wants_it() {
    let layers = Layers::new(vec![Arc::new(Methods), Arc::new(Open)]);
    let wants = Wants::NOTHING.and(Hook::Connect).and(Hook::Rpc).and(Hook::Occupancy);
    assert_eq!((layers.wants(), layers.headers()), (wants, HeaderNames::new(["x-methods"], [])));
    assert_eq!(layers.limit(), Duration::from_secs(10));
    let connected = layers.connect(ConnectCall { name: "js".into(), ..ConnectCall::default() }).await;
    assert!(matches!(connected, Answer::Ok(grant) if &*grant.user == "js"));
    assert!(matches!(layers.rpc(call("echo")).await, Answer::Ok(_)));
    assert_eq!(layers.subscribe(SubscribeCall::default()).await.map(drop), Answer::NotHandled);
    assert_eq!(layers.deliver(&[Event::occupied("a".into(), 1)]).await, Ok(()));
}

#[tokio::test]
async fn what_is_wanted_is_asked_at_the_start() {
    #[derive(Default)]
    struct Counting(AtomicUsize);
    impl Handlers for Counting {
        fn wants(&self) -> Wants {
            self.0.fetch_add(1, Ordering::Relaxed);
            Wants::NOTHING.and(Hook::Rpc)
        }
        fn limit(&self) -> Duration {
            self.0.fetch_add(1, Ordering::Relaxed);
            Duration::from_secs(1)
        }
    }
    let counting = Arc::new(Counting::default());
    let layers = Layers::new(vec![Arc::clone(&counting) as Arc<dyn Hooks>]);
    let asked_at_start = counting.0.load(Ordering::Relaxed);
    for _ in 0..3 {
        assert_eq!(layers.rpc(call("any")).await, Answer::NotHandled);
        assert_eq!((layers.limit(), layers.wants().has(Hook::Rpc)), (Duration::from_secs(1), true));
    }
    assert_eq!(counting.0.load(Ordering::Relaxed), asked_at_start);
}
