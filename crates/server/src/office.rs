//! The back office: whatever must wait, on tokio. A shard asks with room for the answer reserved in its inbox, and the answer
//! always comes.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use wavecast_hub::ShardId;
use wavecast_net::shard::{ConnectionId, Remote};
use wavecast_protocol::centrifuge::Encoding;

use crate::hooks::{self, Answer, Answering, Completion, EventQueue, Grant, Hook, HookFailures, Hooks};
use crate::metrics::Metrics;
use crate::session::{Answered, Question, Ticket, TokenKind, Verifiers};
use crate::shard_event::{OfficeAnswer, ShardEvent};
use crate::token::KeyId;

/// Who answers questions, and where to.
pub(crate) struct Office {
    /// They may hold the node, which holds this: the server takes them out when it ends.
    hooks: RwLock<Option<Arc<dyn Hooks>>>,
    verifiers: RwLock<Verifiers>,
    inboxes: Vec<Remote<ShardEvent>>,
    metrics: Arc<Metrics>,
    /// Set when the server starts; before that nobody can be asked.
    running: OnceLock<Running>,
    /// Questions that a test answers, in any order.
    #[cfg(test)]
    script: OnceLock<std::sync::Mutex<Vec<Asked>>>,
}

/// A question, and who waits for its answer.
#[cfg(test)]
pub(crate) struct Asked {
    pub(crate) question: Question,
    pub(crate) answer: Box<dyn FnOnce(Answered) + Send>,
}

struct Running {
    runtime: Handle,
    events: Option<EventQueue>,
}

impl Office {
    pub(crate) fn new(verifiers: Verifiers, inboxes: Vec<Remote<ShardEvent>>, metrics: Arc<Metrics>) -> Self {
        Self {
            hooks: RwLock::default(),
            verifiers: RwLock::new(verifiers),
            inboxes,
            metrics,
            running: OnceLock::new(),
            #[cfg(test)]
            script: OnceLock::new(),
        }
    }

    /// The questions that have come since the last call. From the first call on nobody else answers them.
    #[cfg(test)]
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.script.get_or_init(std::sync::Mutex::default).lock().unwrap())
    }

    /// Who answers from now on.
    pub(crate) fn take_hooks(&self, hooks: Arc<dyn Hooks>) {
        *self.hooks.write().unwrap_or_else(PoisonError::into_inner) = Some(hooks);
    }

    /// These fetch keys from now on.
    pub(crate) fn take_verifiers(&self, verifiers: Verifiers) {
        *self.verifiers.write().unwrap_or_else(PoisonError::into_inner) = verifiers;
    }

    /// Nobody answers any more, and those who did are let go.
    pub(crate) fn close(&self) {
        let hooks = self.hooks.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(hooks);
    }

    /// Questions may come from now on.
    pub(crate) fn open(&self, runtime: Handle, events: Option<EventQueue>) {
        self.running.set(Running { runtime, events }).ok();
    }

    /// Calls of hooks that brought no answer that counts.
    pub(crate) fn failures(&self) -> Vec<HookFailures> {
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner).clone();
        hooks.map(|hooks| hooks.failures()).unwrap_or_default()
    }

    /// The queue of what the back end is told.
    pub(crate) fn events(&self) -> Option<&EventQueue> {
        self.running.get()?.events.as_ref()
    }

    /// Asks on behalf of a session.
    ///
    /// # Errors
    /// The question, which is not asked, when there is no room for the answer.
    pub(crate) fn ask(
        &self,
        shard: ShardId,
        connection: ConnectionId,
        ticket: Ticket,
        question: Question,
    ) -> Result<(), Box<Question>> {
        if !self.is_open() {
            return Err(Box::new(question));
        }
        let inbox = &self.inboxes[usize::from(shard.0)];
        if !inbox.reserve() {
            return Err(Box::new(question));
        }
        let inbox = inbox.clone();
        let answer = move |answered| {
            let answer = OfficeAnswer { connection, ticket, answered };
            inbox.push_reserved(ShardEvent::Answered(Box::new(answer)));
            inbox.wake();
        };
        #[cfg(test)]
        if let Some(script) = self.script.get() {
            script.lock().unwrap().push(Asked { question, answer: Box::new(answer) });
            return Ok(());
        }
        if let Some(Running { runtime, .. }) = self.running.get() {
            self.put(runtime, question, answer);
        }
        Ok(())
    }

    /// Asks on behalf of somebody who waits on the runtime. `None` if nobody can be asked.
    pub(crate) async fn answer(&self, question: Question) -> Option<Answered> {
        let Running { runtime, .. } = self.running.get()?;
        let (sender, answered) = oneshot::channel();
        // Who has gone away meanwhile wants no answer.
        self.put(runtime, question, move |answered| drop(sender.send(answered)));
        answered.await.ok()
    }

    /// Whether somebody answers questions.
    fn is_open(&self) -> bool {
        #[cfg(test)]
        if self.script.get().is_some() {
            return true;
        }
        self.running.get().is_some()
    }

    fn put(&self, runtime: &Handle, question: Question, answer: impl FnOnce(Answered) + Send + 'static) {
        let hooks = self.hooks.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(hooks) = &hooks else {
            return match question {
                Question::Key { kind, key, .. } => self.fetch(runtime, kind, key, answer),
                question => answer(question.not_handled()),
            };
        };
        let asking = Asking { runtime, hooks, metrics: &self.metrics };
        match question {
            Question::Key { kind, key, .. } => self.fetch(runtime, kind, key, answer),
            Question::Connect { call, draft } => {
                let done = |a| answer(Answered::Connect(a, draft));
                asking.ask(Hook::Connect, call.caller.encoding, move |h| h.connect(call), done);
            }
            Question::Subscribe { call, draft } => {
                let done = |a| answer(Answered::Subscribe(a, draft));
                asking.ask(Hook::Subscribe, call.caller.encoding, move |h| h.subscribe(call), done);
            }
            Question::Publish { call, draft } => {
                let done = |a| answer(Answered::Publish(a, draft));
                asking.ask(Hook::Publish, call.caller.encoding, move |h| h.publish(call), done);
            }
            Question::Rpc { id, call } => {
                let done = move |a| answer(Answered::Rpc(a, id));
                asking.ask(Hook::Rpc, call.caller.encoding, move |h| h.rpc(call), done);
            }
            Question::Refresh { call } => {
                let done = |a| answer(Answered::Refresh(a));
                asking.ask(Hook::Refresh, call.caller.encoding, move |h| h.refresh(call), done);
            }
            Question::SubRefresh { call } => {
                let channel = call.channel.clone();
                let done = move |a| answer(Answered::SubRefresh(a, channel));
                asking.ask(Hook::SubRefresh, call.caller.encoding, move |h| h.sub_refresh(call), done);
            }
        }
    }

    /// Fetches a key, and answers when it is there, or known not to be.
    fn fetch(
        &self,
        runtime: &Handle,
        kind: TokenKind,
        key: KeyId,
        answer: impl FnOnce(Answered) + Send + 'static,
    ) {
        let verifier = {
            let verifiers = self.verifiers.read().unwrap_or_else(PoisonError::into_inner);
            match kind {
                TokenKind::Connection => verifiers.connection.clone(),
                TokenKind::Subscription => verifiers.subscription.clone(),
            }
        };
        // Whatever ends the task, the session gets its answer: else it would wait for ever.
        let completion = Completion::new(move |_| answer(Answered::Key));
        runtime.spawn(async move {
            if let Some(verifier) = verifier {
                verifier.fetch_key(&key).await;
            }
            completion.complete(Answer::Ok(()));
        });
    }
}

/// Who is asked, where, and who keeps count.
struct Asking<'o> {
    runtime: &'o Handle,
    hooks: &'o Arc<dyn Hooks>,
    metrics: &'o Arc<Metrics>,
}

impl Asking<'_> {
    /// Asks a hook; what comes of it is counted before it goes on to who asked.
    fn ask<T, C, D>(&self, hook: Hook, encoding: Encoding, call: C, done: D)
    where
        T: Grant + Send + 'static,
        C: for<'h> FnOnce(&'h dyn Hooks) -> Answering<'h, T> + Send + 'static,
        D: FnOnce(Answer<T>) + Send + 'static,
    {
        let (metrics, began) = (Arc::clone(self.metrics), Instant::now());
        hooks::ask(self.runtime, self.hooks, encoding, call, move |answer| {
            metrics.hooks.note(hook, &answer, began.elapsed());
            done(answer);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Token;
    use crate::token::{Refusal, TokenLimits, Verifier};
    use std::sync::mpsc;

    #[test]
    fn a_key_that_nobody_fetches_any_more_is_answered_all_the_same() {
        let metrics = Arc::new(Metrics::new(0, []));
        let office = Office::new(Verifiers::default(), Vec::new(), metrics);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (sender, answers) = mpsc::channel();
        let settings = Token { jwks_public_endpoint: "http://127.0.0.1:9/keys".into(), ..Token::default() };
        let verifier = Verifier::new(&settings, TokenLimits::default()).unwrap();
        // {"alg":"EdDSA","kid":"1"}, {} and no signature.
        let Err(Refusal::KeyWanted(key)) =
            verifier.verify_connection("eyJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.AAAA", 0)
        else {
            panic!("no key is known yet");
        };
        let question = Question::Key { id: 1, kind: TokenKind::Connection, key, channel: None };
        office.put(runtime.handle(), question, move |answered| sender.send(answered).unwrap());
        assert!(answers.try_recv().is_err(), "nothing has run");
        drop(runtime);
        assert!(matches!(answers.try_recv(), Ok(Answered::Key)));
    }
}
