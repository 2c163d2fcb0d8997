//! Handlers that write down what they are told, and events to tell them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};
use wavecast_server::hooks::{
    Disconnected, Event, EventQueue, EventSettings, Handlers, Hook, Unsubscribed, Wants, What,
};

pub(crate) const ALL: [Hook; 3] = [Hook::Disconnected, Hook::Unsubscribed, Hook::Occupancy];

/// Writes down what it is told, and when; refuses, delays or panics as it is told to.
pub(crate) struct Recorder {
    seen: Mutex<Vec<(Instant, Event)>>,
    say: Box<dyn Fn(&Event) -> Say + Send + Sync>,
    pub(crate) under_way: Mutex<(usize, usize)>,
}

pub(crate) enum Say {
    Yes,
    After(Duration),
    No,
    Panic,
}

impl Recorder {
    pub(crate) fn new(say: impl Fn(&Event) -> Say + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), say: Box::new(say), under_way: Mutex::default() })
    }

    pub(crate) async fn told(&self, event: &Event) -> Result<(), String> {
        {
            let mut under_way = self.under_way.lock().unwrap();
            under_way.0 += 1;
            under_way.1 = under_way.1.max(under_way.0);
        }
        let said = (self.say)(event);
        if let Say::After(pause) = said {
            sleep(pause).await;
        }
        self.under_way.lock().unwrap().0 -= 1;
        match said {
            Say::Yes | Say::After(_) => {
                self.seen.lock().unwrap().push((Instant::now(), event.clone()));
                Ok(())
            }
            Say::No => Err("not now".into()),
            Say::Panic => panic!("a handler that panics"),
        }
    }

    pub(crate) fn seen(&self) -> Vec<Event> {
        self.seen.lock().unwrap().iter().map(|(_, event)| event.clone()).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let name = |event: &Event| match &event.what {
            What::Occupied(channel) => format!("+{channel}"),
            What::Vacated(channel) => format!("-{channel}"),
            What::Disconnected(end) => format!("disconnected {}", end.client),
            What::Unsubscribed(end) => format!("unsubscribed {}", end.client),
        };
        self.seen().iter().map(name).collect()
    }
}

pub(crate) struct Told(Arc<Recorder>);

impl Handlers for Told {
    fn wants(&self) -> Wants {
        ALL.into_iter().collect()
    }

    async fn disconnected(&self, event: &Event, _: &Disconnected) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn unsubscribed(&self, event: &Event, _: &Unsubscribed) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn occupied(&self, event: &Event, _: &str) -> Result<(), String> {
        self.0.told(event).await
    }

    async fn vacated(&self, event: &Event, _: &str) -> Result<(), String> {
        self.0.told(event).await
    }
}

pub(crate) fn queue(recorder: &Arc<Recorder>, settings: &EventSettings) -> EventQueue {
    EventQueue::start(&Handle::current(), Arc::new(Told(Arc::clone(recorder))), settings, 1)
}

pub(crate) fn unsubscribed(client: &str, sequence: u64) -> Event {
    let channel = format!("channel-{sequence}").as_str().into();
    Event::unsubscribed(
        sequence,
        1,
        Unsubscribed { client: client.into(), channel, ..Unsubscribed::default() },
    )
}

pub(crate) fn disconnected(client: &str, sequence: u64) -> Event {
    Event::disconnected(sequence, 1, Disconnected { client: client.into(), ..Disconnected::default() })
}

pub(crate) fn occupied(channel: &str) -> Event {
    Event::occupied(channel.into(), 1)
}

pub(crate) fn vacated(channel: &str) -> Event {
    Event::vacated(channel.into(), 1)
}

/// Randomness from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

pub(crate) async fn emptied(queue: &EventQueue) {
    for _ in 0..100_000 {
        if queue.counts().waiting == 0 {
            return;
        }
        sleep(Duration::from_millis(50)).await;
    }
    panic!("it does not become empty: {queue:?}");
}
