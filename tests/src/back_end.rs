//! A user's back end: it answers hooks as the test says, and remembers what it was told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

type Calls = Arc<Mutex<Vec<(String, Value)>>>;
type Answer = Arc<dyn Fn(&str, &Value) -> Value + Send + Sync>;

/// A back end on a thread of its own, which ends when this is dropped.
pub struct BackEnd {
    address: SocketAddr,
    calls: Calls,
    _running: oneshot::Sender<()>,
}

impl BackEnd {
    /// Starts it on a free loopback port; `answer` is given the path and what was posted.
    ///
    /// # Panics
    /// If it cannot listen.
    #[must_use]
    pub fn start(answer: impl Fn(&str, &Value) -> Value + Send + Sync + 'static) -> Self {
        let answer: Answer = Arc::new(answer);
        let calls = Calls::default();
        let (running, over) = oneshot::channel();
        let (listening, address) = mpsc::channel();
        thread::spawn({
            let calls = Arc::clone(&calls);
            move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime").block_on(async {
                    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
                    listening.send(listener.local_addr().expect("its port")).expect("the test waits");
                    tokio::select! {
                        () = serve(listener, calls, answer) => {}
                        _ = over => {}
                    }
                });
            }
        });
        Self { address: address.recv().expect("it listens"), calls, _running: running }
    }

    /// Where a hook of this name is called.
    #[must_use]
    pub fn url(&self, hook: &str) -> String {
        format!("http://{}/{hook}", self.address)
    }

    /// What was posted to the hook of this name, in order.
    #[must_use]
    pub fn calls(&self, hook: &str) -> Vec<Value> {
        let calls = locked(&self.calls);
        calls.iter().filter(|(path, _)| path[1..] == *hook).map(|(_, body)| body.clone()).collect()
    }

    /// The events that the hook of this name was told, in order.
    #[must_use]
    pub fn events(&self, hook: &str) -> Vec<Value> {
        self.calls(hook)
            .iter()
            .flat_map(|call| call["events"].as_array().cloned().unwrap_or_default())
            .collect()
    }
}

async fn serve(listener: TcpListener, calls: Calls, answer: Answer) {
    while let Ok((stream, _)) = listener.accept().await {
        let (calls, answer) = (Arc::clone(&calls), Arc::clone(&answer));
        let service = service_fn(move |request| reply(request, Arc::clone(&calls), Arc::clone(&answer)));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn reply(
    request: Request<Incoming>,
    calls: Calls,
    answer: Answer,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let posted = serde_json::from_slice(&body.collect().await?.to_bytes()).unwrap_or_default();
    let said = answer(head.uri.path(), &posted);
    locked(&calls).push((head.uri.path().to_owned(), posted));
    Ok(Response::new(Full::from(said.to_string())))
}

fn locked(calls: &Calls) -> MutexGuard<'_, Vec<(String, Value)>> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
