//! Which demo a hook is for: by the namespace of the channel, or by what the method begins with.

use std::sync::Arc;
use std::time::Duration;

use wavecast_server::hooks::{
    Answer, Answering, ConnectCall, ConnectGrant, Delivering, Event, HeaderNames, Hooks, PublishCall,
    PublishGrant, RefreshCall, RefreshGrant, RpcCall, RpcGrant, SubRefreshCall, SubRefreshGrant,
    SubscribeCall, SubscribeGrant, Undelivered, Wants, What,
};

/// The demos, each with the names that it owns.
#[derive(Default)]
pub(super) struct Dispatch {
    demos: Vec<(&'static [&'static str], Arc<dyn Hooks>)>,
}

impl Dispatch {
    pub(super) fn add(&mut self, owns: &'static [&'static str], hooks: Arc<dyn Hooks>) {
        self.demos.push((owns, hooks));
    }

    fn owner(&self, name: &str) -> Option<&dyn Hooks> {
        self.demos.iter().find(|(owns, _)| owns.contains(&name)).map(|(_, hooks)| &**hooks)
    }

    fn by_channel(&self, channel: &str) -> Option<&dyn Hooks> {
        self.owner(channel.split_once(':')?.0)
    }

    fn by_method(&self, method: &str) -> Option<&dyn Hooks> {
        self.owner(method.split_once('.')?.0)
    }

    /// Those whom an event concerns: one for a channel's, all for a connection's.
    fn concerned<'h>(&'h self, event: &'h Event) -> impl Iterator<Item = &'h dyn Hooks> {
        let channel = match &event.what {
            What::Disconnected(_) => None,
            What::Unsubscribed(what) => Some(&what.channel),
            What::Occupied(channel) | What::Vacated(channel) => Some(channel),
        };
        let namespace = channel.map(|channel| channel.split(':').next().unwrap_or_default());
        let is_concerned = move |owns: &[&str]| namespace.is_none_or(|namespace| owns.contains(&namespace));
        let hooks = self.demos.iter().filter(move |(owns, _)| is_concerned(owns)).map(|(_, hooks)| &**hooks);
        hooks.filter(|hooks| hooks.wants().has(event.hook()))
    }
}

fn nobody<'h, T: Send + 'h>() -> Answering<'h, T> {
    Box::pin(async { Answer::NotHandled })
}

impl Hooks for Dispatch {
    fn wants(&self) -> Wants {
        self.demos.iter().fold(Wants::NOTHING, |all, (_, hooks)| all.or(hooks.wants()))
    }

    fn headers(&self) -> HeaderNames {
        self.demos.iter().fold(HeaderNames::default(), |names, (_, hooks)| names.and(&hooks.headers()))
    }

    fn limit(&self) -> Duration {
        self.demos.iter().map(|(_, hooks)| hooks.limit()).max().unwrap_or_default()
    }

    /// No demo decides over connections: visitors are anonymous, or have a token of their demo's login.
    fn connect(&self, _call: ConnectCall) -> Answering<'_, ConnectGrant> {
        nobody()
    }

    fn refresh(&self, _call: RefreshCall) -> Answering<'_, RefreshGrant> {
        nobody()
    }

    fn subscribe(&self, call: SubscribeCall) -> Answering<'_, SubscribeGrant> {
        self.by_channel(&call.channel).map_or_else(nobody, |hooks| hooks.subscribe(call))
    }

    fn sub_refresh(&self, call: SubRefreshCall) -> Answering<'_, SubRefreshGrant> {
        self.by_channel(&call.channel).map_or_else(nobody, |hooks| hooks.sub_refresh(call))
    }

    fn publish(&self, call: PublishCall) -> Answering<'_, PublishGrant> {
        self.by_channel(&call.channel).map_or_else(nobody, |hooks| hooks.publish(call))
    }

    fn rpc(&self, call: RpcCall) -> Answering<'_, RpcGrant> {
        self.by_method(&call.method).map_or_else(nobody, |hooks| hooks.rpc(call))
    }

    fn deliver<'h>(&'h self, events: &'h [Event]) -> Delivering<'h> {
        Box::pin(async move {
            for (delivered, event) in events.iter().enumerate() {
                for hooks in self.concerned(event) {
                    let told = hooks.deliver(std::slice::from_ref(event)).await;
                    told.map_err(|undelivered| Undelivered { delivered, ..undelivered })?;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use wavecast_server::hooks::{Disconnected, Handlers, Hook, Unsubscribed};

    /// Answers with its name, and remembers what it was told.
    #[derive(Default)]
    struct Named(&'static str, Mutex<Vec<String>>);

    impl Handlers for Named {
        fn wants(&self) -> Wants {
            Wants::NOTHING.and(Hook::Rpc).and(Hook::Publish).and(Hook::Disconnected).and(Hook::Unsubscribed)
        }

        async fn publish(&self, _call: PublishCall) -> Answer<PublishGrant> {
            Answer::Ok(PublishGrant { data: Some(self.0.as_bytes().into()), ..PublishGrant::default() })
        }

        async fn rpc(&self, _call: RpcCall) -> Answer<RpcGrant> {
            Answer::Ok(RpcGrant { data: Some(self.0.as_bytes().into()) })
        }

        async fn disconnected(&self, _event: &Event, what: &Disconnected) -> Result<(), String> {
            self.1.lock().unwrap().push(what.client.to_string());
            Ok(())
        }

        async fn unsubscribed(&self, _event: &Event, what: &Unsubscribed) -> Result<(), String> {
            self.1.lock().unwrap().push(what.channel.to_string());
            Ok(())
        }
    }

    fn two() -> (Dispatch, [Arc<Named>; 2]) {
        let named = [Arc::new(Named("chat", Mutex::default())), Arc::new(Named("board", Mutex::default()))];
        let mut dispatch = Dispatch::default();
        dispatch.add(&["chat"], Arc::clone(&named[0]) as Arc<dyn Hooks>);
        dispatch.add(&["market", "monitoring"], Arc::clone(&named[1]) as Arc<dyn Hooks>);
        (dispatch, named)
    }

    #[tokio::test]
    async fn a_call_comes_to_the_demo_that_owns_the_name() {
        let (dispatch, _) = two();
        for (method, answered) in [
            ("chat.login", Some("chat")),
            ("monitoring.relay", Some("board")),
            ("chat", None),
            ("other.login", None),
        ] {
            let answer = dispatch.rpc(RpcCall { method: method.into(), ..RpcCall::default() }).await;
            let expected = answered.map_or(Answer::NotHandled, |name: &str| {
                Answer::Ok(RpcGrant { data: Some(name.as_bytes().into()) })
            });
            assert_eq!(answer, expected, "{method}");
        }
        for (channel, handled) in
            [("market:all", true), ("chat:a:b", true), ("chat", false), ("news:a", false)]
        {
            let answer =
                dispatch.publish(PublishCall { channel: channel.into(), ..PublishCall::default() }).await;
            assert_eq!(answer != Answer::NotHandled, handled, "{channel}");
        }
    }

    #[tokio::test]
    async fn events_of_a_connection_come_to_all_and_those_of_a_channel_to_its_demo() {
        let (dispatch, [chat, board]) = two();
        let gone = Disconnected { client: "c1".into(), ..Disconnected::default() };
        let left = |channel: &str| Unsubscribed { channel: channel.into(), ..Unsubscribed::default() };
        let told = dispatch.deliver(&[Event::disconnected(3, 0, gone)]).await;
        assert!(told.is_ok());
        let events = [
            Event::unsubscribed(1, 0, left("chat:a")),
            Event::unsubscribed(2, 0, left("news")),
            Event::unsubscribed(3, 0, left("market:b")),
        ];
        assert!(dispatch.deliver(&events).await.is_ok());
        assert_eq!(*chat.1.lock().unwrap(), ["c1", "chat:a"]);
        assert_eq!(*board.1.lock().unwrap(), ["c1", "market:b"]);
    }
}
