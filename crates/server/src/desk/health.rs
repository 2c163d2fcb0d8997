//! Whether the server is well, for load balancers and supervisors.
//!
//! | path | 200 as long as |
//! | --- | --- |
//! | `/health` | it does not drain |
//! | `/health/live` | the event loop of every shard turns: who answers otherwise is best ended |
//! | `/health/ready` | it does not drain, and canary publications come through to every shard: who answers otherwise is best sent nobody |
//!
//! What is asked for is judged by what is known already, so an answer waits for nobody. Who listens for the requests does not
//! matter here.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::answer::{self, Answer};
use crate::canary::{Failing, Vitals};
use crate::config::Health;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Live,
    Ready,
}

/// What a path asks, if it is one of these.
pub(super) fn asked(settings: &Health, path: &str) -> Option<Asked> {
    if !settings.enabled {
        return None;
    }
    if path == settings.handler_prefix {
        return Some(Asked::Whole);
    }
    match path.strip_prefix(settings.handler_prefix.trim_end_matches('/'))? {
        "/live" => Some(Asked::Live),
        "/ready" => Some(Asked::Ready),
        _ => None,
    }
}

/// The answer, from how the node is.
pub(super) fn answer(asked: Asked, vitals: &Vitals, is_draining: bool) -> Answer {
    let mut said = serde_json::Map::new();
    let is_well = match asked {
        Asked::Whole => !is_draining,
        // A drained shard ends before the others: it need not turn.
        Asked::Live => is_draining || vitals.does_not_live.is_empty(),
        Asked::Ready => !is_draining && vitals.keeps_from_ready.is_empty(),
    };
    if is_draining {
        said.insert("draining".into(), true.into());
    }
    let failing = match asked {
        Asked::Whole => &[],
        Asked::Live if is_draining => &[],
        Asked::Live => &vitals.does_not_live[..],
        Asked::Ready => &vitals.keeps_from_ready[..],
    };
    match asked {
        Asked::Whole => {}
        Asked::Live => _ = said.insert("live".into(), is_well.into()),
        Asked::Ready => {
            said.insert("ready".into(), is_well.into());
            if let Some(round) = &vitals.last_round {
                let canary =
                    json!({ "round_trip_ms": milliseconds(round.trip), "age_ms": milliseconds(round.age) });
                said.insert("canary".into(), canary);
            }
        }
    }
    if !failing.is_empty() {
        said.insert("failing".into(), failing.iter().map(told).collect());
    }
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, Value::from(said).to_string())
}

fn told(failing: &Failing) -> Value {
    let mut told = json!({ "what": failing.name(), "reason": failing.to_string() });
    if let Some(shard) = failing.shard() {
        told["shard"] = shard.into();
    }
    if let Some(time) = failing.time() {
        told["for_ms"] = milliseconds(time);
    }
    told
}

/// To the microsecond.
fn milliseconds(time: std::time::Duration) -> Value {
    (time.as_micros() as f64 / 1000.0).into()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::canary::Round;

    fn said(asked: Asked, vitals: &Vitals, is_draining: bool) -> (u16, Value) {
        let answer = answer(asked, vitals, is_draining);
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap())
    }

    #[test]
    fn paths_below_the_prefix_ask_more() {
        let settings = Health { handler_prefix: "/h".into(), ..Health::default() };
        let asked_of = |path| asked(&settings, path);
        assert_eq!(asked_of("/h"), Some(Asked::Whole));
        assert_eq!((asked_of("/h/live"), asked_of("/h/ready")), (Some(Asked::Live), Some(Asked::Ready)));
        for other in ["/", "/health", "/h/", "/h/x", "/h/live/", "/hlive"] {
            assert_eq!(asked_of(other), None, "{other}");
        }
        let root = Health { handler_prefix: "/".into(), ..Health::default() };
        assert_eq!(asked(&root, "/ready"), Some(Asked::Ready));
        assert_eq!(asked(&Health { enabled: false, ..root }, "/ready"), None);
    }

    #[test]
    fn each_endpoint_says_what_it_is_about() {
        let round =
            Round { trip: Duration::from_micros(250), age: Duration::from_millis(400), shards: Vec::new() };
        let well = Vitals { last_round: Some(round.clone()), ..Vitals::default() };
        let canary = json!({ "round_trip_ms": 0.25, "age_ms": 400.0 });
        assert_eq!(said(Asked::Whole, &well, false), (200, json!({})));
        assert_eq!(said(Asked::Live, &well, false), (200, json!({ "live": true })));
        assert_eq!(said(Asked::Ready, &well, false), (200, json!({ "ready": true, "canary": canary })));

        let stuck = Vitals {
            keeps_from_ready: vec![Failing::NotReturned { shard: 1, waits: Duration::from_millis(6200) }],
            does_not_live: vec![Failing::NotTurning { shard: 1, waits: Duration::from_secs(11) }],
            last_round: Some(round),
            is_leaving: false,
        };
        assert_eq!(said(Asked::Whole, &stuck, false).0, 200, "as Centrifugo has it");
        let (status, live) = said(Asked::Live, &stuck, false);
        assert_eq!((status, &live["failing"][0]["what"]), (503, &json!("shard_not_turning")));
        let (status, ready) = said(Asked::Ready, &stuck, false);
        assert_eq!((status, &ready["ready"]), (503, &json!(false)));
        assert_eq!(
            ready["failing"],
            json!([{
                "what": "canary_not_returned",
                "reason": "shard 1 has not returned a canary publication for 6.2s",
                "shard": 1,
                "for_ms": 6200.0,
            }])
        );

        assert_eq!(said(Asked::Whole, &well, true), (503, json!({ "draining": true })));
        assert_eq!(said(Asked::Ready, &well, true).0, 503);
        assert_eq!(said(Asked::Live, &stuck, true), (200, json!({ "draining": true, "live": true })));
    }
}
