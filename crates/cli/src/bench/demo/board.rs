//! Viewers of the market board, who subscribe to what `web/demo/monitoring` does, and read all of it.
//!
//! There are 400 messages a second for each of them, so those of the market are read without a parser.

use memchr::memchr;
use serde_json::Value;
use wavecast_server::protocol::centrifuge::{HistoryRequest, Push, Request, Res, SubscribeRequest};

use super::super::control::CrowdReport;
use super::super::latency::Latency;
use super::scene::{Now, Say, Scene};

const QUOTES: &str = "quotes:board";
const WEATHER: &str = "weather:map";
const MACHINE: &str = "machine:now";
/// As many values as the page's chart has room for.
const MACHINES_MAX: i32 = 240;
/// Commands on a connection are numbered: the first connects, then come the subscriptions.
const QUOTES_ID: u32 = 2;
const MACHINE_ID: u32 = 4;
/// What a push about the market begins with.
const MARKET: &[u8] = b"{\"push\":{\"channel\":\"market:";
const PRICES: &[u8] = b",\"pub\":{\"data\":{\"n\":";

/// Everybody at the board.
pub(super) struct Board {
    viewers: usize,
    /// As the quotes name them.
    sectors: Vec<String>,
    /// Of each viewer and sector: the number of the newest message, 0 for none.
    newest: Vec<u64>,
    /// Of each viewer: whether the sectors were subscribed to.
    knows_sectors: Vec<bool>,
    /// Of each sector: the newest that any viewer has, and what that was at the beginning.
    published: Vec<(u64, u64)>,
    /// What the first viewer had of the other channels.
    others: u64,
    delay: Latency,
    report: CrowdReport,
}

impl Board {
    pub(super) fn new(viewers: u32) -> Self {
        Self {
            viewers: viewers as usize,
            sectors: Vec::new(),
            newest: Vec::new(),
            knows_sectors: vec![false; viewers as usize],
            published: Vec::new(),
            others: 0,
            delay: Latency::new(),
            report: CrowdReport::default(),
        }
    }

    /// The first quotes say which sectors there are; the page subscribes to each of them then.
    fn quoted(&mut self, viewer: usize, quotes: &[u8], say: &mut Say) -> Result<(), String> {
        if self.knows_sectors[viewer] {
            return Ok(());
        }
        if self.sectors.is_empty() {
            self.sectors = sectors_of(quotes).ok_or("the quotes name no sectors")?;
            self.newest = vec![0; self.viewers * self.sectors.len()];
            self.published = vec![(0, 0); self.sectors.len()];
        }
        self.knows_sectors[viewer] = true;
        for sector in &self.sectors {
            say.ask(subscribe(SubscribeRequest {
                channel: format!("market:{sector}").into(),
                ..SubscribeRequest::default()
            }));
        }
        Ok(())
    }

    fn take(&mut self, viewer: usize, sector: usize, n: u64, sent_ms: u64, now: Now) {
        self.report.deliveries += 1;
        self.delay.record(now.ns_since_unix_ms(sent_ms));
        let newest = &mut self.newest[viewer * self.sectors.len() + sector];
        if n <= *newest {
            self.report.doubled += 1;
            return;
        }
        // Before the first there is nothing that could have been left out.
        self.report.skipped += if *newest == 0 { 0 } else { n - *newest - 1 };
        *newest = n;
        let published = &mut self.published[sector].0;
        *published = n.max(*published);
    }
}

impl Scene for Board {
    fn visitors(&self) -> usize {
        self.viewers
    }

    fn enter(&mut self, _viewer: usize, say: &mut Say) {
        for channel in [QUOTES, WEATHER] {
            let (channel, delta) = (channel.into(), "fossil".into());
            say.ask(subscribe(SubscribeRequest { channel, delta, ..SubscribeRequest::default() }));
        }
        say.ask(subscribe(SubscribeRequest { channel: MACHINE.into(), ..SubscribeRequest::default() }));
    }

    fn answered(&mut self, viewer: usize, id: u32, res: &Res<'_>, say: &mut Say) -> Result<(), String> {
        match (id, res) {
            // The namespace keeps the newest, and hands it to whoever subscribes.
            (QUOTES_ID, Res::Subscribe(joined)) => match joined.publications.last() {
                Some(quotes) => self.quoted(viewer, quotes.data, say),
                None => Ok(()),
            },
            (MACHINE_ID, Res::Subscribe(_)) => {
                let (channel, limit) = (MACHINE.into(), MACHINES_MAX);
                say.ask(Request::History(HistoryRequest { channel, limit, ..HistoryRequest::default() }));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_complete(&self, viewer: usize) -> bool {
        self.knows_sectors[viewer]
    }

    fn glance(&mut self, viewer: usize, line: &[u8], now: Now) -> bool {
        let Some((sector, n, sent_ms)) = prices_in(line) else { return false };
        let Some(sector) = self.sectors.iter().position(|name| name.as_bytes() == sector) else {
            return false;
        };
        self.take(viewer, sector, n, sent_ms, now);
        true
    }

    fn pushed(&mut self, viewer: usize, push: &Push<'_>, _now: Now, say: &mut Say) -> Result<(), String> {
        let Push::Publication { channel, publication } = push else { return Ok(()) };
        self.report.deliveries += 1;
        self.others += u64::from(viewer == 0);
        match &**channel {
            QUOTES => self.quoted(viewer, publication.data, say),
            WEATHER | MACHINE => Ok(()),
            _ => Err(format!("a message that no viewer knows: {channel} {}", shown(publication.data))),
        }
    }

    fn refused(&mut self, _viewer: usize, _id: u32) {
        self.report.refused += 1;
    }

    fn begin(&mut self, _now: Now) {
        self.report = CrowdReport::default();
        self.delay.clear();
        self.others = 0;
        self.published.iter_mut().for_each(|(newest, begun)| *begun = *newest);
    }

    fn report(&self) -> CrowdReport {
        let prices = self.published.iter().map(|(newest, begun)| newest - begun).sum::<u64>();
        CrowdReport {
            publications: prices + self.others,
            delays: vec![self.delay.buckets()],
            ..self.report.clone()
        }
    }
}

fn subscribe(request: SubscribeRequest<'_>) -> Request<'_> {
    Request::Subscribe(request)
}

/// Who asks for deltas gets each payload as a string.
fn sectors_of(quotes: &[u8]) -> Option<Vec<String>> {
    let quotes = match serde_json::from_slice(quotes).ok()? {
        Value::String(text) => serde_json::from_str(&text).ok()?,
        quotes => quotes,
    };
    let sectors = quotes["sectors"].as_array()?.iter();
    sectors.map(|sector| sector.as_str().map(str::to_owned)).collect()
}

/// Sector, number and time (Unix milliseconds) of a push such as
/// `{"push":{"channel":"market:grain","pub":{"data":{"n":7,"t":1700000000000,"p":[…]}}}}`; `None` for any other line.
fn prices_in(line: &[u8]) -> Option<(&[u8], u64, u64)> {
    let rest = line.strip_prefix(MARKET)?;
    let (sector, rest) = rest.split_at(memchr(b'"', rest)?);
    let (n, rest) = number(rest.get(1..)?.strip_prefix(PRICES)?)?;
    let (sent_ms, _) = number(rest.strip_prefix(b",\"t\":")?)?;
    Some((sector, n, sent_ms))
}

/// A number without a sign, and what follows it.
fn number(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(1..=18).contains(&digits) {
        return None;
    }
    let (digits, rest) = text.split_at(digits);
    Some((digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')), rest))
}

fn shown(data: &[u8]) -> String {
    String::from_utf8_lossy(&data[..data.len().min(100)]).into_owned()
}

#[cfg(test)]
mod tests {
    use wavecast_server::protocol::centrifuge::Encoding;

    use super::*;

    fn prices(sector: &str, n: u64) -> String {
        let data = format!(r#"{{"n":{n},"t":1700000000000,"p":[1,2]}}"#);
        format!(r#"{{"push":{{"channel":"market:{sector}","pub":{{"data":{data}}}}}}}"#)
    }

    fn board() -> Board {
        let mut board = Board::new(2);
        let mut say = Say::new(Encoding::Json);
        let quotes = br#""{\"t\":1,\"sectors\":[\"grain\",\"metals\"],\"rows\":[]}""#;
        for viewer in 0..2 {
            assert!(!board.is_complete(viewer));
            board.quoted(viewer, quotes, &mut say).unwrap();
            board.quoted(viewer, b"\"a delta\"", &mut say).unwrap();
            assert!(board.is_complete(viewer));
        }
        assert_eq!(say.take_asked(), 4, "each sector once for each viewer");
        board
    }

    #[test]
    fn prices_are_read_without_a_parser_and_other_lines_are_left() {
        let line = prices("grain", 42);
        assert_eq!(prices_in(line.as_bytes()), Some((&b"grain"[..], 42, 1_700_000_000_000)));
        for other in [
            "{}",
            r#"{"push":{"channel":"market:grain","join":{}}}"#,
            r#"{"push":{"channel":"market:grain","pub":{"data":{"n":-1}}}}"#,
            r#"{"push":{"channel":"weather:map","pub":{"data":"x"}}}"#,
            &line[..60],
        ] {
            assert_eq!(prices_in(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn what_was_left_out_and_what_came_back_is_counted_for_each_viewer_and_sector() {
        let mut board = board();
        let now = Now { ns: 0, unix_ns: 1_700_000_000_002_500_000 };
        for (viewer, sector, n) in
            [(0, "grain", 10), (0, "metals", 10), (1, "grain", 10), (0, "grain", 13), (0, "metals", 11)]
        {
            assert!(board.glance(viewer, prices(sector, n).as_bytes(), now));
        }
        assert_eq!((board.report().skipped, board.report().doubled), (2, 0));
        assert!(board.glance(1, prices("grain", 10).as_bytes(), now));
        assert_eq!((board.report().skipped, board.report().doubled), (2, 1));
        assert_eq!(board.report().deliveries, 6);
        assert_eq!(board.report().delays[0].iter().map(|(_, count)| count).sum::<u64>(), 6);
        assert!(!board.glance(0, prices("unknown", 1).as_bytes(), now));
    }

    #[test]
    fn publications_are_counted_from_the_beginning_by_the_newest_that_anybody_has() {
        let mut board = board();
        board.glance(0, prices("grain", 10).as_bytes(), Now::default());
        board.begin(Now::default());
        board.glance(0, prices("grain", 11).as_bytes(), Now::default());
        board.glance(1, prices("grain", 14).as_bytes(), Now::default());
        assert_eq!(board.report().publications, 4);
    }
}
