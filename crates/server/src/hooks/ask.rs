//! How a shard asks: it hands over a call and gets the answer back, always.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use wavecast_protocol::centrifuge::Encoding;

use super::answer::Answer;
use super::grant::Grant;
use super::handlers::{Answering, Hooks};

/// Runs a call on the runtime and hands its answer to `complete`, on a thread of the runtime, fit for a client of this
/// encoding: see [`Grant`]. Never blocks.
///
/// `complete` is called exactly once, whatever happens, so that room that was reserved for the answer is always used: error
/// 100 stands for a handler that panics or takes longer than [`Hooks::limit`], and for a runtime that shuts down.
///
/// ```
/// # use std::sync::Arc;
/// # use wavecast_server::hooks::{Answer, ConnectCall, ConnectGrant, Hooks, ask};
/// # use wavecast_server::protocol::centrifuge::Encoding;
/// # fn shard(runtime: &tokio::runtime::Handle, hooks: &Arc<dyn Hooks>, call: ConnectCall) {
/// ask(
///     runtime,
///     hooks,
///     Encoding::Json,
///     move |hooks| hooks.connect(call),
///     move |answer: Answer<ConnectGrant>| {
///         // Into the shard's inbox, where room was reserved.
/// #       drop(answer);
///     },
/// );
/// # }
/// ```
pub fn ask<T, C, A>(runtime: &Handle, hooks: &Arc<dyn Hooks>, encoding: Encoding, call: C, complete: A)
where
    T: Grant + Send + 'static,
    C: for<'h> FnOnce(&'h dyn Hooks) -> Answering<'h, T> + Send + 'static,
    A: FnOnce(Answer<T>) + Send + 'static,
{
    let hooks = Arc::clone(hooks);
    let completion = Completion::new(complete);
    runtime.spawn(async move {
        let answer = within(hooks.limit(), call(&*hooks)).await;
        completion.complete(answer.map(|grant| grant.embedded(encoding)));
    });
}

async fn within<T>(limit: Duration, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        tracing::warn!(?limit, "a hook is not done in time: error 100");
        Answer::INTERNAL
    })
}

/// Completes when it is dropped, if it has not before: by a panic, or with the runtime.
pub(crate) struct Completion<T>(Option<Box<dyn FnOnce(Answer<T>) + Send>>);

impl<T> Completion<T> {
    pub(crate) fn new(complete: impl FnOnce(Answer<T>) + Send + 'static) -> Self {
        Self(Some(Box::new(complete)))
    }

    pub(crate) fn complete(mut self, answer: Answer<T>) {
        if let Some(complete) = self.0.take() {
            complete(answer);
        }
    }
}

impl<T> Drop for Completion<T> {
    fn drop(&mut self) {
        if let Some(complete) = self.0.take() {
            tracing::warn!("a question to the back end was not done: error 100");
            complete(Answer::INTERNAL);
        }
    }
}
