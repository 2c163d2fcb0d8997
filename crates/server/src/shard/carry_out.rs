//! What follows from a command: carried out here, as far as the session's decision goes.

use std::borrow::Cow;
use std::sync::Arc;

use wavecast_hub::{HistoryPage, HistoryQuery, Publication};
use wavecast_net::shard::{ConnectionId, Connections};
use wavecast_protocol::centrifuge::{
    Error, HistoryResult, PresenceResult, PresenceStatsResult, Reply, Res, RpcResult,
};

use super::PushShard;
use super::replies::page_bytes;
use crate::one_way;
use crate::session::{History, Publishing, Step, since};
use crate::wire;

/// The most clients that one presence reply names; more of them are an error (106), not a part.
const NAMED_CLIENTS_MAX: usize = 10_000;

impl PushShard {
    /// Carries a command out.
    pub(super) fn carry_out(&mut self, connections: &mut Connections, id: ConnectionId, step: Step<'_>) {
        match step {
            Step::Nothing => {}
            Step::Reply(reply) if self.has_it_anyway(id, &reply) => self.one_is_answered(connections, id),
            Step::Reply(reply) => self.reply(id, &reply),
            Step::Refreshed(reply) => {
                self.reply(id, &reply);
                let now = self.moment(connections);
                self.set_timer(connections, id, now);
            }
            Step::Renewed { reply, channel } => {
                if let Some(reply) = reply {
                    self.reply(id, &reply);
                }
                self.renewed(connections, id, channel);
            }
            Step::Outdated { reply, channel, why } => {
                self.reply(id, &reply);
                self.send_replies(connections, id);
                self.unsubscribe(connections, id, channel, why);
            }
            Step::Welcome(accepted) => self.welcome(connections, id, *accepted),
            Step::Join(join) => self.join(connections, id, *join),
            Step::Leave { id: command, channel } => self.leave_in_turn(connections, id, command, channel),
            Step::Publish(publishing) => self.publish(id, *publishing),
            Step::History(history) => self.history(connections, id, &history),
            Step::Presence { id: command, channel, only_counts } => {
                self.presence(connections, id, command, &channel, only_counts);
            }
            Step::RpcResult { id: command, data } => {
                self.reply(id, &Reply { id: command, body: Ok(Res::Rpc(RpcResult { data: &data })) });
            }
            Step::Ask(question) => self.ask(connections, id, question),
            Step::Unsubscribe(channel, why) => self.unsubscribe(connections, id, channel, why),
            Step::Close(disconnect) => self.disconnect(connections, id, disconnect),
        }
    }

    /// Collects a reply; [`PushShard::send_replies`] sends it.
    pub(super) fn reply(&mut self, id: ConnectionId, reply: &Reply<'_>) {
        if let Err(error) = &reply.body {
            self.node.metrics().reply_errors.add(error.code);
        }
        let Some(session) = self.sessions.get(id) else { return };
        match &reply.body {
            // Who gets pushes alone is told by the end of its session.
            Err(error) if session.wire.is_one_way() => {
                self.refused.get_or_insert_with(|| (id, one_way::end_of(error)));
            }
            _ => self.replies.push(id, session.wire, reply),
        }
    }

    /// Sends what was replied; `false` when nothing more can be sent to this connection.
    pub(super) fn send_replies(&mut self, connections: &mut Connections, id: ConnectionId) -> bool {
        let sent = self.replies.send(connections, id).is_ok();
        if let Some((_, why)) = self.refused.take_if(|(refused, _)| *refused == id) {
            self.disconnect(connections, id, why);
            return false;
        }
        sent
    }

    fn publish(&mut self, connection: ConnectionId, publishing: Publishing<'_>) {
        let Publishing { id, channel, options, publish, key } = publishing;
        let published = match &*key {
            "" => self.node.try_publish(&channel, publish, &options),
            key => self.node.try_publish_once(&channel, key, publish, &options),
        };
        let body = published.map(|_| Res::Publish);
        self.reply(connection, &Reply { id, body });
    }

    fn history(&mut self, connections: &Connections, id: ConnectionId, history: &History<'_>) {
        let page = self.page(connections, id, history);
        let body = page.as_ref().map_err(Clone::clone).map(|page| {
            Res::History(HistoryResult {
                publications: wire::publications(&page.publications, false, history.filter.as_ref()),
                epoch: (&*page.position.epoch).into(),
                offset: page.position.offset,
            })
        });
        self.reply(id, &Reply { id: history.id, body });
    }

    fn page(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        history: &History<'_>,
    ) -> Result<HistoryPage, Error> {
        if !self.replies.may_page() {
            return Err(Error::TOO_MANY_REQUESTS);
        }
        let query = HistoryQuery {
            since: since(history.since.as_ref()),
            limit: history.limit,
            reverse: history.reverse,
            publications_max: self.node.rules().history_max,
        };
        let page = self.node.history_with(&history.channel, query, &history.options)?;
        let has_room = self.has_room(connections, id, &page.publications, 0);
        has_room.then_some(page).ok_or(Error::TOO_MANY_REQUESTS)
    }

    /// Whether a reply with these publications, and so many bytes more, fits beside what waits for the connection.
    pub(super) fn has_room(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        publications: &[Arc<Publication>],
        more: usize,
    ) -> bool {
        let limit = self.node.config().client.queue_max_size;
        let page = page_bytes(publications.iter().map(|p| &**p));
        self.replies.has_room(connections, id, limit, if page == 0 { 0 } else { page + more })
    }

    fn presence(
        &mut self,
        connections: &Connections,
        id: ConnectionId,
        command: u32,
        channel: &str,
        only_counts: bool,
    ) {
        if only_counts {
            let stats = self.node.hub().presence_stats(channel);
            let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let (num_clients, num_users) = (number(stats.clients), number(stats.users));
            let body = Ok(Res::PresenceStats(PresenceStatsResult { num_clients, num_users }));
            return self.reply(id, &Reply { id: command, body });
        }
        let list = self.node.hub().presence(channel, NAMED_CLIENTS_MAX);
        let bytes: usize = list.clients.iter().map(|info| wire::info_bytes(info)).sum();
        let limit = self.node.config().client.queue_max_size;
        let waiting = connections.staying_bytes(id);
        let body = if list.is_cut {
            let message = format!("limit exceeded: more than {NAMED_CLIENTS_MAX} clients are present");
            Err(Error { message: message.into(), ..Error::LIMIT_EXCEEDED })
        } else if waiting > 0 && waiting + bytes > limit / 2 {
            Err(Error::TOO_MANY_REQUESTS)
        } else {
            let presence =
                list.clients.iter().map(|info| (Cow::from(&*info.client), wire::client_info(info)));
            let presence = presence.collect();
            Ok(Res::Presence(PresenceResult { presence }))
        };
        self.reply(id, &Reply { id: command, body });
    }
}
