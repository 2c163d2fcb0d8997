//! The weather of an island, invented for `demo_monitoring`.
//!
//! Every message is the whole map, as JSON. Temperatures are in tenths of a degree.

use super::market::{Chance, list, now_ms};

/// Place, longitude and latitude. The names are invented.
#[rustfmt::skip]
const STATIONS: [(&str, f64, f64); 20] = [
    ("Ashavik", -21.9, 64.1), ("Brimholt", -23.6, 64.8), ("Dunmarr", -21.3, 64.75), ("Eldnes", -23.9, 65.6),
    ("Fellgard", -22.6, 65.9), ("Glimsand", -22.3, 66.35), ("Hraunby", -20.8, 65.0), ("Ilmvatn", -20.3, 65.6),
    ("Jotunsey", -19.9, 65.95), ("Kaldmoor", -18.8, 65.2), ("Lyngoy", -18.2, 65.7), ("Mistfell", -17.2, 66.0),
    ("Norrhofn", -15.9, 66.4), ("Oddfall", -15.2, 65.7), ("Perlvik", -14.1, 65.3), ("Rokkr", -14.6, 64.7),
    ("Sandhals", -16.2, 64.1), ("Tindur", -17.6, 64.5), ("Ullmark", -18.8, 63.6), ("Vestholm", -20.6, 64.0),
];

pub(crate) struct Weather {
    chance: Chance,
    /// Tenths of a degree, wind in metres a second, its direction in degrees.
    measured: Vec<[i64; 3]>,
}

impl Weather {
    pub(crate) fn new() -> Self {
        let mut chance = Chance(0x005e_ed3a_71e2);
        let measured = STATIONS
            .iter()
            .map(|(_, _, latitude)| {
                let warmth = ((67.0 - latitude) * 32.0) as i64;
                [warmth + chance.below(40) as i64 - 10, 2 + chance.below(12) as i64, chance.below(360) as i64]
            })
            .collect();
        Self { chance, measured }
    }

    /// Three stations measure anew.
    pub(crate) fn change(&mut self) {
        for _ in 0..3 {
            let station = self.chance.below(STATIONS.len() as u64) as usize;
            let [warmth, wind, direction] = &mut self.measured[station];
            *warmth = (*warmth + (self.chance.step() * 9.0) as i64).clamp(-80, 190);
            *wind = (*wind + (self.chance.step() * 4.0) as i64).clamp(0, 32);
            *direction = (*direction + (self.chance.step() * 40.0) as i64).rem_euclid(360);
        }
    }

    pub(crate) fn map(&self) -> String {
        let rows =
            list(STATIONS.iter().zip(&self.measured).map(|((name, x, y), [warmth, wind, direction])| {
                format!(r#"["{name}",{x},{y},{warmth},{wind},{direction}]"#)
            }));
        format!(r#"{{"t":{},"stations":{rows}}}"#, now_ms())
    }
}
