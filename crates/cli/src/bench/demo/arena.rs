//! Players and watchers of the arena, as `web/demo/game` has them.
//!
//! A player turns its ship a little with each input; the number of an input comes back in the states, so its way is known
//! there and back. Watchers go by the time of the publication.

use std::collections::VecDeque;

use serde_json::{Value, json};
use wavecast_server::protocol::centrifuge::{
    Encoding, PresenceRequest, Push, Request, Res, SubscribeRequest,
};

use super::super::control::CrowdReport;
use super::super::latency::Latency;
use super::agenda::Agenda;
use super::scene::{Now, Say, Scene};

const CHANNEL: &str = "arena:main";
/// Inputs on their way that are remembered: more than four seconds' worth, as many as a player can send.
const SENT_MAX: usize = 128;
const FULL_POWER: u8 = 255;
const SUBSCRIBE_ID: u32 = 2;

/// Everybody at one arena. Players come first.
pub(super) struct Arena {
    players: Vec<Player>,
    /// Of each visitor: the newest state, 0 for none.
    newest: Vec<u32>,
    interval_ns: u64,
    agenda: Agenda<()>,
    is_hushed: bool,
    inputs: u64,
    /// The newest state that anybody has, and what that was at the beginning.
    published: (u32, u32),
    to_players: Latency,
    to_watchers: Latency,
    report: CrowdReport,
}

#[derive(Debug, Default)]
struct Player {
    ship: u16,
    sequence: u16,
    angle: u8,
    /// Inputs that no state has followed yet: their numbers, and when they were sent.
    sent: VecDeque<(u16, u64)>,
}

impl Arena {
    pub(super) fn new(players: u32, watchers: u32, inputs_per_second: u32) -> Self {
        Self {
            players: (0..players).map(|_| Player::default()).collect(),
            newest: vec![0; (players + watchers) as usize],
            interval_ns: 1_000_000_000 / u64::from(inputs_per_second.max(1)),
            agenda: Agenda::new(),
            is_hushed: false,
            inputs: 0,
            published: (0, 0),
            to_players: Latency::new(),
            to_watchers: Latency::new(),
            report: CrowdReport::default(),
        }
    }

    /// Only the newest state is promised, so some may be left out, but none may come back.
    fn count(&mut self, visitor: usize, step: u32) -> bool {
        self.report.deliveries += 1;
        let newest = &mut self.newest[visitor];
        if step <= *newest {
            self.report.doubled += 1;
            return false;
        }
        self.report.skipped += if *newest == 0 { 0 } else { u64::from(step - *newest - 1) };
        *newest = step;
        self.published.0 = step.max(self.published.0);
        true
    }
}

impl Player {
    /// Where the ship shall go next: four bytes, as `web/demo/game/state.ts` writes them.
    fn steer(&mut self, now_ns: u64) -> [u8; 4] {
        self.sequence = self.sequence.wrapping_add(1);
        self.angle = self.angle.wrapping_add(9);
        self.sent.push_back((self.sequence, now_ns));
        if self.sent.len() > SENT_MAX {
            self.sent.pop_front();
        }
        let [low, high] = self.sequence.to_le_bytes();
        [low, high, self.angle, FULL_POWER]
    }

    /// A state follows this input; when it was sent. One that was replaced before the server acted on it has no time.
    fn followed(&mut self, sequence: u16) -> Option<u64> {
        let mut last = None;
        while let Some(&(sent, at_ns)) = self.sent.front()
            && (sequence.wrapping_sub(sent) as i16) >= 0
        {
            last = Some((sent, at_ns));
            self.sent.pop_front();
        }
        last.filter(|(sent, _)| *sent == sequence).map(|(_, at_ns)| at_ns)
    }
}

impl Scene for Arena {
    fn encoding(&self) -> Encoding {
        Encoding::Protobuf
    }

    fn visitors(&self) -> usize {
        self.newest.len()
    }

    fn login(&self, visitor: usize) -> Option<(&'static str, Value)> {
        (visitor < self.players.len()).then(|| ("game.join", json!({"name": format!("Player {visitor}")})))
    }

    fn admitted(&mut self, visitor: usize, answer: &Value) -> Result<(), String> {
        let ship = answer["ship"].as_u64().and_then(|ship| u16::try_from(ship).ok());
        self.players[visitor].ship = ship.ok_or("who joined was given no ship")?;
        Ok(())
    }

    fn enter(&mut self, _visitor: usize, say: &mut Say) {
        let request = SubscribeRequest { channel: CHANNEL.into(), ..SubscribeRequest::default() };
        say.ask(Request::Subscribe(request));
    }

    fn answered(&mut self, _visitor: usize, id: u32, res: &Res<'_>, say: &mut Say) -> Result<(), String> {
        if let (SUBSCRIBE_ID, Res::Subscribe(_)) = (id, res) {
            say.ask(Request::Presence(PresenceRequest { channel: CHANNEL.into() }));
        }
        Ok(())
    }

    /// Who says nothing for long loses the ship, so players do not wait for the others.
    fn settled_in(&mut self, visitor: usize, now: Now) {
        if visitor < self.players.len() {
            self.agenda.add(now.ns + fastrand::u64(..self.interval_ns), visitor, ());
        }
    }

    fn pushed(&mut self, visitor: usize, push: &Push<'_>, now: Now, _say: &mut Say) -> Result<(), String> {
        let Push::Publication { publication, .. } = push else { return Ok(()) };
        let step = step_of(publication.data).ok_or("a state that no page understands")?;
        if !self.count(visitor, step) {
            return Ok(());
        }
        match self.players.get_mut(visitor) {
            Some(player) => {
                let sequence = sequence_of(publication.data, player.ship);
                if let Some(sent_ns) = sequence.and_then(|sequence| player.followed(sequence)) {
                    self.to_players.record(now.ns.saturating_sub(sent_ns));
                }
            }
            None if publication.time > 0 => {
                self.to_watchers.record(now.ns_since_unix_ms(publication.time.unsigned_abs()));
            }
            None => return Err("the publications have no time".into()),
        }
        Ok(())
    }

    fn refused(&mut self, _visitor: usize, _id: u32) {
        self.report.refused += 1;
    }

    fn due_ns(&self) -> Option<u64> {
        self.agenda.due_ns()
    }

    fn act(&mut self, now_ns: u64, says: &mut [Say]) -> Option<usize> {
        let (due_ns, visitor, ()) = self.agenda.take(now_ns)?;
        if !self.is_hushed {
            says[visitor].call("game.steer", &self.players[visitor].steer(now_ns));
            self.inputs += 1;
            self.agenda.add(due_ns + self.interval_ns, visitor, ());
        }
        Some(visitor)
    }

    fn begin(&mut self, _now: Now) {
        self.report = CrowdReport::default();
        self.to_players.clear();
        self.to_watchers.clear();
        self.inputs = 0;
        self.published.1 = self.published.0;
    }

    fn hush(&mut self) {
        self.is_hushed = true;
    }

    fn report(&self) -> CrowdReport {
        CrowdReport {
            publications: u64::from(self.published.0 - self.published.1),
            parts: vec![("inputs".into(), self.inputs)],
            delays: vec![self.to_players.buckets(), self.to_watchers.buckets()],
            ..self.report.clone()
        }
    }
}

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 10;
const SHIPS_AT: usize = 8;
const SHIP_BYTES: usize = 18;

/// The number of a state.
fn step_of(state: &[u8]) -> Option<u32> {
    let (&version, rest) = state.split_first()?;
    if version != VERSION {
        return None;
    }
    Some(u32::from_le_bytes(*rest.get(1..)?.first_chunk()?))
}

/// The input that a ship follows; `None` while it is not there.
fn sequence_of(state: &[u8], ship: u16) -> Option<u16> {
    let ships = usize::from(*state.get(SHIPS_AT)?);
    let mut ships = state.get(HEAD_BYTES..)?.chunks_exact(SHIP_BYTES).take(ships);
    let ship = ships.find(|bytes| bytes.starts_with(&ship.to_le_bytes()))?;
    Some(u16::from_le_bytes(*ship.get(4..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use wavecast_server::protocol::centrifuge::Publication;

    use super::*;

    const MS: u64 = 1_000_000;

    /// As `examples/demo_arena.rs` writes it: no sparks, and ships of which only number and input are not 0.
    fn state(step: u32, ships: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = vec![1, 90];
        bytes.extend(step.to_le_bytes());
        bytes.extend([0, 0, ships.len() as u8, 0]);
        for (number, sequence) in ships {
            bytes.extend(number.to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(sequence.to_le_bytes());
            bytes.extend([0; 12]);
        }
        bytes
    }

    fn see(arena: &mut Arena, visitor: usize, state: &[u8], now: Now) {
        let publication = Publication { data: state, time: 1_000, ..Publication::default() };
        let push = Push::Publication { channel: CHANNEL.into(), publication };
        arena.pushed(visitor, &push, now, &mut Say::new(Encoding::Protobuf)).unwrap();
    }

    fn count(buckets: &[(u64, u64)]) -> u64 {
        buckets.iter().map(|(_, count)| count).sum()
    }

    #[test]
    fn a_state_says_its_number_and_which_input_a_ship_follows() {
        let state = state(0x0102_0304, &[(5, 6), (0x0708, 0x090a)]);
        assert_eq!(step_of(&state), Some(0x0102_0304));
        assert_eq!(sequence_of(&state, 0x0708), Some(0x090a));
        assert_eq!((sequence_of(&state, 6), step_of(&state[..5]), step_of(&[2; 10])), (None, None, None));
    }

    #[test]
    fn the_way_of_an_input_ends_with_the_first_state_that_follows_it() {
        let mut arena = Arena::new(1, 0, 10);
        arena.admitted(0, &json!({"ship": 7, "token": "t"})).unwrap();
        arena.settled_in(0, Now { ns: 0, unix_ns: 0 });
        let mut says = vec![Say::new(Encoding::Protobuf)];
        let (first, second) = (100 * MS, 200 * MS);
        assert_eq!([arena.act(first, &mut says), arena.act(first, &mut says)], [Some(0), None]);
        assert_eq!(arena.act(second, &mut says), Some(0));
        let at = |ns| Now { ns, unix_ns: 0 };
        see(&mut arena, 0, &state(1, &[(7, 0)]), at(second));
        assert_eq!(count(&arena.report().delays[0]), 0, "none is followed yet");
        // The first was replaced before the server acted on it.
        see(&mut arena, 0, &state(2, &[(7, 2)]), at(second + 30 * MS));
        see(&mut arena, 0, &state(3, &[(7, 2)]), at(second + 60 * MS));
        let report = arena.report();
        let mut delay = Latency::new();
        delay.add(&report.delays[0]);
        assert_eq!(delay.summary().samples, 1);
        assert!((delay.summary().max_us / 30_000.0 - 1.0).abs() < 0.01, "{:?}", delay.summary());
        assert_eq!(report.parts, [("inputs".to_owned(), 2)]);
    }

    #[test]
    fn numbers_of_inputs_may_begin_again() {
        let mut player = Player { sequence: 65_534, ..Player::default() };
        for at in 1..=3 {
            player.steer(at);
        }
        assert_eq!(player.sequence, 1);
        assert_eq!(
            (player.followed(65_535), player.followed(1), player.followed(1)),
            (Some(1), Some(3), None)
        );
        player.steer(4);
        assert_eq!(player.followed(30), None, "an input of somebody else, who had this ship before");
    }

    #[test]
    fn watchers_may_miss_states_and_never_see_one_again() {
        let mut arena = Arena::new(0, 2, 10);
        let now = Now { ns: 0, unix_ns: 1_005 * MS };
        for (visitor, step) in [(0, 4), (0, 5), (1, 5), (0, 8)] {
            see(&mut arena, visitor, &state(step, &[]), now);
        }
        let report = arena.report();
        assert_eq!((report.deliveries, report.skipped, report.doubled), (4, 2, 0));
        assert_eq!((count(&report.delays[0]), count(&report.delays[1])), (0, 4));
        see(&mut arena, 1, &state(5, &[]), now);
        assert_eq!(arena.report().doubled, 1);
        arena.begin(now);
        see(&mut arena, 1, &state(9, &[]), now);
        assert_eq!(arena.report().publications, 1);
    }
}
