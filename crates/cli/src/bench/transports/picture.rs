//! The comparison as a picture: SVG that is readable on light and dark pages, and without its colours.

use std::fmt::Write;

use super::super::transport::Transport;
use super::figures::{TransportFigures, rate_words};
use super::panel::{Frame, Line, Row};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 690.0;
const EDGE: f64 = 28.0;
/// Between two panels.
const GAP: f64 = 32.0;
const TOP: f64 = 104.0;
/// One for each transport; more share them.
const COLOURS: usize = 6;

/// Who asks has dashed lines, so that nobody needs to tell colours apart to know which side a line is on.
const STYLE: &str = "\
svg{--paper:#fff;--ink:#1b2330;--soft:#5a6475;--grid:#dfe3ea;--0:#0b62d6;--1:#0a857a;--2:#7546cf;--3:#b8560a;--4:#c4264a;--5:#7b6a12;\
font:13px system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}\
@media(prefers-color-scheme:dark){svg{--paper:#12161d;--ink:#e6eaf1;--soft:#9aa5b8;--grid:#2a313d;--0:#6cb0ff;--1:#4fd0c0;--2:#b69cff;--3:#ffb066;--4:#ff8ba0;--5:#d8c65a}}\
.paper{fill:var(--paper)}text{fill:var(--ink)}.soft{fill:var(--soft);font-size:12px}.title{font-size:19px;font-weight:650}.name{font-size:14px;font-weight:600}\
.grid{stroke:var(--grid);fill:none}.line{fill:none;stroke:var(--c);stroke-width:2}.range{fill:none;stroke:var(--c);stroke-width:3}.end{stroke:var(--c);stroke-width:2}\
.dot,.bar{fill:var(--c)}\
.c0{--c:var(--0)}.c1{--c:var(--1)}.c2{--c:var(--2)}.c3{--c:var(--3)}.c4{--c:var(--4)}.c5{--c:var(--5)}";

/// The whole file.
pub(super) fn draw(title: &str, figures: &[TransportFigures]) -> String {
    let mut out = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-labelledby="t d">"#
    );
    let spoken = spoken(figures);
    let _ = write!(out, r#"<title id="t">{}</title><desc id="d">{}</desc>"#, text(title), text(&spoken));
    let _ = write!(out, "<style>{STYLE}{}</style>", dashes(figures));
    let _ = write!(out, r#"<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="10"/>"#);
    let _ = write!(out, r#"<text class="title" x="{EDGE}" y="42">What each way to a client costs</text>"#);
    let _ = write!(out, r#"<text class="soft" x="{EDGE}" y="62">{}; less is better</text>"#, text(title));
    legend(figures, &mut out);
    let (width, height) = ((WIDTH - 2.0 * EDGE - GAP) / 2.0, (HEIGHT - TOP - EDGE - GAP) / 2.0);
    let frame = |column: f64, row: f64| Frame {
        left: EDGE + column * (width + GAP),
        top: TOP + row * (height + GAP),
        width,
        height,
    };
    let rates = rates(figures);
    let bytes = lines(figures, |rate| Some(rate.bytes_per_message()));
    frame(0.0, 0.0).lines("Bytes a message, both ways", &rates, &bytes, &mut out);
    let cpu = lines(figures, |rate| rate.cpu_us_per_message);
    frame(1.0, 0.0).lines("Server CPU a message, µs", &rates, &cpu, &mut out);
    let fastest = figures.first().and_then(|first| first.rates.last()).map(|rate| rate.per_minute);
    let delays = rows(figures, |figures| {
        let latency = figures.rates.last()?.latency;
        Some((latency.p50_us / 1e3, latency.p99_us / 1e3))
    });
    let name = format!("Delay at {}, ms: half (dot) to 99 % (end)", rate_words(fastest.unwrap_or(0)));
    frame(0.0, 1.0).ranges(&name, &delays, &mut out);
    let memory = rows(figures, |figures| {
        let kib = figures.memory_bytes_per_client? / 1024.0;
        Some((0.0, kib))
    });
    frame(1.0, 1.0).bars("Server memory a client, idle, KiB", &memory, &mut out);
    out.push_str("</svg>\n");
    out
}

fn lines(figures: &[TransportFigures], take: fn(&super::figures::RateFigures) -> Option<f64>) -> Vec<Line> {
    let line = |(index, figures): (usize, &TransportFigures)| {
        let points = figures.rates.iter().filter_map(|rate| Some((rate.per_minute, take(rate)?)));
        (index % COLOURS, points.collect())
    };
    figures.iter().enumerate().map(line).collect()
}

fn rows(figures: &[TransportFigures], take: impl Fn(&TransportFigures) -> Option<(f64, f64)>) -> Vec<Row> {
    let row =
        |(index, figures): (usize, &TransportFigures)| (index % COLOURS, text(&figures.name), take(figures));
    figures.iter().enumerate().map(row).collect()
}

fn rates(figures: &[TransportFigures]) -> Vec<(u32, String)> {
    let rates = figures.first().map(|first| first.rates.as_slice()).unwrap_or_default();
    let short = |per_minute: u32| match per_minute {
        _ if per_minute.is_multiple_of(60) => format!("{} a s", per_minute / 60),
        _ => format!("{per_minute} a min"),
    };
    rates.iter().map(|rate| (rate.per_minute, short(rate.per_minute))).collect()
}

fn asks(transport: Transport) -> bool {
    matches!(transport, Transport::LongPoll | Transport::Poll { .. })
}

/// Which colours are those of who asks.
fn dashes(figures: &[TransportFigures]) -> String {
    let asking = figures.iter().enumerate().filter(|(_, figures)| asks(figures.transport));
    asking.map(|(index, _)| format!(".line.c{}{{stroke-dasharray:6 4}}", index % COLOURS)).collect()
}

fn legend(figures: &[TransportFigures], out: &mut String) {
    let mut x = EDGE;
    for (index, figures) in figures.iter().enumerate() {
        let (colour, end) = (index % COLOURS, x + 26.0);
        let _ = write!(out, r#"<path class="line c{colour}" d="M{x:.1} 82H{end:.1}"/>"#);
        let _ = write!(out, r#"<text x="{:.1}" y="86.5">{}</text>"#, end + 7.0, text(&figures.name));
        x = end + 7.0 + 7.4 * figures.name.chars().count() as f64 + 22.0;
    }
}

/// For who does not see it: the figures at the fastest rate.
fn spoken(figures: &[TransportFigures]) -> String {
    let sentence = |figures: &TransportFigures| {
        let rate = figures.rates.last()?;
        Some(format!(
            "{}, {}: {:.0} bytes a message, half within {:.1} ms.",
            figures.name,
            rate_words(rate.per_minute),
            rate.bytes_per_message(),
            rate.latency.p50_us / 1e3
        ))
    };
    figures.iter().filter_map(sentence).collect::<Vec<_>>().join(" ")
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::figures::tests::figures;
    use super::*;

    #[test]
    fn every_transport_is_in_every_panel_and_nothing_lies_outside() {
        let all = [
            Transport::WebSocket,
            Transport::Sse,
            Transport::HttpStream,
            Transport::LongPoll,
            Transport::Poll { interval_ms: 1000 },
            Transport::Poll { interval_ms: 5000 },
        ];
        let figures: Vec<_> =
            all.into_iter().zip([1, 2, 3, 4, 50, 600]).map(|(way, cost)| figures(way, cost)).collect();
        let drawn = draw("200 clients <each>", &figures);
        assert!(drawn.contains("200 clients &lt;each&gt;") && !drawn.contains("<each>"));
        assert!(drawn.contains("prefers-color-scheme:dark"));
        for colour in 0..6 {
            assert_eq!(
                drawn.matches(&format!(r#"class="line c{colour}""#)).count(),
                3,
                "legend and two panels"
            );
            assert_eq!(drawn.matches(&format!(r#"class="range c{colour}""#)).count(), 1);
            assert_eq!(drawn.matches(&format!(r#"class="bar c{colour}""#)).count(), 1);
        }
        assert!(drawn.contains(".line.c3{") && !drawn.contains(".line.c2{"), "who asks is dashed");
        let places = |attribute: &str| {
            let parts = drawn.split(attribute).skip(1);
            parts.map(|rest| rest.split('"').next().unwrap().parse::<f64>().unwrap()).collect::<Vec<_>>()
        };
        assert!(places(" cx=\"").iter().all(|x| (0.0..=WIDTH).contains(x)));
        assert!(places(" cy=\"").iter().all(|y| (0.0..=HEIGHT).contains(y)));
        assert!(!drawn.contains("NaN") && !drawn.contains("inf\""), "{drawn}");
    }

    #[test]
    fn a_picture_of_nothing_is_one_all_the_same() {
        assert!(draw("nothing", &[]).ends_with("</svg>\n"));
    }
}
