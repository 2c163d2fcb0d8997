//! A model for what one reader is told, whatever happens to server and connection.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;

use super::*;

/// Publications that the server still has.
const HISTORY: u64 = 4;

#[derive(Debug, Clone)]
enum Step {
    Publish,
    /// The server takes a publication and never sends it.
    Lose,
    Subscribe,
    Cut,
    /// The server begins anew.
    Restart,
    /// The reader makes room for so many events.
    Room(usize),
}

/// A server and a reader whose log is checked as it grows.
#[derive(Default)]
struct Model {
    epoch: u32,
    top: u64,
    is_live: bool,
    room: Cell<usize>,
    reader: RefCell<Reader>,
}

#[derive(Default)]
struct Reader {
    /// Where the reader stands, by its own count.
    position: Option<(String, u64)>,
    /// What the last event said to be the top, without saying that all up to there follows.
    jump: Option<(String, u64)>,
}

impl Reader {
    fn settle(&mut self) {
        if let Some(jump) = self.jump.take() {
            assert!(self.position.as_ref().is_none_or(|known| *known == jump), "a jump without a gap");
            self.position = Some(jump);
        }
    }

    fn hear(&mut self, event: SubscriptionEvent) {
        let pair = |position: StreamPosition| (position.epoch, position.offset);
        match event {
            SubscriptionEvent::Gap(gap) => {
                assert_eq!(gap.from.map(pair), self.position, "where the gap begins");
                self.position = gap.to.map(pair);
                assert_eq!(self.jump.take(), self.position, "where the gap ends");
            }
            // Where the queue was full behind it, the next one counts, and what follows that.
            SubscriptionEvent::Subscribed { recovered, position, .. } => {
                self.jump = position.map(pair).filter(|_| !recovered);
            }
            SubscriptionEvent::Publication(publication) => {
                self.settle();
                let known = self.position.as_mut().expect("a position");
                assert_eq!(publication.offset, known.1 + 1, "no loss, no repetition");
                known.1 += 1;
            }
            _ => {}
        }
    }
}

impl Model {
    fn tell(&self, event: SubscriptionEvent) -> bool {
        let room = self.room.get();
        self.room.set(room.saturating_sub(1));
        if room > 0 {
            self.reader.borrow_mut().hear(event);
        }
        room > 0
    }

    fn publication(offset: u64) -> centrifuge::Publication<'static> {
        centrifuge::Publication { offset, ..centrifuge::Publication::default() }
    }

    fn result(&self, since: Option<&StreamPosition>) -> SubscribeResult<'static> {
        let epoch = self.epoch.to_string();
        let recovered = since
            .filter(|since| since.epoch == epoch && since.offset + HISTORY >= self.top)
            .map(|since| (since.offset + 1..=self.top).map(Self::publication).collect());
        SubscribeResult {
            recoverable: true,
            epoch: epoch.into(),
            offset: self.top,
            recovered: recovered.is_some(),
            publications: recovered.unwrap_or_default(),
            ..SubscribeResult::default()
        }
    }

    fn end(&mut self, stream: &mut Stream) {
        if std::mem::replace(&mut self.is_live, false) {
            stream.interrupted(&Cause::new(1, "cut"), &|event| self.tell(event));
        }
    }

    fn take(&mut self, stream: &mut Stream, step: &Step) {
        match step {
            Step::Room(events) => self.room.set(*events),
            Step::Lose => self.top += 1,
            Step::Cut => self.end(stream),
            Step::Restart => {
                (self.epoch, self.top) = (self.epoch + 1, 0);
                self.end(stream);
            }
            Step::Publish => {
                self.top += 1;
                if self.is_live {
                    let taken = stream.published(&Self::publication(self.top), &|event| self.tell(event));
                    self.settle(stream, taken);
                }
            }
            Step::Subscribe if !self.is_live => {
                let result = self.result(stream.since());
                let taken = stream.accepted(&result, &|event| self.tell(event));
                self.is_live = true;
                self.settle(stream, taken);
                if self.is_live {
                    self.reader.borrow_mut().settle();
                    let expected = Some((self.epoch.to_string(), self.top));
                    assert_eq!(self.reader.borrow().position, expected, "all is told");
                }
            }
            Step::Subscribe => {}
        }
    }

    fn settle(&mut self, stream: &mut Stream, taken: Taken) {
        match taken {
            Taken::Told => {}
            Taken::Full => {
                self.is_live = false;
                stream.fell_behind();
            }
            Taken::Broken => self.end(stream),
        }
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Publish),
        1 => Just(Step::Lose),
        4 => Just(Step::Subscribe),
        2 => Just(Step::Cut),
        1 => Just(Step::Restart),
        4 => (0..12_usize).prop_map(Step::Room),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// Whatever is cut, lost, restarted or too slow: what is told has no hole without a gap, and
    /// nothing twice.
    #[test]
    fn what_is_told_is_whole_or_has_a_gap(steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model { room: Cell::new(20), ..Model::default() };
        let mut stream = Stream::new("a".into(), None, false, Deltas::none());
        for step in &steps {
            model.take(&mut stream, step);
        }
    }
}
