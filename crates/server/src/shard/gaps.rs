//! What slow connections have lost of channels that drop, and the markers that tell them: at most one a second for each.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use wavecast_net::Frame;
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::Push;

use crate::wire;
use crate::wire_form::WireForm;

/// Between two markers for one connection.
const MARKER_INTERVAL: Duration = Duration::from_secs(1);

/// What connections have lost and have not been told of yet.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    by: HashMap<ConnectionId, Gap>,
    /// Those that have lost something for the first time in a while: they are told this turn.
    begun: Vec<ConnectionId>,
    /// When to look at the others again, in that order.
    due: VecDeque<(Instant, ConnectionId)>,
}

#[derive(Debug)]
struct Gap {
    form: WireForm,
    /// Messages by channel, in the order in which they are told of.
    lost: VecDeque<(Arc<str>, u64)>,
    /// The last marker, of which one at most waits.
    told: Option<Frame>,
}

impl Gaps {
    /// A connection has lost so many messages of a channel.
    pub(super) fn note(&mut self, id: ConnectionId, form: WireForm, channel: &Arc<str>, lost: u64) {
        let gap = self.by.entry(id).or_insert_with(|| {
            self.begun.push(id);
            Gap { form, lost: VecDeque::new(), told: None }
        });
        match gap.lost.iter_mut().find(|(of, _)| of == channel) {
            Some((_, before)) => *before += lost,
            None => gap.lost.push_back((Arc::clone(channel), lost)),
        }
    }

    /// The session is over.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.by.remove(&id);
    }

    /// Tells those whose turn it is. Says when to look again, at the latest.
    pub(super) fn tell(&mut self, connections: &mut Connections) -> Option<Duration> {
        let now = connections.now();
        for id in std::mem::take(&mut self.begun) {
            self.tell_one(connections, id, now);
        }
        while let Some(&(due, id)) = self.due.front() {
            if due > now {
                return Some(due - now);
            }
            self.due.pop_front();
            self.tell_one(connections, id, now);
        }
        None
    }

    /// Sends a marker, unless the one before still waits. Who has lost nothing more for a while is forgotten.
    fn tell_one(&mut self, connections: &mut Connections, id: ConnectionId, now: Instant) {
        let Some(gap) = self.by.get_mut(&id) else { return };
        let waits = gap.told.as_ref().is_some_and(Frame::is_held);
        if !waits {
            let Some((channel, dropped)) = gap.lost.pop_front() else {
                self.by.remove(&id);
                return;
            };
            let marker = marker(gap.form, &channel, dropped);
            connections.send_anyway(id, &marker).ok();
            gap.told = Some(marker);
        }
        self.due.push_back((now + MARKER_INTERVAL, id));
    }
}

fn marker(form: WireForm, channel: &str, dropped: u64) -> Frame {
    let data = json!({ "gap": { "channel": channel, "dropped": dropped } }).to_string();
    wire::push(form, &Push::Message { data: data.as_bytes() })
}
