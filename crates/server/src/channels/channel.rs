//! One channel of a shard: its groups, and what holds for all of them.

use std::sync::Arc;

use wavecast_hub::{ChannelOptions, Publication, SlowConsumer};
use wavecast_net::shard::ConnectionId;

use super::forms::Forms;
use super::group::{Dropping, Group, Placed};
use super::seat::{Listener, Seat};
use super::wave::Wave;

/// From this length on a run is sent, and as long as it cannot be the shard takes no more events.
pub(super) const RUN_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) name: Arc<str>,
    pub(super) options: Arc<ChannelOptions>,
    /// The lane of the channel's frames, where they may be dropped. Numbers are used again while frames of the channel before
    /// still wait, lanes are not.
    pub(super) lane: u32,
    /// Sessions that are subscribed or joining.
    pub(super) interested: u32,
    pub(super) is_pending: bool,
    /// At most one for each form.
    pub(super) groups: Vec<Group>,
    /// The publication before, while somebody takes deltas.
    pub(super) base: Option<Arc<Publication>>,
    /// The offset up to which the subscribers have everything; 0 while it is not known.
    pub(super) offset: u64,
    /// The offset up to which it has been sent to them.
    pub(super) sent: u64,
    /// The life of the stream that these count in, once it is known.
    pub(super) epoch: Option<Arc<str>>,
    pub(super) wave: Wave,
}

impl Channel {
    /// Takes somebody in.
    pub(super) fn add(&mut self, connection: ConnectionId, listener: Listener) -> Seat {
        let form = listener.form();
        let index = self.groups.iter().position(|group| group.form == form).unwrap_or_else(|| {
            self.groups.reserve_exact(1);
            self.groups.push(Group::new(form, self.dropping()));
            self.groups.len() - 1
        });
        if !self.groups.iter().any(Group::has_settled) {
            self.base.clone_from(&listener.base);
        }
        let has_base =
            matches!((&self.base, &listener.base), (Some(base), Some(own)) if Arc::ptr_eq(base, own));
        let place = self.groups[index].add(connection, listener.filter, has_base);
        Seat { place, group: index as u8 }
    }

    /// Puts a publication into the runs.
    pub(super) fn publication(
        &mut self,
        publication: &Arc<Publication>,
        excluded: &[(ConnectionId, Seat)],
        forms: &mut Forms,
    ) {
        let dropping = self.dropping();
        let base = self.base.as_ref();
        let mut takes_deltas = false;
        for (index, group) in self.groups.iter_mut().enumerate().filter(|(_, g)| !g.members().is_empty()) {
            let theirs = excluded.iter().filter(|(_, seat)| usize::from(seat.group) == index);
            let theirs: Vec<Placed> = theirs.map(|&(connection, seat)| (connection, seat.place)).collect();
            group.publication(forms, publication, base, &theirs, dropping, self.epoch.as_ref());
            takes_deltas |= group.takes_deltas();
        }
        self.base = takes_deltas.then(|| Arc::clone(publication));
    }

    /// How its frames are dropped.
    pub(super) fn dropping(&self) -> Dropping {
        match self.options.slow_consumer {
            SlowConsumer::Disconnect => Dropping::No,
            SlowConsumer::DropOldest | SlowConsumer::DropNewest => Dropping::Runs(self.lane),
            SlowConsumer::Latest => Dropping::Latest(self.lane),
        }
    }

    pub(super) fn has_no_subscribers(&self) -> bool {
        self.groups.iter().all(|group| group.members().is_empty())
    }

    pub(super) fn is_full(&self) -> bool {
        self.groups.iter().any(|group| group.waiting_bytes() >= RUN_BYTES_MAX)
    }
}
