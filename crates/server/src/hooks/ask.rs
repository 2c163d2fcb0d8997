//! How a shard asks: it hands over a call and gets the answer back, always.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::answer::Answer;

/// Runs a call on the runtime and hands its answer to `complete`, on a thread of the runtime. Never blocks.
///
/// `complete` is called exactly once, whatever happens: error 100 stands for a handler that panics or is not done within
/// `limit`, and for a runtime that shuts down. So room that was reserved for the answer is always used.
///
/// ```no_run
/// # use std::{sync::Arc, time::Duration};
/// # use wavecast_server::hooks::{ask, ConnectCall, Hooks, HANDLER_LIMIT};
/// # fn shard(runtime: &tokio::runtime::Handle, hooks: &Arc<dyn Hooks>, call: ConnectCall) {
/// ask(runtime, hooks, HANDLER_LIMIT, move |hooks| hooks.connect(call), |answer| {
///     // Into the shard's inbox, where room was reserved.
///     drop(answer);
/// });
/// # }
/// ```
pub fn ask<H, T, C, A>(runtime: &Handle, hooks: &Arc<H>, limit: Duration, call: C, complete: A)
where
    H: ?Sized + Send + Sync + 'static,
    T: Send + 'static,
    C: for<'h> FnOnce(&'h H) -> super::handlers::Answering<'h, T> + Send + 'static,
    A: FnOnce(Answer<T>) + Send + 'static,
{
    let hooks = Arc::clone(hooks);
    let completion = Completion(Some(complete), std::marker::PhantomData);
    runtime.spawn(async move {
        let answer = within(limit, call(&hooks)).await;
        completion.complete(answer);
    });
}

/// The longest that a handler may take where nothing else is said: 10 s. Hooks over HTTP have time-outs of their own, which
/// are shorter.
pub const HANDLER_LIMIT: Duration = Duration::from_secs(10);

async fn within<T>(limit: Duration, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        tracing::warn!(?limit, "a hook is not done in time: error 100");
        Answer::INTERNAL
    })
}

/// Completes when it is dropped, if it has not before: by a panic, or with the runtime.
struct Completion<T, A: FnOnce(Answer<T>)>(Option<A>, std::marker::PhantomData<fn(T)>);

impl<T, A: FnOnce(Answer<T>)> Completion<T, A> {
    fn complete(mut self, answer: Answer<T>) {
        if let Some(complete) = self.0.take() {
            complete(answer);
        }
    }
}

impl<T, A: FnOnce(Answer<T>)> Drop for Completion<T, A> {
    fn drop(&mut self) {
        if let Some(complete) = self.0.take() {
            tracing::warn!("a hook was not done: error 100");
            complete(Answer::INTERNAL);
        }
    }
}
