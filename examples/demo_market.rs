//! A market, invented for `demo_monitoring`.
//!
//! Every message is the whole state, as JSON: whoever has the newest needs none before it. Prices are in hundredths.

use std::time::SystemTime;

pub(crate) const SECTORS: [&str; 8] =
    ["energy", "metals", "grain", "timber", "transport", "health", "software", "leisure"];
const PER_SECTOR: usize = 25;

/// Numbers that look random and are the same in every run (xorshift).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// One of `0..below`.
    pub(crate) fn below(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    /// Between -1 and 1, small ones more often.
    pub(crate) fn step(&mut self) -> f64 {
        (0..3).map(|_| self.below(2001) as f64 / 1000.0 - 1.0).sum::<f64>() / 3.0
    }
}

struct Instrument {
    symbol: String,
    open: f64,
    price: f64,
    high: f64,
    low: f64,
    /// Of a hundred turns so many have a trade.
    trades: u64,
}

pub(crate) struct Market {
    chance: Chance,
    turn: u64,
    instruments: Vec<Instrument>,
}

impl Market {
    pub(crate) fn new() -> Self {
        let mut chance = Chance(0x005e_edb0_a2d1);
        let instruments = (0..SECTORS.len() * PER_SECTOR)
            .map(|n| {
                let open = (8.0 + 40.0 * (n * 37 % 23) as f64 + chance.below(4000) as f64 / 100.0).floor();
                // The first of each sector is traded in every turn.
                let trades = if n % PER_SECTOR == 0 { 100 } else { 10 + chance.below(30) };
                Instrument { symbol: symbol(n), open, price: open, high: open, low: open, trades }
            })
            .collect();
        Self { chance, turn: 0, instruments }
    }

    /// One turn: some prices move, and the further one is from where it opened, the more it is drawn back.
    pub(crate) fn trade(&mut self) {
        self.turn += 1;
        for instrument in &mut self.instruments {
            if self.chance.below(100) < instrument.trades {
                let back = (instrument.open / instrument.price - 1.0) * 0.002;
                let price = instrument.price * (1.0 + back + self.chance.step() * 0.0015);
                instrument.price = price.max(1.0);
                instrument.high = instrument.high.max(price);
                instrument.low = instrument.low.min(price);
            }
        }
    }

    /// `n` counts the messages of a sector, so that a viewer sees how many it was spared.
    pub(crate) fn prices(&self, sector: usize) -> String {
        let of_sector = self.instruments.iter().skip(sector * PER_SECTOR).take(PER_SECTOR);
        let prices = list(of_sector.map(|of| hundredths(of.price).to_string()));
        format!(r#"{{"n":{},"t":{},"p":{prices}}}"#, self.turn, now_ms())
    }

    pub(crate) fn quotes(&self) -> String {
        let rows = list(self.instruments.iter().map(|Instrument { symbol, open, high, low, .. }| {
            format!(r#"["{symbol}",{},{},{}]"#, hundredths(*open), hundredths(*high), hundredths(*low))
        }));
        format!(r#"{{"t":{},"sectors":{SECTORS:?},"rows":{rows}}}"#, now_ms())
    }
}

/// Three letters, for each number below 3,375 others. Without vowels they make no words that nobody wants to read.
fn symbol(n: usize) -> String {
    let mixed = (n * 1117 + 1234) % 3375;
    [mixed / 225, mixed / 15 % 15, mixed % 15]
        .map(|letter| char::from(b"BDGHJLMNPRTVWXZ"[letter]))
        .iter()
        .collect()
}

fn hundredths(price: f64) -> i64 {
    (price * 100.0).round() as i64
}

pub(crate) fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

pub(crate) fn now_ms() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis()
}
