//! What came of a run, for people and for programs.

use serde::Serialize;

use super::super::latency::{Latency, LatencySummary};
use super::super::table::Table;
use super::super::transport::{Heard, Transport};
use super::window::Window;

const KIB: f64 = 1024.0;

/// A transport at one rate.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RateFigures {
    pub(super) per_minute: u32,
    pub(super) seconds: f64,
    pub(super) deliveries: u64,
    /// HTTP requests.
    pub(super) requests_per_message: f64,
    pub(super) sent_bytes_per_message: f64,
    pub(super) received_bytes_per_message: f64,
    pub(super) requests_per_client_s: f64,
    pub(super) sent_bytes_per_client_s: f64,
    pub(super) received_bytes_per_client_s: f64,
    pub(super) cpu_us_per_message: Option<f64>,
    pub(super) cpu_us_per_client_s: Option<f64>,
    /// From the publication to the end of the read that brought it in.
    pub(super) latency: LatencySummary,
}

impl RateFigures {
    pub(super) fn new(
        window: &Window,
        clients: u32,
        seconds: f64,
        cpu_s: Option<f64>,
        heard: &Heard,
    ) -> Self {
        let mut latency = Latency::new();
        latency.add(&heard.latency);
        // Nothing at all has come: then the costs have no message, and a figure as for one.
        let messages = heard.deliveries.max(1) as f64;
        let client_seconds = f64::from(clients) * seconds.max(1e-9);
        let (requests, sent, received) =
            (heard.requests as f64, heard.sent_bytes as f64, heard.received_bytes as f64);
        Self {
            per_minute: window.per_minute,
            seconds,
            deliveries: heard.deliveries,
            requests_per_message: requests / messages,
            sent_bytes_per_message: sent / messages,
            received_bytes_per_message: received / messages,
            requests_per_client_s: requests / client_seconds,
            sent_bytes_per_client_s: sent / client_seconds,
            received_bytes_per_client_s: received / client_seconds,
            cpu_us_per_message: cpu_s.map(|cpu_s| cpu_s * 1e6 / messages),
            cpu_us_per_client_s: cpu_s.map(|cpu_s| cpu_s * 1e6 / client_seconds),
            latency: latency.summary(),
        }
    }

    pub(super) fn bytes_per_message(&self) -> f64 {
        self.sent_bytes_per_message + self.received_bytes_per_message
    }
}

/// A transport at all rates.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TransportFigures {
    #[serde(skip)]
    pub(super) transport: Transport,
    #[serde(rename = "transport")]
    pub(super) name: String,
    /// To each client.
    pub(super) publications: u32,
    pub(super) missed: u64,
    pub(super) doubled: u64,
    /// Told by the server.
    pub(super) gaps: u64,
    pub(super) reopened: u64,
    /// Of the server, user space, with all clients idle.
    pub(super) memory_bytes_per_client: Option<f64>,
    /// From the first byte until it listens.
    pub(super) opening_sent_bytes: f64,
    pub(super) opening_received_bytes: f64,
    pub(super) rates: Vec<RateFigures>,
}

impl TransportFigures {
    fn rate(&self, per_minute: u32) -> Option<&RateFigures> {
        self.rates.iter().find(|rate| rate.per_minute == per_minute)
    }
}

/// What must not be, in words; `None` when all is well.
pub(super) fn faults(figures: &[TransportFigures]) -> Option<String> {
    let faults = figures.iter().flat_map(|figures| {
        let kinds = [
            (figures.missed, "missed"),
            (figures.doubled, "doubled or out of order"),
            (figures.gaps, "gaps told"),
        ];
        let bad = kinds.into_iter().filter(|(count, _)| *count > 0);
        bad.map(|(count, what)| format!("{}: {count} {what}", figures.name))
    });
    let faults = faults.collect::<Vec<_>>();
    (!faults.is_empty()).then(|| faults.join("; "))
}

/// A rate in words.
pub(super) fn rate_words(per_minute: u32) -> String {
    match per_minute {
        1 => "one a minute".into(),
        _ if per_minute.is_multiple_of(60) => format!("{} a second", per_minute / 60),
        _ => format!("{per_minute} a minute"),
    }
}

/// Where a client that asks costs less than one on a WebSocket, in words: the other side of the comparison.
pub(super) fn cheaper_than_websocket(figures: &[TransportFigures]) -> Vec<String> {
    let Some(websocket) = figures.iter().find(|figures| figures.transport == Transport::WebSocket) else {
        return Vec::new();
    };
    let asks = |figures: &&TransportFigures| {
        matches!(figures.transport, Transport::LongPoll | Transport::Poll { .. })
    };
    let mut found = Vec::new();
    for asking in figures.iter().filter(asks) {
        let memory = (asking.memory_bytes_per_client, websocket.memory_bytes_per_client);
        found.extend(less(memory).map(|by| format!("{}: {by} memory a client", asking.name)));
        for rate in &asking.rates {
            let Some(pushed) = websocket.rate(rate.per_minute) else { continue };
            let at = rate_words(rate.per_minute);
            let bytes = (Some(rate.bytes_per_message()), Some(pushed.bytes_per_message()));
            found.extend(less(bytes).map(|by| format!("{}, {at}: {by} bytes a message", asking.name)));
            let cpu = (rate.cpu_us_per_message, pushed.cpu_us_per_message);
            found.extend(less(cpu).map(|by| format!("{}, {at}: {by} server CPU a message", asking.name)));
        }
    }
    found
}

/// By how much the first is less than the second.
fn less((one, other): (Option<f64>, Option<f64>)) -> Option<String> {
    let (one, other) = one.zip(other)?;
    (one < other).then(|| format!("{:.0} % less", 100.0 * (1.0 - one / other)))
}

/// One table for what does not depend on the rate, and one for each rate.
pub(super) fn tables(title: &str, figures: &[TransportFigures]) -> String {
    let names: Vec<String> = figures.iter().map(|figures| figures.name.clone()).collect();
    let mut table = Table::of_columns(title.to_owned(), names.clone());
    table.columns(&figures.iter().map(TransportFigures::rows).collect::<Vec<_>>());
    let mut out = table.render();
    let rates = figures.first().map(|first| first.rates.as_slice()).unwrap_or_default();
    for rate in rates {
        let per_minute = rate.per_minute;
        let title = format!("\nUpdates: {} (counted for {:.0} s)", rate_words(per_minute), rate.seconds);
        let mut table = Table::of_columns(title, names.clone());
        let columns = figures.iter().filter_map(|figures| figures.rate(per_minute)).map(RateFigures::rows);
        table.columns(&columns.collect::<Vec<_>>());
        out.push_str(&table.render());
    }
    let mut notes = Table::of_columns("\nNotes".into(), Vec::new());
    for note in NOTES {
        notes.note(Some(note));
    }
    let cheaper = cheaper_than_websocket(figures);
    if !cheaper.is_empty() {
        notes.note(Some("where asking costs less than a WebSocket:"));
    }
    for line in &cheaper {
        notes.note(Some(&format!("  {line}")));
    }
    // The empty line that stands for the columns' names is of no use here.
    out.push_str(&notes.render().replacen("Notes\n\n", "Notes\n", 1));
    out
}

const NOTES: [&str; 3] = [
    "bytes: what goes through the clients' sockets, heads, frames, chunks and pings included; TCP and IP are not in it",
    "a message: one publication that has come to one client; upkeep (pings, empty polls) is spread over the messages",
    "CPU: the server's, the publishing and the kernel's sending included; memory: in user space, with everybody idle",
];

impl TransportFigures {
    fn rows(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("server memory a client, KiB", self.memory_bytes_per_client.map(|bytes| bytes / KIB)),
            ("to come in: bytes sent", Some(self.opening_sent_bytes.round())),
            ("to come in: bytes received", Some(self.opening_received_bytes.round())),
            ("publications to each client", Some(f64::from(self.publications))),
            ("missed, must be 0", Some(self.missed as f64)),
            ("doubled or out of order, must be 0", Some(self.doubled as f64)),
            ("gaps told, must be 0", Some(self.gaps as f64)),
        ]
    }
}

impl RateFigures {
    fn rows(&self) -> Vec<(&'static str, Option<f64>)> {
        vec![
            ("HTTP requests a message", Some(self.requests_per_message)),
            ("bytes sent a message", Some(self.sent_bytes_per_message)),
            ("bytes received a message", Some(self.received_bytes_per_message)),
            ("server CPU a message, µs", self.cpu_us_per_message),
            (
                "bytes a client and second, both ways",
                Some(self.sent_bytes_per_client_s + self.received_bytes_per_client_s),
            ),
            ("server CPU a client and second, µs", self.cpu_us_per_client_s),
            ("delay p50, ms", Some(self.latency.p50_us / 1e3)),
            ("delay p99, ms", Some(self.latency.p99_us / 1e3)),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    /// Costs as multiples of `factor`.
    pub(in super::super) fn figures(transport: Transport, factor: u64) -> TransportFigures {
        let rates = [1, 600].map(|per_minute| {
            let window = Window::new(per_minute, Duration::from_secs(60), Duration::from_secs(5));
            let heard = Heard {
                requests: 10 * factor,
                sent_bytes: 100 * factor,
                received_bytes: 1000 * factor,
                deliveries: 10,
                latency: vec![(1_000_000 * factor, 10)],
                ..Heard::default()
            };
            RateFigures::new(&window, 2, 5.0, Some(1e-3 * factor as f64), &heard)
        });
        TransportFigures {
            transport,
            name: transport.to_string(),
            publications: 5,
            missed: 0,
            doubled: 0,
            gaps: 0,
            reopened: 0,
            memory_bytes_per_client: Some(2048.0),
            opening_sent_bytes: 500.0,
            opening_received_bytes: 200.0,
            rates: rates.into(),
        }
    }

    #[test]
    fn costs_are_told_for_a_message_and_for_a_second() {
        let figures = figures(Transport::Sse, 3);
        let rate = &figures.rates[0];
        assert_eq!((rate.requests_per_message, rate.requests_per_client_s), (3.0, 3.0));
        assert_eq!((rate.sent_bytes_per_message, rate.received_bytes_per_message), (30.0, 300.0));
        assert_eq!((rate.sent_bytes_per_client_s, rate.received_bytes_per_client_s), (30.0, 300.0));
        assert_eq!((rate.cpu_us_per_message, rate.cpu_us_per_client_s), (Some(300.0), Some(300.0)));
        assert_eq!(rate.latency.samples, 10);
    }

    #[test]
    fn where_asking_costs_less_is_said() {
        let [push, poll] =
            [figures(Transport::WebSocket, 4), figures(Transport::Poll { interval_ms: 5000 }, 1)];
        let cheaper = cheaper_than_websocket(&[push.clone(), poll.clone()]);
        let expected = [
            "poll 5 s, one a minute: 75 % less bytes a message",
            "poll 5 s, one a minute: 75 % less server CPU a message",
            "poll 5 s, 10 a second: 75 % less bytes a message",
            "poll 5 s, 10 a second: 75 % less server CPU a message",
        ];
        assert_eq!(cheaper, expected);
        assert!(tables("Title", &[push.clone(), poll]).contains(expected[2]));
        let dear = TransportFigures { memory_bytes_per_client: None, ..figures(Transport::LongPoll, 5) };
        assert!(cheaper_than_websocket(&[push, dear]).is_empty());
    }

    #[test]
    fn each_transport_has_a_column_at_each_rate() {
        let shown = tables("Title", &[figures(Transport::WebSocket, 1), figures(Transport::LongPoll, 2)]);
        for part in ["WebSocket", "long-poll", "Updates: one a minute", "Updates: 10 a second"] {
            assert!(shown.contains(part), "{part} is missing:\n{shown}");
        }
        assert_eq!(shown.matches("delay p99, ms").count(), 2, "{shown}");
    }

    #[test]
    fn whatever_must_be_zero_is_a_fault() {
        let well = figures(Transport::Sse, 1);
        assert_eq!(faults(std::slice::from_ref(&well)), None);
        let ill = TransportFigures { missed: 2, gaps: 1, ..figures(Transport::LongPoll, 1) };
        assert_eq!(faults(&[well, ill]).as_deref(), Some("long-poll: 2 missed; long-poll: 1 gaps told"));
    }
}
