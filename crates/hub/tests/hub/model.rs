//! Random sequences of everything that can happen to a channel, against a model that keeps all and forgets nothing.
//!
//! Two things are checked. Each answer to "what did I miss?" is the model's: recovered whenever nothing is missing and
//! it is within the limit, a gap otherwise. And subscribers on several shards, who drain their inboxes late, leave and
//! come back with the position they had reached, never see a publication twice, out of order or not at all.

use crate::inboxes::{Inboxes, Message};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use wavecast_hub::{
    ChannelOptions, HistoryError, HistoryQuery, Hub, HubLimits, JoinQuery, Joined, Publish, PublishError,
    Published, Recovery, ShardId, Since, StreamPosition,
};

const CHANNELS: [&str; 3] = ["short", "long", "uncounted"];
const SHARDS: u16 = 3;
/// Asks and leaves at once; holds no subscriber.
const ASKER: ShardId = ShardId(SHARDS);
const ROOM: usize = 5;
const TTL_MS: u64 = 100;
const META_TTL_MS: u64 = 250;

#[derive(Debug, Clone)]
enum Step {
    Publish { channel: usize, skip_history: bool },
    Join { channel: usize, shard: u16, publications_max: usize },
    Leave { channel: usize, shard: u16 },
    Drain { shard: u16, messages: usize },
    Ask { channel: usize, behind: i64, epoch: AskedEpoch, publications_max: usize },
    Page { channel: usize, behind: Option<i64>, limit: i32, reverse: bool },
    RemoveHistory { channel: usize },
    Pass { ms: u64 },
    Expire,
}

#[derive(Debug, Clone, Copy)]
enum AskedEpoch {
    Current,
    Waived,
    Foreign,
}

fn step() -> impl Strategy<Value = Step> {
    let channel = 0..CHANNELS.len();
    let epoch = prop_oneof![
        6 => Just(AskedEpoch::Current),
        1 => Just(AskedEpoch::Waived),
        1 => Just(AskedEpoch::Foreign),
    ];
    prop_oneof![
        12 => (channel.clone(), prop::bool::weighted(0.1))
            .prop_map(|(channel, skip_history)| Step::Publish { channel, skip_history }),
        4 => (channel.clone(), 0..SHARDS, 0..6usize)
            .prop_map(|(channel, shard, publications_max)| Step::Join { channel, shard, publications_max }),
        3 => (channel.clone(), 0..SHARDS).prop_map(|(channel, shard)| Step::Leave { channel, shard }),
        6 => (0..SHARDS, 1..8usize).prop_map(|(shard, messages)| Step::Drain { shard, messages }),
        6 => (channel.clone(), -2..8i64, epoch, 0..6usize).prop_map(
            |(channel, behind, epoch, publications_max)| Step::Ask { channel, behind, epoch, publications_max }
        ),
        2 => (channel.clone(), prop::option::of(-2..8i64), -1..4i32, any::<bool>())
            .prop_map(|(channel, behind, limit, reverse)| Step::Page { channel, behind, limit, reverse }),
        1 => channel.prop_map(|channel| Step::RemoveHistory { channel }),
        3 => prop_oneof![0..20u64, 90..110u64, 200..300u64].prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Expire),
    ]
}

/// A channel as the model knows it: every publication of this life, and which of them are held.
#[derive(Default)]
struct ModelChannel {
    options: ChannelOptions,
    epoch: Option<Arc<str>>,
    /// The payload of the publication with offset `index + 1`.
    published: Vec<u64>,
    held: Vec<u64>,
    held_until_ms: u64,
    /// Before this moment the life may not end.
    remembered_until_ms: u64,
}

impl ModelChannel {
    fn top(&self) -> u64 {
        self.published.len() as u64
    }

    /// The hub said where the channel stands, and with that used the position.
    fn stands_at(&mut self, position: &StreamPosition, watched: bool, now_ms: u64) {
        if !self.options.has_stream() {
            assert_eq!(*position, StreamPosition::default());
            return;
        }
        if self.epoch.as_ref() != Some(&position.epoch) {
            let may_forget = self.epoch.is_none() || (!watched && now_ms >= self.remembered_until_ms);
            assert!(may_forget, "the stream was forgotten too early");
            let options = std::mem::take(&mut self.options);
            *self = Self { options, epoch: Some(Arc::clone(&position.epoch)), ..Self::default() };
        }
        assert_eq!(position.offset, self.top());
        self.remembered_until_ms = now_ms + META_TTL_MS;
    }

    fn publish(&mut self, payload: u64, now_ms: u64) {
        if now_ms >= self.held_until_ms {
            self.held.clear();
        }
        self.published.push(payload);
        self.held.push(self.top());
        if self.held.len() > self.options.history_size as usize {
            self.held.remove(0);
        }
        self.held_until_ms = now_ms + TTL_MS;
    }

    fn held(&self, now_ms: u64) -> &[u64] {
        if now_ms < self.held_until_ms { &self.held } else { &[] }
    }

    /// The offsets that were missed, `None` for a gap.
    fn missed(&self, since: Since<'_>, publications_max: usize, now_ms: u64) -> Option<Vec<u64>> {
        let epoch = self.epoch.as_deref()?;
        let missed: Vec<u64> = (1..=self.top()).filter(|&offset| offset > since.offset).collect();
        let recovered = (since.epoch.is_empty() || since.epoch == epoch)
            && since.offset <= self.top()
            && missed.iter().all(|offset| self.held(now_ms).contains(offset))
            && missed.len() <= publications_max;
        recovered.then_some(missed)
    }
}

/// What one shard's subscriber of one channel has seen.
#[derive(Default)]
struct Subscriber {
    joined: bool,
    /// Joins whose answers are still in the inbox; the last one counts.
    answers_due: usize,
    /// The answer to the last join has arrived.
    live: bool,
    reached: Option<StreamPosition>,
}

struct World {
    hub: Hub<Arc<Inboxes>>,
    inboxes: Arc<Inboxes>,
    channels: Vec<ModelChannel>,
    subscribers: BTreeMap<(usize, u16), Subscriber>,
    payloads: u64,
    now_ms: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let inboxes = Inboxes::new(SHARDS + 1, ROOM);
        let options = |history_size| ChannelOptions {
            history_size,
            history_ttl_ms: TTL_MS,
            history_meta_ttl_ms: META_TTL_MS,
            allow_recovery: true,
            ..ChannelOptions::default()
        };
        let all_options = [options(3), options(100), ChannelOptions::default()];
        let channels = all_options.map(|options| ModelChannel { options, ..ModelChannel::default() });
        Self {
            hub: Hub::new(HubLimits { stripes: 2, channels_max: 3 }, seed, Arc::clone(&inboxes)),
            inboxes,
            channels: channels.into(),
            subscribers: BTreeMap::new(),
            payloads: 0,
            now_ms: 1_000_000,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Publish { channel, skip_history } => self.publish(channel, skip_history),
            Step::Join { channel, shard, publications_max } => self.join(channel, shard, publications_max),
            Step::Leave { channel, shard } => self.leave(channel, shard),
            Step::Drain { shard, messages } => self.drain(shard, messages),
            Step::Ask { channel, behind, epoch, publications_max } => {
                self.ask(channel, behind, epoch, publications_max);
            }
            Step::Page { channel, behind, limit, reverse } => self.page(channel, behind, limit, reverse),
            Step::RemoveHistory { channel } => {
                self.hub.remove_history(CHANNELS[channel]);
                self.channels[channel].held.clear();
            }
            Step::Pass { ms } => self.now_ms += ms,
            Step::Expire => _ = self.hub.expire(self.now_ms),
        }
    }

    fn shards_of(&self, channel: usize) -> impl Iterator<Item = ShardId> {
        let of_channel = move |((at, shard), subscriber): (&(usize, u16), &Subscriber)| {
            (*at == channel && subscriber.joined).then_some(ShardId(*shard))
        };
        self.subscribers.iter().filter_map(of_channel)
    }

    fn publish(&mut self, channel: usize, skip_history: bool) {
        self.payloads += 1;
        let data = self.payloads.to_le_bytes().into();
        let publish = Publish { data, skip_history, ..Publish::default() };
        let options = &self.channels[channel].options;
        let published = self.hub.publish(CHANNELS[channel], publish.clone(), options, self.now_ms);
        let full = self.shards_of(channel).find(|&shard| self.inboxes.room(shard) == 0);
        let shards: Vec<ShardId> = self.shards_of(channel).collect();
        match published {
            Err(PublishError::Busy { shard, publish: given_back }) => {
                assert!(
                    shards.contains(&shard) && self.inboxes.room(shard) == 0,
                    "{shard} was not full: {full:?}"
                );
                assert_eq!(given_back, publish);
            }
            Err(PublishError::ChannelLimit) => panic!("there are only {} channels", CHANNELS.len()),
            Ok(published) if skip_history || !options.has_stream() => {
                assert_eq!(published, Published::default());
            }
            Ok(Published { position, .. }) => {
                let before =
                    StreamPosition { offset: position.offset - 1, epoch: Arc::clone(&position.epoch) };
                self.channels[channel].stands_at(&before, !shards.is_empty(), self.now_ms);
                self.channels[channel].publish(self.payloads, self.now_ms);
            }
        }
    }

    /// A subscriber joins, or joins again, from the position that it had reached.
    fn join(&mut self, channel: usize, shard: u16, publications_max: usize) {
        let watched = self.shards_of(channel).next().is_some();
        let subscriber = self.subscribers.entry((channel, shard)).or_default();
        // Until the answer arrives the inbox belongs to the life before.
        subscriber.live = false;
        subscriber.joined = true;
        subscriber.answers_due += 1;
        let reached = subscriber.reached.clone();
        let recover = reached.as_ref().map(StreamPosition::as_since);
        let joined = self.ask_hub(channel, ShardId(shard), recover, publications_max, true);
        self.check(channel, recover, publications_max, watched, &joined);
    }

    fn leave(&mut self, channel: usize, shard: u16) {
        self.hub.leave(CHANNELS[channel], ShardId(shard), self.now_ms);
        let Some(subscriber) = self.subscribers.get_mut(&(channel, shard)) else { return };
        if std::mem::take(&mut subscriber.joined) {
            subscriber.live = false;
            self.channels[channel].remembered_until_ms = self.now_ms + META_TTL_MS;
        }
    }

    /// The session of the shard reads its inbox.
    fn drain(&mut self, shard: u16, messages: usize) {
        for _ in 0..messages {
            match self.inboxes.take(ShardId(shard)) {
                Some(Message::Joined { channel, joined }) => self.answered(shard, &channel, joined),
                Some(Message::Publication(publication)) => {
                    let channel = CHANNELS.iter().position(|name| **name == *publication.channel).unwrap();
                    let payload = u64::from_le_bytes((*publication.data).try_into().unwrap());
                    self.arrived(shard, channel, publication.offset, payload);
                }
                Some(Message::Join(_) | Message::Leave(_)) => panic!("nobody announces anything"),
                None => return,
            }
        }
    }

    fn answered(&mut self, shard: u16, channel: &str, joined: Joined) {
        let channel = CHANNELS.iter().position(|name| *name == channel).unwrap();
        let subscriber = self.subscribers.get_mut(&(channel, shard)).unwrap();
        subscriber.answers_due -= 1;
        if subscriber.answers_due > 0 || !subscriber.joined {
            return;
        }
        if let Recovery::Recovered(missed) = &joined.recovery {
            let reached = subscriber.reached.as_ref().expect("only who was there can recover");
            let given: Vec<u64> = missed.iter().map(|publication| publication.offset).collect();
            assert!(given.iter().copied().eq(reached.offset + 1..=joined.position.offset), "{given:?}");
        }
        subscriber.live = true;
        subscriber.reached = Some(joined.position);
    }

    fn arrived(&mut self, shard: u16, channel: usize, offset: u64, payload: u64) {
        let subscriber = self.subscribers.entry((channel, shard)).or_default();
        let (true, Some(reached)) = (subscriber.live, &mut subscriber.reached) else { return };
        if offset > 0 {
            assert_eq!(offset, reached.offset + 1, "lost, repeated or out of order");
            reached.offset = offset;
            let model = &self.channels[channel];
            if model.epoch.as_ref() == Some(&reached.epoch) {
                assert_eq!(model.published[offset as usize - 1], payload);
            }
        }
    }

    /// Somebody asks from any position, real or not.
    fn ask(&mut self, channel: usize, behind: i64, epoch: AskedEpoch, publications_max: usize) {
        let watched = self.shards_of(channel).next().is_some();
        let current = self.channels[channel].epoch.clone().unwrap_or_default();
        let epoch = match epoch {
            AskedEpoch::Current => &*current,
            AskedEpoch::Waived => "",
            AskedEpoch::Foreign => "foreign",
        };
        let since = Since { offset: self.channels[channel].top().saturating_add_signed(-behind), epoch };
        let joined = self.ask_hub(channel, ASKER, Some(since), publications_max, false);
        self.hub.leave(CHANNELS[channel], ASKER, self.now_ms);
        self.check(channel, Some(since), publications_max, watched, &joined);
    }

    fn ask_hub(
        &self,
        channel: usize,
        shard: ShardId,
        recover: Option<Since<'_>>,
        publications_max: usize,
        into_inbox: bool,
    ) -> Joined {
        let mut answer = None;
        let query = JoinQuery { recover, publications_max, ..JoinQuery::default() };
        let options = &self.channels[channel].options;
        let joined = self.hub.join(CHANNELS[channel], shard, query, options, self.now_ms, |joined| {
            answer = Some(joined.clone());
            if into_inbox {
                self.inboxes.joined(shard, CHANNELS[channel], joined);
            }
        });
        assert_eq!(joined, Ok(()));
        answer.unwrap()
    }

    /// The answer of the hub is that of the model.
    fn check(
        &mut self,
        channel: usize,
        since: Option<Since<'_>>,
        publications_max: usize,
        watched: bool,
        joined: &Joined,
    ) {
        let model = &mut self.channels[channel];
        model.stands_at(&joined.position, watched, self.now_ms);
        let Some(since) = since else {
            assert_eq!(joined.recovery, Recovery::NotAsked);
            return;
        };
        let given: Option<Vec<(u64, u64)>> = match &joined.recovery {
            Recovery::Recovered(missed) => Some(
                missed
                    .iter()
                    .map(|publication| {
                        (publication.offset, u64::from_le_bytes((*publication.data).try_into().unwrap()))
                    })
                    .collect(),
            ),
            Recovery::Gap => None,
            Recovery::NotAsked => panic!("it was asked"),
        };
        let expected = model.missed(since, publications_max, self.now_ms);
        let with_payload = |offset: u64| (offset, model.published[offset as usize - 1]);
        assert_eq!(given, expected.map(|missed| missed.into_iter().map(with_payload).collect()));
    }

    fn page(&mut self, channel: usize, behind: Option<i64>, limit: i32, reverse: bool) {
        let watched = self.shards_of(channel).next().is_some();
        let model = &mut self.channels[channel];
        let epoch = model.epoch.clone().unwrap_or_default();
        let asked = behind.map(|behind| model.top().saturating_add_signed(-behind));
        let since = asked.map(|offset| Since { offset, epoch: &epoch });
        let query = HistoryQuery { since, limit, reverse, publications_max: 4 };
        let page = self.hub.history(CHANNELS[channel], query, &model.options, self.now_ms);
        // The position is read without changing anything more, so that a refusal can be judged, too.
        let top = self.hub.history(CHANNELS[channel], HistoryQuery::default(), &model.options, self.now_ms);
        model.stands_at(&top.unwrap().position, watched, self.now_ms);
        if !model.options.has_stream() {
            return;
        }
        let same_life = asked.is_none() || model.epoch.as_deref() == Some(&*epoch) || epoch.is_empty();
        let count = usize::try_from(limit).unwrap_or(4).min(4);
        let held = model.held(self.now_ms).iter().copied();
        let low_water = model.top() - held.len() as u64;
        let expected: Option<Vec<u64>> = match (asked, reverse) {
            _ if limit == 0 => Some(vec![]),
            _ if !same_life => None,
            (Some(asked), false) if !(low_water..=model.top()).contains(&asked) => None,
            (Some(asked), true) if asked > model.top() + 1 => None,
            (_, false) => {
                Some(held.filter(|&offset| asked.is_none_or(|asked| offset > asked)).take(count).collect())
            }
            (_, true) => Some(
                held.rev().filter(|&offset| asked.is_none_or(|asked| offset < asked)).take(count).collect(),
            ),
        };
        let given = page.map(|page| page.publications.iter().map(|publication| publication.offset).collect());
        assert_eq!(given, expected.ok_or(HistoryError::UnrecoverablePosition));
    }

    /// Whoever is still there ends up with all of it.
    fn finish(&mut self) {
        for shard in 0..SHARDS {
            self.drain(shard, usize::MAX);
            assert_eq!((self.inboxes.room(ShardId(shard)), self.inboxes.reserved(ShardId(shard))), (ROOM, 0));
        }
        for ((channel, _), subscriber) in &self.subscribers {
            let model = &self.channels[*channel];
            if subscriber.joined && model.options.has_stream() {
                assert!(subscriber.live);
                let top = StreamPosition { offset: model.top(), epoch: model.epoch.clone().unwrap() };
                assert_eq!(subscriber.reached.as_ref(), Some(&top));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_hub_answers_as_the_model_does(seed: u64, steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new(seed);
        for step in &steps {
            world.take(step);
        }
        world.finish();
    }
}
