//! The arena of the game demo, without a socket, a clock or a lock: ships, sparks, thirty steps a second.
//!
//! A ship turns towards the direction it is steered in and is pushed along its heading. `web/demo/game/flight.ts` does the
//! same sums to move a player's own ship before the server's word arrives; a test on each side holds both to one table.

use std::f32::consts::{PI, TAU};

/// Steps in a second.
pub(crate) const STEPS_PER_SECOND: u32 = 30;
/// Players at a time.
pub(crate) const PLAYERS_MAX: usize = 50;
/// Bots give way to players, and come back when players go: so many ships there are at least.
const SHIPS_MIN: usize = 10;
/// Ships with numbers from here on are bots.
const FIRST_BOT: u16 = 0xff00;
const SPARKS: usize = 30;
/// The first of the sparks are worth more.
const GOLDEN: usize = 3;
const ROUND_STEPS: u32 = 90 * STEPS_PER_SECOND;
/// Steps without a word from its player after which a ship is pushed no more, is adrift, and goes. Who has lost the
/// connection has the time between the last two to come back.
const SILENT: u16 = 3 * STEPS_PER_SECOND as u16;
const ADRIFT: u16 = 10 * STEPS_PER_SECOND as u16;
const GONE: u16 = 15 * STEPS_PER_SECOND as u16;

const WIDTH: f32 = 2400.0;
const HEIGHT: f32 = 1500.0;
const RADIUS: f32 = 18.0;
const REACH: f32 = 36.0;
/// Radians a step, units a step for each step, and what is left of the speed after one.
const TURN: f32 = 0.22;
const PUSH: f32 = 0.6;
const DRAG: f32 = 0.95;
const BOUNCE: f32 = -0.6;

/// Where a ship shall go: four bytes from a client, little-endian as everything here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Input {
    /// The client's count, which comes back in the states.
    pub(crate) sequence: u16,
    /// The direction, in 256ths of a turn, clockwise from the right.
    pub(crate) angle: u8,
    /// How hard, up to 255.
    pub(crate) power: u8,
}

impl Input {
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let &[low, high, angle, power] = bytes else { return None };
        Some(Self { sequence: u16::from_le_bytes([low, high]), angle, power })
    }
}

#[derive(Debug, Clone, Default)]
struct Ship {
    number: u16,
    score: u16,
    x: f32,
    y: f32,
    vx: f32,
    vy: f32,
    heading: f32,
    input: Input,
    /// Steps that `input` has been followed for.
    age: u16,
}

impl Ship {
    fn is_bot(&self) -> bool {
        self.number >= FIRST_BOT
    }

    fn fly(&mut self) {
        let wanted = f32::from(self.input.angle) / 256.0 * TAU;
        let off = (wanted - self.heading + PI).rem_euclid(TAU) - PI;
        let power = f32::from(self.input.power) / 255.0 * PUSH;
        if power > 0.0 {
            self.heading = (self.heading + off.clamp(-TURN, TURN)).rem_euclid(TAU);
        }
        self.vx = (self.vx + self.heading.cos() * power) * DRAG;
        self.vy = (self.vy + self.heading.sin() * power) * DRAG;
        (self.x, self.vx) = along(self.x, self.vx, WIDTH);
        (self.y, self.vy) = along(self.y, self.vy, HEIGHT);
        self.age = self.age.saturating_add(1);
        if self.age > SILENT {
            self.input.power = 0;
        }
    }
}

/// One axis of a step: to the wall, and back from it.
fn along(place: f32, speed: f32, length: f32) -> (f32, f32) {
    let next = place + speed;
    let held = next.clamp(RADIUS, length - RADIUS);
    (held, if held == next { speed } else { speed * BOUNCE })
}

/// Everything there is.
pub(crate) struct Arena {
    step: u32,
    ships: Vec<Ship>,
    sparks: Vec<(f32, f32)>,
    /// Who won the last round; 0: nobody yet.
    champion: u16,
    chance: u64,
}

impl Arena {
    /// An arena with bots; the same seed gives the same sparks.
    pub(crate) fn new(seed: u64) -> Self {
        let (ships, sparks) = (Vec::new(), Vec::new());
        let mut arena = Self { step: 0, ships, sparks, champion: 0, chance: seed | 1 };
        arena.sparks = (0..SPARKS).map(|_| arena.somewhere()).collect();
        arena.muster();
        arena
    }

    /// A player's ship comes in, or goes on where it was adrift. False: there is no room.
    pub(crate) fn enter(&mut self, number: u16) -> bool {
        if let Some(ship) = self.player(number) {
            ship.age = ship.age.min(SILENT);
            return true;
        }
        let players = self.ships.iter().filter(|ship| !ship.is_bot()).count();
        if number == 0 || number >= FIRST_BOT || players >= PLAYERS_MAX {
            return false;
        }
        self.launch(number);
        self.muster();
        true
    }

    /// A player's connection has ended: the ship waits a little for it to come back.
    pub(crate) fn leave(&mut self, number: u16) {
        if let Some(ship) = self.player(number) {
            (ship.age, ship.input.power) = (ADRIFT, 0);
        }
    }

    /// A player steers. False: there is no such ship.
    pub(crate) fn steer(&mut self, number: u16, input: Input) -> bool {
        let Some(ship) = self.player(number) else { return false };
        (ship.input, ship.age) = (input, 0);
        true
    }

    /// A thirtieth of a second. What comes is the whole state: who missed others needs no more than the newest.
    pub(crate) fn step(&mut self) -> Vec<u8> {
        self.step += 1;
        self.think();
        self.ships.iter_mut().for_each(Ship::fly);
        self.collide();
        self.collect();
        let present = self.ships.len();
        self.ships.retain(|ship| ship.age < GONE);
        if self.ships.len() != present {
            self.muster();
        }
        if self.step.is_multiple_of(ROUND_STEPS) {
            let best = self.ships.iter().max_by_key(|ship| ship.score);
            self.champion = best.map_or(0, |ship| ship.number);
            self.ships.iter_mut().for_each(|ship| ship.score = 0);
        }
        self.encode()
    }

    /// As `web/demo/game/state.ts` reads it.
    fn encode(&self) -> Vec<u8> {
        let seconds_left = (ROUND_STEPS - self.step % ROUND_STEPS).div_ceil(STEPS_PER_SECOND);
        let mut bytes = vec![1, seconds_left as u8];
        bytes.extend(self.step.to_le_bytes());
        bytes.extend(self.champion.to_le_bytes());
        bytes.extend([self.ships.len() as u8, self.sparks.len() as u8]);
        for ship in &self.ships {
            let flags = [ship.is_bot(), ship.input.power > 0, ship.age >= ADRIFT];
            bytes.extend(ship.number.to_le_bytes());
            bytes.push(flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag)));
            bytes.push(u8::try_from(ship.age).unwrap_or(u8::MAX));
            bytes.extend(ship.input.sequence.to_le_bytes());
            bytes.extend(ship.score.to_le_bytes());
            bytes.extend(place(ship.x));
            bytes.extend(place(ship.y));
            bytes.extend(((ship.vx * 256.0) as i16).to_le_bytes());
            bytes.extend(((ship.vy * 256.0) as i16).to_le_bytes());
            bytes.extend(((ship.heading / TAU * 65536.0) as u16).to_le_bytes());
        }
        for &(x, y) in &self.sparks {
            bytes.extend(place(x));
            bytes.extend(place(y));
        }
        bytes
    }

    fn player(&mut self, number: u16) -> Option<&mut Ship> {
        self.ships.iter_mut().find(|ship| ship.number == number && !ship.is_bot())
    }

    fn launch(&mut self, number: u16) {
        let (x, y) = self.somewhere();
        let heading = self.random() * TAU;
        self.ships.push(Ship { number, x, y, heading, ..Ship::default() });
    }

    /// As many bots as there have to be: the youngest go first.
    fn muster(&mut self) {
        while self.ships.len() > SHIPS_MIN
            && let Some(bot) = self.ships.iter().rposition(Ship::is_bot)
        {
            self.ships.remove(bot);
        }
        while self.ships.len() < SHIPS_MIN {
            let is_free = |number: &u16| self.ships.iter().all(|ship| ship.number != *number);
            let Some(number) = (FIRST_BOT..).find(is_free) else { return };
            self.launch(number);
        }
    }

    /// Bots go for what is near, each with a taste and a strength of its own, and think five times a second.
    fn think(&mut self) {
        for ship in self.ships.iter_mut().filter(|ship| ship.is_bot()) {
            let number = usize::from(ship.number - FIRST_BOT);
            if !(self.step as usize + number).is_multiple_of(6) {
                continue;
            }
            let cost = |(spark, &(x, y)): (usize, &(f32, f32))| {
                let taste = 1.0 + ((number * 7 + spark * 13) % 5) as f32 * 0.25;
                (x - ship.x).hypot(y - ship.y) * taste
            };
            let nearest = self.sparks.iter().enumerate().min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
            let Some((_, &(x, y))) = nearest else { continue };
            // Where it is going, rather than where it is: else it would circle what it wants.
            let angle = (y - ship.y - ship.vy * 9.0).atan2(x - ship.x - ship.vx * 9.0);
            let angle = (angle.rem_euclid(TAU) / TAU * 256.0) as u8;
            ship.input = Input { angle, power: 110 + (number % 5) as u8 * 20, ..ship.input };
            ship.age = 0;
        }
    }

    /// Ships of one weight push each other off.
    fn collide(&mut self) {
        for one in 1..self.ships.len() {
            let (before, after) = self.ships.split_at_mut(one);
            let Some(a) = after.first_mut() else { return };
            for b in before {
                let (dx, dy) = (a.x - b.x, a.y - b.y);
                let apart = dx.hypot(dy);
                if apart >= 2.0 * RADIUS || apart == 0.0 {
                    continue;
                }
                let (nx, ny) = (dx / apart, dy / apart);
                let overlap = RADIUS - apart / 2.0;
                let closing = ((a.vx - b.vx) * nx + (a.vy - b.vy) * ny).min(0.0);
                for (ship, sign) in [(&mut *a, 1.0), (b, -1.0)] {
                    ship.x = (ship.x + nx * overlap * sign).clamp(RADIUS, WIDTH - RADIUS);
                    ship.y = (ship.y + ny * overlap * sign).clamp(RADIUS, HEIGHT - RADIUS);
                    ship.vx -= nx * closing * sign;
                    ship.vy -= ny * closing * sign;
                }
            }
        }
    }

    fn collect(&mut self) {
        for spark in 0..self.sparks.len() {
            let (x, y) = self.sparks[spark];
            let finder = self.ships.iter_mut().find(|ship| (ship.x - x).hypot(ship.y - y) < REACH);
            if let Some(ship) = finder {
                ship.score = ship.score.saturating_add(if spark < GOLDEN { 5 } else { 1 });
                self.sparks[spark] = self.somewhere();
            }
        }
    }

    fn somewhere(&mut self) -> (f32, f32) {
        let margin = 60.0;
        let (x, y) = (self.random(), self.random());
        (margin + x * (WIDTH - 2.0 * margin), margin + y * (HEIGHT - 2.0 * margin))
    }

    /// From 0 to 1: xorshift, no secret.
    fn random(&mut self) -> f32 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        (self.chance >> 40) as f32 / (1_u32 << 24) as f32
    }
}

/// Sixteenths of a unit.
fn place(value: f32) -> [u8; 2] {
    ((value * 16.0) as u16).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ship(arena: &Arena, number: u16) -> &Ship {
        arena.ships.iter().find(|ship| ship.number == number).unwrap()
    }

    #[test]
    fn a_ship_flies_as_the_page_predicts() {
        // The same table is in web/test/demo_game_flight.test.ts.
        let mut ship = Ship { x: 1200.0, y: 40.0, ..Ship::default() };
        for (angle, power, steps, x, y, heading) in [
            (0, 255, 30, 1371.9, 40.0, 0.000),
            (192, 255, 20, 1508.8, 18.2, 4.712),
            (64, 128, 30, 1534.6, 65.7, 1.571),
            (100, 0, 15, 1535.4, 103.9, 1.571),
        ] {
            ship.input = Input { sequence: 1, angle, power };
            for _ in 0..steps {
                ship.fly();
            }
            let found = (ship.x, ship.y, ship.heading);
            let far = (found.0 - x).abs() + (found.1 - y).abs() + (found.2 - heading).abs();
            assert!(far < 0.5, "{angle} {power}: {found:?}");
        }
    }

    #[test]
    fn bots_give_way_to_players_and_come_back() {
        let mut arena = Arena::new(7);
        assert_eq!(arena.ships.len(), SHIPS_MIN);
        for number in 1..=PLAYERS_MAX as u16 {
            assert!(arena.enter(number), "{number}");
        }
        assert!(arena.ships.iter().all(|ship| !ship.is_bot()));
        assert!(!arena.enter(99), "full");
        assert!(arena.enter(5), "that one is in already");
        (1..=PLAYERS_MAX as u16).for_each(|number| arena.leave(number));
        (ADRIFT..GONE).for_each(|_| _ = arena.step());
        assert_eq!(arena.ships.len(), SHIPS_MIN);
        assert!(arena.ships.iter().all(Ship::is_bot));
    }

    #[test]
    fn who_comes_back_in_time_keeps_ship_and_score() {
        let mut arena = Arena::new(7);
        arena.enter(3);
        arena.player(3).unwrap().score = 12;
        arena.leave(3);
        (ADRIFT + 1..GONE).for_each(|_| _ = arena.step());
        arena.enter(3);
        (ADRIFT..GONE).for_each(|_| _ = arena.step());
        assert!(ship(&arena, 3).score >= 12);
    }

    #[test]
    fn nobody_steers_a_bot_or_a_ship_that_is_not_there() {
        let mut arena = Arena::new(7);
        let input = Input::decode(&[1, 0, 64, 255]).unwrap();
        assert!(!arena.steer(FIRST_BOT, input));
        assert!(!arena.steer(1, input));
        assert!(!arena.enter(0) && !arena.enter(FIRST_BOT));
        assert_eq!(Input::decode(&[1, 0, 64]), None);
    }

    #[test]
    fn a_silent_player_stops_steering_and_goes() {
        let mut arena = Arena::new(7);
        arena.enter(1);
        arena.steer(1, Input { sequence: 1, angle: 0, power: 255 });
        (0..SILENT + 2).for_each(|_| _ = arena.step());
        assert_eq!(ship(&arena, 1).input.power, 0);
        (SILENT..GONE).for_each(|_| _ = arena.step());
        assert!(arena.player(1).is_none(), "and goes");
    }

    #[test]
    fn everything_stays_inside_and_bots_find_sparks() {
        let mut arena = Arena::new(7);
        for number in 1..=20 {
            arena.enter(number);
            arena.steer(number, Input { sequence: 1, angle: number as u8 * 12, power: 255 });
        }
        (1..=20).for_each(|number| arena.leave(number));
        for _ in 1..ROUND_STEPS {
            arena.step();
            assert!(arena.ships.iter().all(|ship| {
                (RADIUS..=WIDTH - RADIUS).contains(&ship.x) && (RADIUS..=HEIGHT - RADIUS).contains(&ship.y)
            }));
        }
        assert!(arena.ships.iter().map(|ship| ship.score).sum::<u16>() > 100);
        arena.step();
        assert!(arena.champion >= FIRST_BOT, "the round ends with a winner");
        assert!(arena.ships.iter().all(|ship| ship.score == 0));
    }

    #[test]
    fn the_state_is_as_long_as_its_head_says() {
        let mut arena = Arena::new(7);
        arena.enter(0x0203);
        arena.steer(0x0203, Input { sequence: 0x0405, angle: 0, power: 1 });
        let bytes = arena.encode();
        assert_eq!(bytes.len(), 10 + usize::from(bytes[8]) * 18 + usize::from(bytes[9]) * 4);
        let last = &bytes[10 + 9 * 18..][..6];
        assert_eq!(last, [3, 2, 2, 0, 5, 4], "number, pushed, age, sequence");
    }
}
