//! Users with the page of notifications open, as `web/demo/notifications` has it: each has what everybody gets, what it
//! alone gets, and what its devices have read.

use serde_json::{Value, json};
use wavecast_server::protocol::centrifuge::{
    HistoryRequest, Publication, Push, Request, Res, SubscribeRequest,
};

use super::super::control::CrowdReport;
use super::super::latency::Latency;
use super::note;
use super::scene::{Now, Say, Scene};

pub(super) const TO_ALL: &str = "notify:all";
/// As many as the server keeps.
const HISTORY_SIZE: i32 = 100;
/// Commands on a connection are numbered: the first connects, then come the subscriptions.
const TO_ALL_ID: u32 = 2;
const OWN_ID: u32 = 3;

/// The user with this number.
pub(super) fn user(number: usize) -> String {
    format!("bench-{number}")
}

/// Where one user's notifications are.
pub(super) fn own_channel(number: usize) -> String {
    format!("notify:user#{}", user(number))
}

/// All users.
pub(super) struct Inbox {
    users: Vec<Places>,
    to_one: Latency,
    to_all: Latency,
    report: CrowdReport,
}

/// How far a user is in both streams.
#[derive(Clone, Debug, Default)]
struct Places {
    own: u64,
    all: u64,
}

impl Inbox {
    pub(super) fn new(users: u32) -> Self {
        Self {
            users: vec![Places::default(); users as usize],
            to_one: Latency::new(),
            to_all: Latency::new(),
            report: CrowdReport::default(),
        }
    }

    fn notified(&mut self, user: usize, is_to_all: bool, publication: &Publication<'_>, now: Now) {
        let Places { own, all } = &mut self.users[user];
        let (last, delay) = if is_to_all { (all, &mut self.to_all) } else { (own, &mut self.to_one) };
        note::follow(last, publication.offset, &mut self.report);
        if let Some(sent_ns) = note::sent_ns(publication.data) {
            delay.record(now.ns.saturating_sub(sent_ns));
        }
    }

    /// Of those that were sent, how many have come to whom they were meant for.
    fn received(&self) -> u64 {
        self.report.deliveries - self.report.doubled
    }
}

impl Scene for Inbox {
    fn visitors(&self) -> usize {
        self.users.len()
    }

    fn login(&self, number: usize) -> Option<(&'static str, Value)> {
        Some(("notify.login", json!({"name": user(number)})))
    }

    fn enter(&mut self, number: usize, say: &mut Say) {
        let read = format!("notify_read:user#{}", user(number));
        for channel in [TO_ALL.to_owned(), own_channel(number), read] {
            let channel = channel.into();
            say.ask(Request::Subscribe(SubscribeRequest { channel, ..SubscribeRequest::default() }));
        }
    }

    fn answered(&mut self, number: usize, id: u32, res: &Res<'_>, say: &mut Say) -> Result<(), String> {
        let Res::Subscribe(joined) = res else { return Ok(()) };
        let channel = match id {
            TO_ALL_ID => {
                self.users[number].all = joined.offset;
                TO_ALL.to_owned()
            }
            OWN_ID => {
                self.users[number].own = joined.offset;
                own_channel(number)
            }
            _ => return Ok(()),
        };
        let (channel, limit) = (channel.into(), HISTORY_SIZE);
        say.ask(Request::History(HistoryRequest { channel, limit, ..HistoryRequest::default() }));
        Ok(())
    }

    fn pushed(&mut self, number: usize, push: &Push<'_>, now: Now, _say: &mut Say) -> Result<(), String> {
        let Push::Publication { channel, publication } = push else { return Ok(()) };
        self.report.deliveries += 1;
        self.notified(number, channel == TO_ALL, publication, now);
        Ok(())
    }

    fn refused(&mut self, _number: usize, _id: u32) {
        self.report.refused += 1;
    }

    fn begin(&mut self, _now: Now) {
        self.report = CrowdReport::default();
        self.to_one.clear();
        self.to_all.clear();
    }

    fn is_settled(&self, deliveries: u64) -> bool {
        self.received() >= deliveries
    }

    fn report(&self) -> CrowdReport {
        let delays = vec![self.to_one.buckets(), self.to_all.buckets()];
        CrowdReport { delays, ..self.report.clone() }
    }

    fn last_report(&self, deliveries: u64) -> CrowdReport {
        // Holes in the streams are among those that have not come.
        let missing = deliveries.saturating_sub(self.received());
        CrowdReport { lost: missing.max(self.report.lost), ..self.report() }
    }
}

#[cfg(test)]
mod tests {
    use wavecast_server::protocol::centrifuge::{Encoding, SubscribeResult};

    use super::*;

    fn notify(inbox: &mut Inbox, number: usize, channel: &str, offset: u64) {
        let data = json!({"title": "t", "text": note::id(1_000_000, 0)}).to_string();
        let publication = Publication { data: data.as_bytes(), offset, ..Publication::default() };
        let push = Push::Publication { channel: channel.to_owned().into(), publication };
        let now = Now { ns: 3_000_000, unix_ns: 0 };
        inbox.pushed(number, &push, now, &mut Say::new(Encoding::Json)).unwrap();
    }

    #[test]
    fn each_user_has_a_place_in_two_streams_and_what_is_missing_is_lost() {
        let mut inbox = Inbox::new(2);
        for (number, id, offset) in [(0, TO_ALL_ID, 1), (1, TO_ALL_ID, 1), (0, OWN_ID, 0), (1, OWN_ID, 5)] {
            let joined = Res::Subscribe(SubscribeResult { offset, ..SubscribeResult::default() });
            inbox.answered(number, id, &joined, &mut Say::new(Encoding::Json)).unwrap();
        }
        notify(&mut inbox, 0, TO_ALL, 2);
        notify(&mut inbox, 1, TO_ALL, 2);
        notify(&mut inbox, 1, &own_channel(1), 6);
        assert!(inbox.is_settled(3) && !inbox.is_settled(4));
        let report = inbox.last_report(3);
        assert_eq!((report.lost, report.doubled, report.deliveries), (0, 0, 3));
        let counts: Vec<u64> =
            report.delays.iter().map(|way| way.iter().map(|(_, count)| count).sum()).collect();
        assert_eq!(counts, [1, 2]);
        assert_eq!(inbox.last_report(5).lost, 2);
        notify(&mut inbox, 1, TO_ALL, 2);
        assert!(!inbox.is_settled(4), "one that came twice stands for no other");
        assert_eq!((inbox.last_report(4).lost, inbox.last_report(4).doubled), (1, 1));
    }
}
