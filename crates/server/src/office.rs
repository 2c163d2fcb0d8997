//! The back office: whatever must wait, on tokio. A shard asks with room for the answer reserved in its inbox, and the answer
//! always comes.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use wavecast_hub::ShardId;
use wavecast_net::shard::{ConnectionId, Remote};

use crate::hooks::{self, EventQueue, Hooks};
use crate::session::{Answered, Question, Ticket, TokenKind, Verifiers};
use crate::shard_event::{OfficeAnswer, ShardEvent};

/// Who answers questions, and where to.
pub(crate) struct Office {
    hooks: Option<Arc<dyn Hooks>>,
    verifiers: Verifiers,
    inboxes: Vec<Remote<ShardEvent>>,
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
    pub(crate) fn new(
        hooks: Option<Arc<dyn Hooks>>,
        verifiers: Verifiers,
        inboxes: Vec<Remote<ShardEvent>>,
    ) -> Self {
        Self {
            hooks,
            verifiers,
            inboxes,
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

    /// Questions may come from now on.
    pub(crate) fn open(&self, runtime: Handle, events: Option<EventQueue>) {
        self.running.set(Running { runtime, events }).ok();
    }

    /// The queue of what the back end is told.
    pub(crate) fn events(&self) -> Option<&EventQueue> {
        self.running.get()?.events.as_ref()
    }

    /// Asks on behalf of a session; `false`, and nothing asked, when there is no room for the answer.
    pub(crate) fn ask(
        &self,
        shard: ShardId,
        connection: ConnectionId,
        ticket: Ticket,
        question: Question,
    ) -> bool {
        if !self.is_open() {
            return false;
        }
        let inbox = &self.inboxes[usize::from(shard.0)];
        if !inbox.reserve() {
            return false;
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
            return true;
        }
        if let Some(Running { runtime, .. }) = self.running.get() {
            self.put(runtime, question, answer);
        }
        true
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
        let question = match question {
            Question::Key(kind, key) => {
                let verifier = match kind {
                    TokenKind::Connection => self.verifiers.connection.clone(),
                    TokenKind::Subscription => self.verifiers.subscription.clone(),
                };
                runtime.spawn(async move {
                    if let Some(verifier) = verifier {
                        verifier.fetch_key(&key).await;
                    }
                    answer(Answered::Key);
                });
                return;
            }
            question => question,
        };
        let Some(hooks) = &self.hooks else {
            return answer(question.not_handled());
        };
        match question {
            Question::Key(..) => {}
            Question::Connect { call, draft } => {
                let encoding = call.caller.encoding;
                let done = |a| answer(Answered::Connect(a, draft));
                hooks::ask(runtime, hooks, encoding, move |h| h.connect(call), done);
            }
            Question::Subscribe { call, draft } => {
                let encoding = call.caller.encoding;
                let done = |a| answer(Answered::Subscribe(a, draft));
                hooks::ask(runtime, hooks, encoding, move |h| h.subscribe(call), done);
            }
            Question::Publish { call, draft } => {
                let encoding = call.caller.encoding;
                let done = |a| answer(Answered::Publish(a, draft));
                hooks::ask(runtime, hooks, encoding, move |h| h.publish(call), done);
            }
            Question::Rpc { id, call } => {
                let encoding = call.caller.encoding;
                let done = move |a| answer(Answered::Rpc(a, id));
                hooks::ask(runtime, hooks, encoding, move |h| h.rpc(call), done);
            }
            Question::Refresh { call } => {
                let encoding = call.caller.encoding;
                let done = |a| answer(Answered::Refresh(a));
                hooks::ask(runtime, hooks, encoding, move |h| h.refresh(call), done);
            }
            Question::SubRefresh { call } => {
                let (encoding, channel) = (call.caller.encoding, call.channel.clone());
                let done = move |a| answer(Answered::SubRefresh(a, channel));
                hooks::ask(runtime, hooks, encoding, move |h| h.sub_refresh(call), done);
            }
        }
    }
}
