//! What may happen: clients ask, read or do not, come and go; the back end publishes, orders, forgets; time passes.

use std::time::Duration;

use wavecast_hub::{Publish, Tags};
use wavecast_protocol::centrifuge::{Disconnect, Encoding, Error};

use super::backend::Backend;
use super::client::Client;
use super::kind::{CHANNELS, Kind};
use super::listening::{COLOR, KEY};
use super::run::{Run, taste};
use crate::orders::{Order, Target};
use crate::session::ServerSubscription;
use crate::steering::Whom;

impl Run {
    pub(super) fn act(&mut self) {
        self.steps += 1;
        let who = self.chance.below(self.clients.len());
        let channel = self.chance.pick(&CHANNELS);
        if self.clients[who].is_over() {
            let before = self.clients.swap_remove(who);
            return self.connect(Some(before));
        }
        match self.chance.below(40) {
            0..=13 => self.ask(who, channel),
            14..=20 => self.publish(1, channel),
            21..=23 => {
                let burst = 2 + self.chance.below(12);
                self.publish(burst, channel);
            }
            24 => self.clients[who].cut(),
            25 => self.clients[who].close(),
            26 => self.clients[who].set_reading(false),
            27..=28 => self.clients[who].set_reading(true),
            29 => self.time_passes(),
            30 => self.clients.iter_mut().for_each(Client::send),
            31 => self.forget(channel),
            32..=33 => self.order(who, channel),
            34..=36 => self.world.backend.answer_one(&mut self.chance),
            _ => self.turn(30),
        }
        // Often several commands go in one frame, as centrifuge-js sends them.
        if !self.chance.one_in(3) {
            self.clients[who].send();
        }
    }

    /// A client asks for something.
    fn ask(&mut self, who: usize, channel: &str) {
        let data = self.data(self.clients[who].peer.encoding == Encoding::Protobuf);
        let record = self.world.record();
        let (client, chance) = (&mut self.clients[who], &mut self.chance);
        let is_own = channel.strip_prefix("own:#").is_none_or(|user| user == client.user);
        match chance.below(14) {
            0..=3 if is_own && !client.wants(channel) => {
                let taste = taste(channel, chance);
                client.subscribe(channel, taste, chance.one_in(6), chance.one_in(12), record);
            }
            0 if is_own => client.subscribe(channel, taste(channel, chance), false, false, record),
            1..=3 => client.unsubscribe(channel),
            4 if is_own => {
                // It changes its mind before anybody could answer.
                for _ in 0..=chance.below(3) {
                    client.unsubscribe(channel);
                    client.subscribe(channel, taste(channel, chance), false, false, record);
                }
            }
            5..=9 => client.publish(channel, &data),
            10 => client.presence(channel, chance.one_in(2), record),
            11 => client.ping(),
            _ => client.history(channel, chance.pick(&[-1, 0, 3]), chance.one_in(2), record),
        }
    }

    fn publish(&mut self, count: usize, channel: &str) {
        for _ in 0..count {
            let is_json = !self.chance.one_in(6);
            let data = self.data(!is_json);
            let mut tags = Tags::new();
            if self.chance.one_in(2) {
                tags.insert(COLOR.into(), self.chance.pick(&["red", "green"]).into());
            }
            if self.chance.one_in(2) {
                tags.insert(KEY.into(), self.chance.pick(&["a", "b"]).into());
            }
            let is_json = serde_json::from_slice::<serde_json::Value>(&data).is_ok();
            let tags = (!tags.is_empty()).then(|| Box::new(tags));
            let publish = Publish { data: data.clone().into(), is_json, tags, ..Publish::default() };
            let at = self.world.record().channel(channel).state().top + 1;
            match self.world.publish_as(channel, publish) {
                Ok(position) => {
                    let offset = if Kind::of(channel).positioned { at } else { 0 };
                    assert_eq!(position.offset, offset, "{channel}");
                    self.claims.taken.push((channel.to_owned(), data));
                }
                Err(error) => {
                    assert_eq!(error, Error::TOO_MANY_REQUESTS);
                    self.claims.refused.push((channel.to_owned(), data));
                }
            }
        }
    }

    /// A payload that nothing else has, and that is much like the one before; `may_be_bytes`: perhaps no JSON.
    fn data(&mut self, may_be_bytes: bool) -> Vec<u8> {
        self.published += 1;
        let text = "what goes to many, in few words or in more, is framed once and shared by all";
        let end = self.chance.below(text.len());
        let mut data = format!("\"{} {}\"", self.published, &text[..end]).into_bytes();
        if may_be_bytes && self.chance.one_in(2) {
            data.insert(0, 0xff);
        }
        data
    }

    /// Seconds in which nothing happens: pings, ends of those who do not answer, and of what expires.
    fn time_passes(&mut self) {
        self.clients.iter_mut().for_each(Client::send);
        // Nobody is late who has been asked just now.
        self.arrive();
        while self.clients.iter_mut().fold(false, |any, client| client.take_pinged() | any) {
            self.arrive();
        }
        if !self.world.backend.has_questions() {
            self.world.backend.is_quiet();
        }
        if self.chance.one_in(4) {
            self.world.forget_positions();
        } else {
            self.world.advance(Duration::from_secs(1 + self.chance.below(40) as u64));
        }
        self.arrive();
    }

    /// Publications go before their time.
    fn forget(&mut self, channel: &str) {
        if self.chance.one_in(2) {
            self.world.remove_history(channel);
        } else {
            let bytes = 1 + self.chance.below(4000);
            self.world.trim_history(bytes);
        }
    }

    /// The back end wants something done with a session, or with all of a user.
    fn order(&mut self, who: usize, channel: &str) {
        let client = &self.clients[who];
        let Some(id) = client.id.clone() else { return };
        let is_own = channel.strip_prefix("own:#").is_none_or(|user| user == client.user);
        let target = if !client.user.is_empty() && self.chance.one_in(3) {
            Target::new(Whom { user: client.user, client: "" })
        } else {
            Target::new(Whom { user: "", client: &id })
        };
        match self.chance.below(16) {
            0..=5 if is_own => self.world.order(Some(channel), |done| Order::Subscribe {
                target: target.clone(),
                subscription: ServerSubscription::to(channel),
                since: None,
                done,
            }),
            6..=9 => self.world.order(Some(channel), |done| Order::Unsubscribe {
                target: target.clone(),
                channel: Some(channel.into()),
                done,
            }),
            10 => {
                self.world.backend.orders_out_of_all();
                self.world.order(None, |done| Order::Unsubscribe {
                    target: target.clone(),
                    channel: None,
                    done,
                });
            }
            11 => {
                self.world.backend.has_disconnected = true;
                let disconnect = Disconnect { code: Backend::DISCONNECT, reason: "go".into() };
                self.world.order(None, |done| Order::Disconnect {
                    target: target.clone(),
                    except: Vec::new(),
                    disconnect: disconnect.clone(),
                    done,
                });
            }
            _ => {
                let now_s = self.world.node.now_ms() / 1000;
                let expire_at_s =
                    if self.chance.one_in(3) { 0 } else { now_s + 1 + self.chance.below(50) as u64 };
                let target = Target::new(Whom { user: "", client: &id });
                self.world.backend.lets_live(&id, "", expire_at_s);
                self.world.order(None, |done| Order::Refresh {
                    target: target.clone(),
                    expired: false,
                    expire_at_s,
                    info: None,
                    done,
                });
            }
        }
    }
}
