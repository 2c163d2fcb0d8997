//! From publications to subscribers: collected while events are taken, sent once a turn.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tracing::warn;
use wavecast_hub::Publication;
use wavecast_net::shard::Connections;
use wavecast_protocol::centrifuge::{Push, Unsubscribed};

use super::PushShard;
use crate::channels::{Appended, ChannelNumber};
use crate::wire;

impl PushShard {
    /// A publication has come in.
    pub(super) fn publication(&mut self, connections: &mut Connections, publication: &Publication) {
        match self.channels.append(publication) {
            Appended::Taken => {}
            Appended::Gap(channel) => self.insufficient_state(connections, channel),
        }
    }

    /// Sends the runs of this turn. Some wait for an earlier wave of their channel: says when to look again, at the latest.
    ///
    /// A subscriber is written to once per wave: what is published while the last wave is still on its way goes with the next.
    pub(super) fn send_runs(&mut self, connections: &mut Connections) -> Option<Duration> {
        let now = connections.now();
        self.channels.end_waves(now, |wave| connections.is_under_way(wave));
        if !self.channels.has_pending() {
            return None;
        }
        let pending = self.channels.take_pending();
        let mut again = None::<Duration>;
        for &channel in &pending {
            if let Some(wait) = self.channels.has_to_wait(channel, now) {
                again = Some(again.map_or(wait, |again| again.min(wait)));
                self.channels.keep_pending(channel);
            } else {
                self.send_run(connections, channel);
            }
        }
        self.channels.recycle(pending);
        again
    }

    /// Sends what a channel's run holds to its subscribers.
    pub(super) fn send_run(&mut self, connections: &mut Connections, channel: ChannelNumber) {
        if let Some(run) = self.channels.take_run(channel)
            && let Some(wave) = connections.fan_out(run.subscribers, &run.frame)
        {
            let channel = run.channel;
            self.channels.launched(channel, wave, connections.now());
        }
    }

    /// Something is missing in a channel's stream: its subscribers are told to subscribe again and recover.
    fn insufficient_state(&mut self, connections: &mut Connections, channel: ChannelNumber) {
        self.send_run(connections, channel);
        let name = self.channels.name(channel).clone();
        let Unsubscribed { code, reason } = Unsubscribed::INSUFFICIENT_STATE;
        warn!(channel = &*name, code, "a publication is missing: subscribers have to recover");
        let push = wire::push(&Push::Unsubscribe { channel: (&*name).into(), code, reason: reason.into() });
        let subscribers = self.channels.remove_all(channel);
        connections.fan_out(&subscribers, &push);
        for id in subscribers {
            if let Some(session) = self.sessions.get_mut(id) {
                session.unsubscribed(channel);
            }
            self.node.counts().subscriptions.fetch_sub(1, Relaxed);
            self.release(channel);
        }
    }
}
