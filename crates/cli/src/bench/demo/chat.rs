//! Chatters, who do what `web/demo/chat` does in a window that is looked at.
//!
//! Each is in one room, and subscribed to those that every page has; says something at fixed times, and that it is typing
//! before; and tells its other devices how far it has read, 150 to 450 ms after something new, and
//! no more than once in two seconds.

use serde_json::{Value, json};
use wavecast_server::protocol::centrifuge::{
    HistoryRequest, PresenceRequest, Publication, PublishRequest, Push, Request, Res, SubscribeRequest,
};

use super::super::control::CrowdReport;
use super::super::latency::Latency;
use super::super::stamp;
use super::agenda::Agenda;
use super::note;
use super::scene::{Now, Say, Scene};

/// Every page is in these, whatever it has open.
const FIRST_ROOMS: [&str; 4] = ["lobby", "ideas", "coffee", "help"];
/// Asked for on entering.
const ENTERING_MAX: i32 = 100;
/// Somebody types for so long before they send.
const TYPING_NS: u64 = 1_000_000_000;
/// A mark is told so long after something was read: at least, and up to so much more.
const MARK_NS: u64 = 150_000_000;
const MARK_SPREAD_NS: u64 = 300_000_000;
/// And so long after the one before, at least.
const MARK_PAUSE_NS: u64 = 2_000_000_000;
/// Commands on a connection are numbered: the first connects, then come the rooms that everybody has, and these.
const OWN_ROOM_ID: u32 = 6;
const HERE_ID: u32 = 7;
const DEVICES_ID: u32 = 8;

/// Everybody in all rooms.
pub(super) struct Chat {
    chatters: Vec<Chatter>,
    rooms: Vec<Room>,
    pause_ns: u64,
    agenda: Agenda<Deed>,
    /// Chatters speak from the first beginning on.
    has_begun: bool,
    /// Nobody says anything new.
    is_hushed: bool,
    delay: Latency,
    report: CrowdReport,
    messages: Part,
    typing: Part,
    marks: Part,
}

/// What was published and received of one kind.
#[derive(Debug, Default)]
struct Part {
    published: u64,
    deliveries: u64,
}

#[derive(Debug, Default)]
struct Room {
    name: String,
    epoch: String,
    /// Said since everybody came in.
    said: u64,
}

#[derive(Debug, Default)]
struct Chatter {
    user: String,
    /// Offsets in the own room: where it came in, and the last message.
    joined: u64,
    last: u64,
    /// Up to where it has told its devices, and whether it is going to tell them more.
    told: u64,
    /// When it may tell them again, on the clock of stamps.
    tells_from_ns: u64,
    will_tell: bool,
    /// The last offset in the own devices' channel.
    devices: u64,
    /// The number of the command that said something, until it is answered.
    saying: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Type,
    Say,
    Mark,
}

impl Chat {
    pub(super) fn new(chatters: u32, rooms: u32, pause_ms: u32) -> Self {
        let named = |number| Room { name: format!("room-{number}"), ..Room::default() };
        Self {
            chatters: (0..chatters).map(|_| Chatter::default()).collect(),
            rooms: (1..=rooms).map(named).collect(),
            pause_ns: u64::from(pause_ms) * 1_000_000,
            agenda: Agenda::new(),
            has_begun: false,
            is_hushed: false,
            delay: Latency::new(),
            report: CrowdReport::default(),
            messages: Part::default(),
            typing: Part::default(),
            marks: Part::default(),
        }
    }

    /// Neighbours are in different rooms, so that each room has its share of what is said at any time.
    fn room_of(&self, chatter: usize) -> usize {
        chatter % self.rooms.len()
    }

    fn do_it(&mut self, due_ns: u64, chatter: usize, deed: Deed, say: &mut Say) {
        let room = self.room_of(chatter);
        match deed {
            Deed::Type if !self.is_hushed => {
                self.typing.published += 1;
                publish(say, &format!("chat-here:{}", self.rooms[room].name), &json!({"typing": true}));
                self.agenda.add(due_ns + TYPING_NS, chatter, Deed::Say);
            }
            Deed::Say if !self.is_hushed => {
                self.messages.published += 1;
                self.rooms[room].said += 1;
                let text = format!(
                    "Number {} of {chatter}, who has a word to say to everybody in here",
                    self.rooms[room].said
                );
                let message = json!({"id": note::id(stamp::now_ns(), chatter), "text": text});
                self.chatters[chatter].saying =
                    publish(say, &format!("chat:{}", self.rooms[room].name), &message);
                self.agenda.add(due_ns + self.pause_ns - TYPING_NS, chatter, Deed::Type);
            }
            Deed::Type | Deed::Say => {}
            Deed::Mark => {
                let chatter = &mut self.chatters[chatter];
                chatter.will_tell = false;
                if chatter.last > chatter.told {
                    chatter.told = chatter.last;
                    chatter.tells_from_ns = due_ns + MARK_PAUSE_NS;
                    self.marks.published += 1;
                    let Room { name, epoch, .. } = &self.rooms[room];
                    let read = json!({"read": {(name.as_str()): {"epoch": epoch, "offset": chatter.last}}});
                    publish(say, &format!("chat-me:#{}", chatter.user), &read);
                }
            }
        }
    }

    /// Several marks become one publication.
    fn tell_soon(&mut self, chatter: usize, now: Now) {
        if !std::mem::replace(&mut self.chatters[chatter].will_tell, true) {
            let soon_ns = now.ns + MARK_NS + fastrand::u64(..MARK_SPREAD_NS);
            self.agenda.add(soon_ns.max(self.chatters[chatter].tells_from_ns), chatter, Deed::Mark);
        }
    }

    fn spoken(&mut self, chatter: usize, publication: &Publication<'_>, now: Now) {
        self.messages.deliveries += 1;
        let Chatter { user, last, .. } = &mut self.chatters[chatter];
        note::follow(last, publication.offset, &mut self.report);
        let is_own = publication.info.as_ref().is_some_and(|info| info.user == user.as_str());
        if let Some(sent_ns) = note::sent_ns(publication.data)
            && !is_own
        {
            self.delay.record(now.ns.saturating_sub(sent_ns));
        }
        self.tell_soon(chatter, now);
    }

    /// Messages that a chatter has not got by now.
    fn missing(&self, chatter: usize) -> u64 {
        let Chatter { joined, last, .. } = &self.chatters[chatter];
        (joined + self.rooms[self.room_of(chatter)].said).saturating_sub(*last)
    }
}

impl Scene for Chat {
    fn visitors(&self) -> usize {
        self.chatters.len()
    }

    fn login(&self, chatter: usize) -> Option<(&'static str, Value)> {
        Some(("chat.login", json!({"name": format!("Chatter {chatter}")})))
    }

    fn admitted(&mut self, chatter: usize, answer: &Value) -> Result<(), String> {
        let user = answer["user"].as_str().ok_or("the login named no user")?;
        user.clone_into(&mut self.chatters[chatter].user);
        Ok(())
    }

    fn enter(&mut self, chatter: usize, say: &mut Say) {
        let room = &self.rooms[self.room_of(chatter)].name;
        for room in FIRST_ROOMS.into_iter().chain([room.as_str()]) {
            subscribe(say, format!("chat:{room}"), false);
        }
        subscribe(say, format!("chat-here:{room}"), true);
        subscribe(say, format!("chat-me:#{}", self.chatters[chatter].user), false);
    }

    fn answered(&mut self, chatter: usize, id: u32, res: &Res<'_>, say: &mut Say) -> Result<(), String> {
        let Res::Subscribe(joined) = res else { return Ok(()) };
        let room = self.room_of(chatter);
        let name = match id {
            HERE_ID => {
                let channel = format!("chat-here:{}", self.rooms[room].name).into();
                say.ask(Request::Presence(PresenceRequest { channel }));
                return Ok(());
            }
            DEVICES_ID => {
                self.chatters[chatter].devices = joined.offset;
                return Ok(());
            }
            OWN_ROOM_ID => {
                self.chatters[chatter].joined = joined.offset;
                self.chatters[chatter].last = joined.offset;
                self.rooms[room].epoch = joined.epoch.to_string();
                self.rooms[room].name.as_str()
            }
            _ => FIRST_ROOMS.get((id as usize).wrapping_sub(2)).copied().ok_or("an answer to nothing")?,
        };
        say.ask(Request::History(HistoryRequest {
            channel: format!("chat:{name}").into(),
            limit: ENTERING_MAX,
            reverse: true,
            ..HistoryRequest::default()
        }));
        Ok(())
    }

    fn settled_in(&mut self, chatter: usize, now: Now) {
        // What the history had is read now.
        if self.chatters[chatter].last > 0 {
            self.tell_soon(chatter, now);
        }
    }

    fn pushed(&mut self, chatter: usize, push: &Push<'_>, now: Now, _say: &mut Say) -> Result<(), String> {
        let Push::Publication { channel, publication } = push else { return Ok(()) };
        let Some((namespace, name)) = channel.split_once(':') else {
            return Err(format!("pushed {channel}"));
        };
        self.report.deliveries += 1;
        match namespace {
            "chat" if name == self.rooms[self.room_of(chatter)].name => {
                self.spoken(chatter, publication, now);
            }
            "chat-here" => self.typing.deliveries += 1,
            "chat-me" => {
                self.marks.deliveries += 1;
                note::follow(&mut self.chatters[chatter].devices, publication.offset, &mut self.report);
                self.tell_soon(chatter, now);
            }
            // Nobody of us speaks in the rooms that everybody has.
            _ => {}
        }
        Ok(())
    }

    fn refused(&mut self, chatter: usize, id: u32) {
        self.report.refused += 1;
        if self.chatters[chatter].saying == id {
            let room = self.room_of(chatter);
            self.rooms[room].said -= 1;
        }
    }

    fn due_ns(&self) -> Option<u64> {
        self.agenda.due_ns()
    }

    fn act(&mut self, now_ns: u64, says: &mut [Say]) -> Option<usize> {
        let (due_ns, chatter, deed) = self.agenda.take(now_ns)?;
        self.do_it(due_ns, chatter, deed, &mut says[chatter]);
        Some(chatter)
    }

    fn begin(&mut self, now: Now) {
        self.report = CrowdReport::default();
        self.delay.clear();
        (self.messages, self.typing, self.marks) = <(Part, Part, Part)>::default();
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        let count = self.chatters.len() as u64;
        for chatter in 0..self.chatters.len() {
            let phase_ns = chatter as u64 * self.pause_ns / count;
            self.agenda.add(now.ns + phase_ns, chatter, Deed::Type);
        }
    }

    fn hush(&mut self) {
        self.is_hushed = true;
    }

    fn is_settled(&self, _deliveries: u64) -> bool {
        (0..self.chatters.len()).all(|chatter| self.missing(chatter) == 0)
    }

    fn report(&self) -> CrowdReport {
        let Self { messages, typing, marks, .. } = self;
        let parts = [("message", messages), ("typing signal", typing), ("read mark", marks)];
        CrowdReport {
            publications: parts.iter().map(|(_, part)| part.published).sum(),
            parts: parts
                .iter()
                .flat_map(|(name, part)| {
                    [(format!("{name}s"), part.published), (format!("{name} deliveries"), part.deliveries)]
                })
                .collect(),
            delays: vec![self.delay.buckets()],
            ..self.report.clone()
        }
    }

    fn last_report(&self, _deliveries: u64) -> CrowdReport {
        let missing = (0..self.chatters.len()).map(|chatter| self.missing(chatter)).sum::<u64>();
        let report = self.report();
        CrowdReport { lost: report.lost + missing, ..report }
    }
}

fn subscribe(say: &mut Say, channel: String, join_leave: bool) {
    let channel = channel.into();
    say.ask(Request::Subscribe(SubscribeRequest { channel, join_leave, ..SubscribeRequest::default() }));
}

fn publish(say: &mut Say, channel: &str, data: &Value) -> u32 {
    let data = data.to_string();
    let request =
        PublishRequest { channel: channel.into(), data: data.as_bytes(), ..PublishRequest::default() };
    say.ask(Request::Publish(request))
}

#[cfg(test)]
mod tests {
    use wavecast_server::protocol::centrifuge::{ClientInfo, Encoding, SubscribeResult};

    use super::*;

    const MS: u64 = 1_000_000;

    fn at(ms: u64) -> Now {
        Now { ns: ms * MS, unix_ns: 0 }
    }

    /// Two rooms of two, who came in when the rooms had seven messages.
    fn chat() -> (Chat, Vec<Say>) {
        let mut chat = Chat::new(4, 2, 4_000);
        let mut says = vec![Say::new(Encoding::Json); 4];
        for (chatter, say) in says.iter_mut().enumerate() {
            chat.admitted(chatter, &json!({"user": format!("u{chatter}")})).unwrap();
            let joined = SubscribeResult { offset: 7, epoch: "e".into(), ..SubscribeResult::default() };
            chat.answered(chatter, OWN_ROOM_ID, &Res::Subscribe(joined), say).unwrap();
            let devices = SubscribeResult { offset: 3, ..SubscribeResult::default() };
            chat.answered(chatter, DEVICES_ID, &Res::Subscribe(devices), say).unwrap();
            say.bytes.clear();
        }
        (chat, says)
    }

    fn hear(chat: &mut Chat, chatter: usize, offset: u64, user: &str, sent_ms: u64, now: Now) {
        let data = json!({"at": 5, "id": note::id(sent_ms * MS, 1), "text": "x"}).to_string();
        let info = Some(ClientInfo { user: user.into(), ..ClientInfo::default() });
        let publication = Publication { data: data.as_bytes(), info, offset, ..Publication::default() };
        let channel = format!("chat:{}", chat.rooms[chat.room_of(chatter)].name).into();
        let push = Push::Publication { channel, publication };
        chat.pushed(chatter, &push, now, &mut Say::new(Encoding::Json)).unwrap();
    }

    /// What is said until then: when, by whom and to which channel.
    fn said_until(chat: &mut Chat, says: &mut [Say], ms: u64) -> Vec<(usize, String)> {
        let mut said = Vec::new();
        while let Some(chatter) = chat.act(ms * MS, says) {
            let text = String::from_utf8(std::mem::take(&mut says[chatter].bytes)).unwrap();
            for line in text.lines() {
                let command: Value = serde_json::from_str(line).unwrap();
                said.push((chatter, command["publish"]["channel"].as_str().unwrap().to_owned()));
            }
        }
        said
    }

    #[test]
    fn each_types_and_speaks_in_its_room_once_in_every_pause() {
        let (mut chat, mut says) = chat();
        chat.begin(at(0));
        let said = said_until(&mut chat, &mut says, 3_900);
        let expected = [
            (0, "chat-here:room-1"),
            (0, "chat:room-1"),
            (1, "chat-here:room-2"),
            (2, "chat-here:room-1"),
            (1, "chat:room-2"),
            (3, "chat-here:room-2"),
            (2, "chat:room-1"),
        ];
        let mut found: Vec<_> = said.iter().map(|(chatter, channel)| (*chatter, channel.as_str())).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
        chat.hush();
        assert_eq!(said_until(&mut chat, &mut says, 60_000), [], "hushed");
    }

    #[test]
    fn a_message_is_awaited_by_everybody_in_its_room_until_it_comes() {
        let (mut chat, mut says) = chat();
        chat.begin(at(0));
        said_until(&mut chat, &mut says, 1_000);
        assert_eq!(chat.rooms[0].said, 1);
        assert!(!chat.is_settled(0));
        assert_eq!((chat.report().lost, chat.last_report(0).lost), (0, 2));
        hear(&mut chat, 0, 8, "u0", 1_000, at(1_002));
        hear(&mut chat, 2, 8, "u0", 1_000, at(1_003));
        assert!(chat.is_settled(0));
        let report = chat.last_report(0);
        assert_eq!((report.lost, report.doubled, report.deliveries), (0, 0, 2));
        assert_eq!(report.delays[0].iter().map(|(_, count)| count).sum::<u64>(), 1, "not the own one");
        hear(&mut chat, 2, 8, "u0", 1_000, at(1_004));
        assert_eq!(chat.last_report(0).doubled, 1);
        hear(&mut chat, 2, 10, "u0", 1_000, at(1_005));
        assert_eq!(chat.last_report(0).lost, 1, "one was left out");
    }

    #[test]
    fn what_was_refused_is_not_awaited() {
        let (mut chat, mut says) = chat();
        chat.begin(at(0));
        said_until(&mut chat, &mut says, 1_000);
        let id = chat.chatters[0].saying;
        chat.refused(0, id + 1);
        assert!(!chat.is_settled(0));
        chat.refused(0, id);
        assert!(chat.is_settled(0));
        assert_eq!(chat.report().refused, 2);
    }

    #[test]
    fn marks_are_told_once_for_all_that_was_read_meanwhile() {
        let (mut chat, mut says) = chat();
        for offset in 8..=10 {
            hear(&mut chat, 0, offset, "u2", 0, at(offset));
        }
        assert_eq!(said_until(&mut chat, &mut says, 150), []);
        assert_eq!(said_until(&mut chat, &mut says, 460), [(0, "chat-me:#u0".to_owned())]);
        // Its echo makes the page look once more, and there is nothing new.
        let publication = Publication { data: b"{}", offset: 4, ..Publication::default() };
        let push = Push::Publication { channel: "chat-me:#u0".into(), publication };
        chat.pushed(0, &push, at(500), &mut says[0]).unwrap();
        assert_eq!(said_until(&mut chat, &mut says, 1_000), []);
        // What is read soon after waits.
        hear(&mut chat, 0, 11, "u2", 0, at(1_010));
        assert_eq!(said_until(&mut chat, &mut says, 2_140), []);
        assert_eq!(said_until(&mut chat, &mut says, 2_460), [(0, "chat-me:#u0".to_owned())]);
        assert_eq!(said_until(&mut chat, &mut says, 60_000), []);
        assert_eq!((chat.report().lost, chat.report().doubled), (0, 0));
    }
}
