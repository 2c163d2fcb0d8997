//! A client that is cut off at any byte, and comes back with the last position that it has, gets each publication once and in
//! order, or is told of a gap.

use std::collections::BTreeMap;

use serde_json::Value;
use wavecast_server::PushServer;

use super::ON;
use super::reader::{Reader, events};
use crate::served::{publish, with_server};

/// After more than ever comes.
const NOT_CUT: usize = usize::MAX;

/// What a client has seen: the last number in each channel, which is also its offset.
#[derive(Clone, Default)]
struct Seen {
    numbers: BTreeMap<String, u64>,
    epochs: BTreeMap<String, String>,
    gaps: u64,
}

impl Seen {
    /// Takes a push in.
    fn push(&mut self, push: &Value, cut: usize) {
        let Some(channel) = push["channel"].as_str() else { return };
        let seen = self.numbers.entry(channel.to_owned()).or_default();
        if let Some(publication) = push.get("pub") {
            *seen += 1;
            assert_eq!(
                publication["data"], *seen,
                "{channel}: lost, repeated or out of order after a cut at {cut}"
            );
            assert_eq!(publication["offset"], *seen);
        } else if let Some(subscribed) = push.get("subscribe") {
            let top = subscribed["offset"].as_u64().unwrap_or(0);
            self.epochs.insert(channel.to_owned(), subscribed["epoch"].as_str().unwrap().to_owned());
            if subscribed["was_recovering"] == true && subscribed["recovered"] != true {
                assert_eq!(channel, "small:a", "only who keeps little has gaps");
                self.gaps += 1;
                // It loads its state anew, which has all that was published.
                *seen = top;
            } else if subscribed["was_recovering"] != true {
                assert_eq!(*seen, 0, "{channel}: a position was forgotten after a cut at {cut}");
                *seen = top;
            }
        }
    }

    /// Whether these pushes bring it up to the last number in both channels.
    fn is_complete_with(&self, pushes: impl IntoIterator<Item = Value>, last: u64) -> bool {
        let mut seen = self.clone();
        pushes.into_iter().for_each(|push| seen.push(&push, NOT_CUT));
        ["news", "small:a"].iter().all(|channel| seen.numbers.get(*channel) == Some(&last))
    }

    fn since(&self) -> String {
        let place = |(channel, number): (&String, &u64)| {
            Some(format!("{channel}:{number}:{}", self.epochs.get(channel)?))
        };
        self.numbers.iter().filter_map(place).collect::<Vec<_>>().join(",")
    }
}

/// Publishes a number of publications into both channels; gives the last number of each.
async fn publish_some(server: &PushServer, last: &mut u64, count: u64) {
    for _ in 0..count {
        *last += 1;
        publish(server.node(), "news", *last).await;
        publish(server.node(), "small:a", *last).await;
    }
}

/// The pushes of the whole lines of a body.
fn lines(body: &[u8]) -> impl Iterator<Item = Value> {
    let lines = body.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n"));
    lines.map(|line| serde_json::from_slice(line).unwrap())
}

#[test]
fn an_event_source_that_is_cut_anywhere() {
    with_server(ON, async |server| {
        let (mut seen, mut last_event_id, mut published) = (Seen::default(), String::new(), 0);
        for cut in (0..900).step_by(2).chain([NOT_CUT]) {
            // Now and then it was away for longer than `small` keeps.
            publish_some(server, &mut published, if cut % 50 == 0 { 5 } else { 1 }).await;
            let fields = match &*last_event_id {
                "" => String::new(),
                id => format!("Last-Event-ID: {id}\r\n"),
            };
            let reader = Reader::get(server, "/connection/uni_sse?channels=news,small:a", &fields).await;
            assert_eq!(reader.status(), 200);
            publish_some(server, &mut published, 1).await;
            let pushes = |body: &[u8]| events(body).0.into_iter().filter_map(|event| event.data);
            let body = match cut {
                NOT_CUT => reader.cut_after(|body| seen.is_complete_with(pushes(body), published)).await,
                _ => reader.cut_at(cut).await,
            };
            for event in events(&body).0 {
                // What is remembered and what is dispatched are one.
                if let Some(id) = event.id {
                    last_event_id = id;
                }
                if let Some(push) = event.data {
                    seen.push(&push, cut);
                }
            }
        }
        assert_eq!(seen.numbers["news"], published, "the last one is not cut");
        assert_eq!(seen.numbers["small:a"], published);
        assert!(seen.gaps > 0, "some were cut off for too long");
    });
}

#[test]
fn a_stream_that_is_cut_anywhere() {
    with_server(ON, async |server| {
        let (mut seen, mut published) = (Seen::default(), 0);
        for cut in (0..900).step_by(2).chain([NOT_CUT]) {
            publish_some(server, &mut published, if cut % 50 == 0 { 5 } else { 1 }).await;
            let target = format!("/connection/uni_http_stream?channels=news,small:a&since={}", seen.since());
            let reader = Reader::get(server, &target, "").await;
            assert_eq!(reader.status(), 200, "{target}");
            publish_some(server, &mut published, 1).await;
            let body = match cut {
                NOT_CUT => reader.cut_after(|body| seen.is_complete_with(lines(body), published)).await,
                _ => reader.cut_at(cut).await,
            };
            lines(&body).for_each(|push| seen.push(&push, cut));
        }
        assert_eq!(seen.numbers["news"], published, "the last one is not cut");
        assert_eq!(seen.numbers["small:a"], published);
        assert!(seen.gaps > 0, "some were cut off for too long");
    });
}
