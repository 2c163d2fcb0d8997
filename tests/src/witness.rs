//! A healthy subscriber and publisher that go on while somebody else misbehaves, and notice if they are disturbed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::visitor::{Heard, Visitor};

/// The channel they talk on.
const CHANNEL: &str = "witness";
/// One publication in this time: often enough to be under way whenever somebody misbehaves.
const PACE: Duration = Duration::from_millis(2);
/// So many at least, however short the test.
const PUBLICATIONS_MIN: u64 = 50;
/// A publication that takes longer is a disturbance: well above what two busy cores explain, well below any time-out.
const DELAY_MAX: Duration = Duration::from_secs(4);

/// A pair of clients at work until [`Witness::finish`].
pub struct Witness {
    stop: Arc<AtomicBool>,
    work: JoinHandle<Testimony>,
}

/// What they saw.
#[derive(Debug, Clone, Copy)]
pub struct Testimony {
    /// Publications sent and received, all in order.
    pub publications: u64,
    /// The longest time from sending to receiving.
    pub delay_max: Duration,
}

impl Witness {
    /// Connects both and starts publishing.
    ///
    /// # Panics
    /// If connecting or subscribing fails.
    #[must_use]
    pub fn start(server: SocketAddr) -> Self {
        let mut subscriber = Visitor::session(server);
        subscriber.send_text(&format!(r#"{{"id":2,"subscribe":{{"channel":"{CHANNEL}"}}}}"#));
        let reply = subscriber.reply(2, DELAY_MAX);
        assert!(reply["subscribe"].is_object(), "the witness cannot subscribe: {reply}");
        let publisher = Visitor::session(server);
        let stop = Arc::new(AtomicBool::new(false));
        let work = thread::spawn({
            let stop = Arc::clone(&stop);
            move || watch(publisher, subscriber, &stop)
        });
        Self { stop, work }
    }

    /// Stops them and tells what they saw.
    ///
    /// # Panics
    /// If a publication was lost, late, twice or out of order, or a connection ended.
    #[must_use]
    pub fn finish(self) -> Testimony {
        self.stop.store(true, Ordering::Relaxed);
        self.work.join().expect("the witness was disturbed, see above")
    }
}

/// Publishes and waits for the publication, over and over: order, loss and doubles show at once.
fn watch(mut publisher: Visitor, mut subscriber: Visitor, stop: &AtomicBool) -> Testimony {
    let mut seen = Testimony { publications: 0, delay_max: Duration::ZERO };
    while !stop.load(Ordering::Relaxed) || seen.publications < PUBLICATIONS_MIN {
        let number = seen.publications;
        let start = Instant::now();
        let id = number + 2;
        publisher.send_text(&format!(r#"{{"id":{id},"publish":{{"channel":"{CHANNEL}","data":{number}}}}}"#));
        let reply = publisher.reply(id, DELAY_MAX);
        assert!(reply["publish"].is_object(), "the witness cannot publish: {reply}");
        assert_eq!(next_number(&mut subscriber), number, "publications in order, none lost, none twice");
        seen.publications += 1;
        seen.delay_max = seen.delay_max.max(start.elapsed());
        thread::sleep(PACE);
    }
    seen
}

fn next_number(subscriber: &mut Visitor) -> u64 {
    let end = Instant::now() + DELAY_MAX;
    loop {
        match subscriber.next(end.saturating_duration_since(Instant::now())) {
            Heard::Text(text) if text.trim() == "{}" => subscriber.send_text("{}"),
            Heard::Text(text) => {
                let push: Value = serde_json::from_str(text.trim()).expect("one push a publication");
                assert_eq!(push["push"]["channel"], CHANNEL);
                return push["push"]["pub"]["data"].as_u64().expect("the number that was published");
            }
            Heard::Frame(..) => {}
            ended => panic!("the witness was cut off: {ended:?}"),
        }
    }
}
