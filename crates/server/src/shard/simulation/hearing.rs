//! What a client hears on the server's account, compared with the books.

use wavecast_protocol::centrifuge::{Publication, Push, ServerMessage, Unsubscribed};

use super::answers::Books;
use super::client::Client;
use super::kind::{Kind, Slow};
use super::listening::{Listening, Next, Taste};

impl Client {
    /// Takes in what has arrived.
    pub(super) fn read(&mut self, books: &mut Books<'_>) {
        let encoding = self.peer.encoding;
        for message in self.peer.receive() {
            for message in encoding.messages(&message) {
                match message.unwrap() {
                    ServerMessage::Ping => {
                        self.was_pinged = true;
                        self.peer.send(encoding.ping());
                    }
                    ServerMessage::Reply(reply) => self.reply(&reply, books),
                    ServerMessage::Push(push) => {
                        assert!(self.id.is_some(), "before connect: {push:?}");
                        self.push(&push, books);
                    }
                }
            }
        }
        // A peer that is slow, or not let in, may be dropped when its time is up.
        assert!(
            !self.peer.is_dropped() || self.was_slow || self.id.is_none(),
            "dropped: {}",
            self.peer.status()
        );
    }

    fn push(&mut self, push: &Push<'_>, books: &mut Books<'_>) {
        match push {
            Push::Publication { channel, publication } => self.publication(channel, publication, books),
            Push::Join { channel, info } | Push::Leave { channel, info } => {
                let joined = matches!(push, Push::Join { .. });
                let mut listening = self.take(channel, push);
                listening.hears_of(joined, info, &self.ear(channel, books.record, books.room));
                self.listening.insert(channel.to_string(), listening);
            }
            Push::Unsubscribe { channel, code, .. } => {
                let ended = self.ends(channel, books);
                let listening = ended.unwrap_or_else(|| panic!("there is no subscription: {push:?}"));
                self.is_unsubscribed(channel, *code, &listening, books);
            }
            Push::Subscribe { channel, recoverable, epoch, offset, positioned, .. } => {
                let kind = Kind::of(channel);
                assert!(books.backend.has_ordered(channel), "nobody has ordered {push:?}");
                assert_eq!((*recoverable, *positioned), (kind.recovers(), kind.positioned));
                self.is_subscribed(channel, (*offset, epoch.to_string()), books);
            }
            Push::Message { data } => self.is_told_of_a_gap(data),
            Push::Refresh { .. } => {}
            other => panic!("unasked for: {other:?}"),
        }
    }

    fn publication(&mut self, channel: &str, publication: &Publication<'_>, books: &Books<'_>) {
        let mut listening = self.take(channel, publication);
        listening.hears(publication, &self.ear(channel, books.record, books.room));
        self.listening.insert(channel.to_owned(), listening);
        if let Some((offset, _)) = self.positions.get_mut(channel).filter(|_| publication.offset > 0) {
            *offset = publication.offset;
        }
    }

    /// The subscription that something belongs to.
    fn take(&mut self, channel: &str, what: &dyn std::fmt::Debug) -> Listening {
        let listening = self.listening.remove(channel);
        listening.unwrap_or_else(|| panic!("it has not subscribed to {channel}: {what:?}"))
    }

    fn is_subscribed(&mut self, channel: &str, position: (u64, String), books: &Books<'_>) {
        let log = books.record.channel(channel);
        let kind = Kind::of(channel);
        let next = if kind.caches_first && position.0 == 0 {
            // It may be given the latest, whichever that was, next.
            self.positions.insert(channel.to_owned(), position);
            Next::Within(0..=log.entries.len())
        } else if kind.positioned {
            let state = log.states_since(0, &position.1).find(|state| state.top == position.0);
            let state = state.unwrap_or_else(|| panic!("{channel} was never at {position:?}"));
            self.positions.insert(channel.to_owned(), position);
            Next::At(state.base + state.top as usize)
        } else {
            Next::Within(0..=log.entries.len())
        };
        let listening = Listening::new(Taste::default(), next, 0..=log.members.len()).made_by_server(true);
        let before = self.listening.insert(channel.to_owned(), listening);
        assert!(before.is_none(), "subscribed twice to {channel}");
    }

    fn is_unsubscribed(&mut self, channel: &str, code: u32, listening: &Listening, books: &Books<'_>) {
        assert!(
            !listening.by_server || code == Unsubscribed::SERVER.code,
            "{channel} cannot be begun anew: {code}"
        );
        if code == Unsubscribed::INSUFFICIENT_STATE.code {
            let kind = Kind::of(channel);
            assert!(kind.positioned && kind.slow != Slow::Disconnect, "{channel} loses nothing");
            self.lost.push((channel.to_owned(), listening.taste));
        } else if code == Unsubscribed::EXPIRED.code {
            let client = self.id.as_deref().unwrap_or_default();
            assert!(books.backend.may_expire(client, channel), "{channel} has not expired");
        } else {
            assert_eq!(code, Unsubscribed::SERVER.code);
            assert!(books.backend.has_ordered(channel), "nobody has ordered the end of {channel}");
        }
    }

    fn is_told_of_a_gap(&mut self, data: &[u8]) {
        let marker: serde_json::Value = serde_json::from_slice(data).unwrap();
        let (channel, dropped) = (&marker["gap"]["channel"], &marker["gap"]["dropped"]);
        let (channel, dropped) = (channel.as_str().unwrap(), dropped.as_u64().unwrap());
        let kind = Kind::of(channel);
        assert!(kind.is_lossy() && kind.slow != Slow::Latest && dropped > 0, "{marker}");
        self.losses.entry(channel.to_owned()).or_default().told += dropped;
    }
}
