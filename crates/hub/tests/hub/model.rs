//! Random sequences of everything that can happen to a channel, against a model that keeps all and forgets nothing.
//!
//! Two things are checked. Each answer to "what did I miss?" is the model's: recovered whenever nothing is missing and
//! it is within the limit, a gap otherwise. And subscribers on several shards, who drain their inboxes late, leave and
//! come back with the position they had reached, never see a publication twice, out of order or not at all.

use crate::inboxes::{Inboxes, Message};
use crate::model_channel::{META_TTL_MS, ModelChannel, TTL_MS};
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use wavecast_hub::{
    ChannelOptions, ClientInfo, HistoryError, HistoryQuery, Hub, HubLimits, JoinQuery, Joined, Membership,
    Publish, PublishError, Published, Recovery, RecoveryMode, ShardId, Since, StreamPosition,
};

const CHANNELS: [&str; 3] = ["short", "long", "uncounted"];
const SHARDS: u16 = 3;
/// Asks and leaves at once; holds no subscriber.
const ASKER: ShardId = ShardId(SHARDS);
const ROOM: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Publish { channel: usize, skip_history: bool, version: (u64, &'static str) },
    Join { channel: usize, shard: u16, publications_max: usize },
    Leave { channel: usize, shard: u16 },
    Drain { shard: u16, messages: usize },
    Ask { channel: usize, behind: i64, epoch: AskedEpoch, publications_max: usize, mode: RecoveryMode },
    Page { channel: usize, behind: Option<i64>, limit: i32, reverse: bool },
    RemoveHistory { channel: usize },
    Enter { channel: usize, client: u8, user: u8, announce: bool },
    Exit { channel: usize, client: u8, announce: bool },
    Trim { bytes: usize },
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
    let version = prop_oneof![
        3 => Just((0, "")),
        1 => (1..6u64, prop::sample::select(vec!["", "a", "b"])),
    ];
    let mode = prop::sample::select(vec![RecoveryMode::Stream, RecoveryMode::Cache]);
    prop_oneof![
        12 => (channel.clone(), prop::bool::weighted(0.1), version)
            .prop_map(|(channel, skip_history, version)| Step::Publish { channel, skip_history, version }),
        4 => (channel.clone(), 0..SHARDS, 0..6usize)
            .prop_map(|(channel, shard, publications_max)| Step::Join { channel, shard, publications_max }),
        3 => (channel.clone(), 0..SHARDS).prop_map(|(channel, shard)| Step::Leave { channel, shard }),
        6 => (0..SHARDS, 1..8usize).prop_map(|(shard, messages)| Step::Drain { shard, messages }),
        8 => (channel.clone(), -2..8i64, epoch, 0..6usize, mode).prop_map(
            |(channel, behind, epoch, publications_max, mode)| Step::Ask {
                channel, behind, epoch, publications_max, mode
            }
        ),
        2 => (channel.clone(), prop::option::of(-2..8i64), -1..4i32, any::<bool>())
            .prop_map(|(channel, behind, limit, reverse)| Step::Page { channel, behind, limit, reverse }),
        3 => (channel.clone(), 0..6u8, 0..3u8, any::<bool>())
            .prop_map(|(channel, client, user, announce)| Step::Enter { channel, client, user, announce }),
        3 => (channel.clone(), 0..6u8, any::<bool>())
            .prop_map(|(channel, client, announce)| Step::Exit { channel, client, announce }),
        1 => channel.prop_map(|channel| Step::RemoveHistory { channel }),
        1 => (1..2000usize).prop_map(|bytes| Step::Trim { bytes }),
        3 => prop_oneof![0..20u64, 90..110u64, 200..300u64].prop_map(|ms| Step::Pass { ms }),
        2 => Just(Step::Expire),
    ]
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
    /// What each shard was told of comings (`true`) and goings, and has not read.
    notices: Vec<VecDeque<(usize, u8, bool)>>,
    notices_dropped: u64,
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
        let attended = |options| ChannelOptions { presence: true, ..options };
        let all_options = [attended(options(3)), options(100), attended(ChannelOptions::default())];
        let channels = all_options.map(|options| ModelChannel { options, ..ModelChannel::default() });
        Self {
            hub: Hub::new(HubLimits { stripes: 2, channels_max: 3 }, seed, Arc::clone(&inboxes)),
            inboxes,
            channels: channels.into(),
            subscribers: BTreeMap::new(),
            notices: vec![VecDeque::new(); usize::from(SHARDS)],
            notices_dropped: 0,
            payloads: 0,
            now_ms: 1_000_000,
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Publish { channel, skip_history, version } => self.publish(channel, skip_history, version),
            Step::Join { channel, shard, publications_max } => self.join(channel, shard, publications_max),
            Step::Leave { channel, shard } => self.leave(channel, shard),
            Step::Drain { shard, messages } => self.drain(shard, messages),
            Step::Ask { channel, behind, epoch, publications_max, mode } => {
                let query = JoinQuery { publications_max, mode, ..JoinQuery::default() };
                self.ask(channel, behind, epoch, query);
            }
            Step::Enter { channel, client, user, announce } => self.enter(channel, client, user, announce),
            Step::Exit { channel, client, announce } => self.exit(channel, client, announce),
            Step::Trim { bytes } => self.trim(bytes),
            Step::Page { channel, behind, limit, reverse } => self.page(channel, behind, limit, reverse),
            Step::RemoveHistory { channel } => {
                self.hub.remove_history(CHANNELS[channel]);
                self.channels[channel].held.clear();
            }
            Step::Pass { ms } => self.now_ms += ms,
            Step::Expire => _ = self.hub.expire(self.now_ms),
        }
    }

    /// Somebody is in the channel: its position may not be forgotten.
    fn is_watched(&self, channel: usize) -> bool {
        self.shards_of(channel).next().is_some() || !self.channels[channel].members.is_empty()
    }

    fn shards_of(&self, channel: usize) -> impl Iterator<Item = ShardId> {
        let of_channel = move |((at, shard), subscriber): (&(usize, u16), &Subscriber)| {
            (*at == channel && subscriber.joined).then_some(ShardId(*shard))
        };
        self.subscribers.iter().filter_map(of_channel)
    }

    fn publish(&mut self, channel: usize, skip_history: bool, version: (u64, &'static str)) {
        self.payloads += 1;
        let data = self.payloads.to_le_bytes().into();
        let (number, version_epoch) = (version.0, version.1.into());
        let publish = Publish { data, skip_history, version: number, version_epoch, ..Publish::default() };
        let is_late = !skip_history && self.channels[channel].supersedes(version);
        let watched = self.is_watched(channel);
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
                assert!(!is_late, "nothing needs room");
            }
            Err(PublishError::ChannelLimit) => panic!("there are only {} channels", CHANNELS.len()),
            Ok(published) if skip_history || !options.has_stream() => {
                assert_eq!(published, Published::default());
            }
            Ok(Published { position, is_suppressed: true }) => {
                assert!(is_late);
                self.channels[channel].stands_at(&position, watched, self.now_ms);
                assert!(self.channels[channel].supersedes(version), "the life that had the version is over");
            }
            Ok(Published { position, is_suppressed: false }) => {
                assert!(!is_late || self.channels[channel].epoch.as_ref() != Some(&position.epoch));
                let before =
                    StreamPosition { offset: position.offset - 1, epoch: Arc::clone(&position.epoch) };
                self.channels[channel].stands_at(&before, watched, self.now_ms);
                self.channels[channel].publish(self.payloads, version, self.now_ms);
            }
        }
    }

    /// A subscriber joins, or joins again, from the position that it had reached.
    fn join(&mut self, channel: usize, shard: u16, publications_max: usize) {
        let watched = self.is_watched(channel);
        let subscriber = self.subscribers.entry((channel, shard)).or_default();
        // Until the answer arrives the inbox belongs to the life before.
        subscriber.live = false;
        subscriber.joined = true;
        subscriber.answers_due += 1;
        let reached = subscriber.reached.clone();
        let recover = reached.as_ref().map(StreamPosition::as_since);
        let query = JoinQuery { recover, publications_max, ..JoinQuery::default() };
        let joined = self.ask_hub(channel, ShardId(shard), query, true);
        self.check(channel, query, watched, &joined);
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
                Some(Message::Join(membership)) => self.noticed(shard, &membership, true),
                Some(Message::Leave(membership)) => self.noticed(shard, &membership, false),
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

    fn enter(&mut self, channel: usize, client: u8, user: u8, announce: bool) {
        let info = client_info(client, user);
        let (watched, room) = (self.is_watched(channel), self.room());
        let model = &mut self.channels[channel];
        self.hub.enter(CHANNELS[channel], &info, &model.options, announce).unwrap();
        model.enter(client, user, watched, self.now_ms);
        self.announced(channel, client, true, announce, &room);
    }

    fn exit(&mut self, channel: usize, client: u8, announce: bool) {
        let room = self.room();
        // Who it is counts, not what is said of it.
        self.hub.exit(CHANNELS[channel], &client_info(client, 99), announce);
        self.channels[channel].members.remove(&client);
        self.announced(channel, client, false, announce, &room);
    }

    fn room(&self) -> Vec<usize> {
        (0..SHARDS).map(|shard| self.inboxes.room(ShardId(shard))).collect()
    }

    /// Every shard in the channel that had room is told.
    fn announced(&mut self, channel: usize, client: u8, came: bool, announce: bool, room: &[usize]) {
        let shards: Vec<ShardId> = self.shards_of(channel).filter(|_| announce).collect();
        for shard in shards {
            let shard = usize::from(shard.0);
            if room[shard] > 0 {
                self.notices[shard].push_back((channel, client, came));
            } else {
                self.notices_dropped += 1;
            }
        }
    }

    fn noticed(&mut self, shard: u16, membership: &Membership, came: bool) {
        let channel = CHANNELS.iter().position(|name| **name == *membership.channel).unwrap();
        let client = membership.info.client.parse().unwrap();
        let expected = self.notices[usize::from(shard)].pop_front();
        assert_eq!(Some((channel, client, came)), expected, "lost, repeated or out of order");
    }

    /// Who is there is who has entered and has not gone.
    fn check_presence(&self) {
        for (channel, model) in self.channels.iter().enumerate() {
            let stats = self.hub.presence_stats(CHANNELS[channel]);
            assert_eq!((stats.clients, stats.users), model.presence());
            let list = self.hub.presence(CHANNELS[channel], 100);
            let mut clients: Vec<u8> = list.clients.iter().map(|info| info.client.parse().unwrap()).collect();
            clients.sort_unstable();
            assert!(clients.iter().eq(model.members.keys()) && !list.is_cut);
        }
        assert_eq!(self.hub.stats().notices_dropped, self.notices_dropped);
    }

    /// Whatever goes is the oldest of its channel, and nothing else.
    fn trim(&mut self, bytes: usize) {
        self.hub.trim_history(bytes);
        for (channel, name) in CHANNELS.into_iter().enumerate() {
            let watched = self.is_watched(channel);
            let model = &mut self.channels[channel];
            let query = HistoryQuery { limit: -1, publications_max: 1000, ..HistoryQuery::default() };
            let page = self.hub.history(name, query, &model.options, self.now_ms).unwrap();
            model.stands_at(&page.position, watched, self.now_ms);
            let left: Vec<u64> = page.publications.iter().map(|publication| publication.offset).collect();
            assert!(model.held(self.now_ms).ends_with(&left));
            model.held = left;
        }
    }

    /// Somebody asks from any position, real or not.
    fn ask(&mut self, channel: usize, behind: i64, epoch: AskedEpoch, query: JoinQuery<'_>) {
        let watched = self.is_watched(channel);
        let current = self.channels[channel].epoch.clone().unwrap_or_default();
        let epoch = match epoch {
            AskedEpoch::Current => &*current,
            AskedEpoch::Waived => "",
            AskedEpoch::Foreign => "foreign",
        };
        let since = Since { offset: self.channels[channel].top().saturating_add_signed(-behind), epoch };
        let query = JoinQuery { recover: Some(since), ..query };
        let joined = self.ask_hub(channel, ASKER, query, false);
        self.hub.leave(CHANNELS[channel], ASKER, self.now_ms);
        self.check(channel, query, watched, &joined);
    }

    fn ask_hub(&self, channel: usize, shard: ShardId, query: JoinQuery<'_>, into_inbox: bool) -> Joined {
        let mut answer = None;
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
    fn check(&mut self, channel: usize, query: JoinQuery<'_>, watched: bool, joined: &Joined) {
        let model = &mut self.channels[channel];
        model.stands_at(&joined.position, watched, self.now_ms);
        let Some(since) = query.recover else {
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
        let expected = match query.mode {
            RecoveryMode::Stream => model.missed(since, query.publications_max, self.now_ms),
            RecoveryMode::Cache => model.latest(since, self.now_ms),
        };
        let with_payload = |offset: u64| (offset, model.published[offset as usize - 1]);
        assert_eq!(given, expected.map(|missed| missed.into_iter().map(with_payload).collect()));
    }

    fn page(&mut self, channel: usize, behind: Option<i64>, limit: i32, reverse: bool) {
        let watched = self.is_watched(channel);
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
        let expected: Option<Vec<u64>> = match (asked, reverse) {
            _ if !same_life => None,
            _ if limit == 0 => Some(vec![]),
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

    /// Whoever is still there ends up with all of it; of those who go nothing is left.
    fn finish(&mut self) {
        for (channel, client) in
            (0..CHANNELS.len()).flat_map(|channel| (0..6).map(move |client| (channel, client)))
        {
            self.exit(channel, client, false);
        }
        assert_eq!(self.hub.stats().bytes_presence, 0);
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

fn client_info(client: u8, user: u8) -> Arc<ClientInfo> {
    let (client, user) = (client.to_string().into(), user.to_string().into());
    Arc::new(ClientInfo { client, user, ..ClientInfo::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_hub_answers_as_the_model_does(seed: u64, steps in prop::collection::vec(step(), 1..150)) {
        let mut world = World::new(seed);
        for step in &steps {
            world.take(step);
            world.check_presence();
        }
        world.finish();
    }
}
