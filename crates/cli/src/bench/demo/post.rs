//! Notifications by the HTTP API, as the page's `curl` line sends them, over a connection that is kept open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::json;

use super::super::control::PublishRoute;
use super::super::error::BenchError;
use super::super::publisher::Api;
use super::super::stamp;
use super::inbox;
use super::note;

/// So long at most until an end is noticed.
const NAP_MAX: Duration = Duration::from_millis(50);
/// To whom notifications go, and how many a second.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recipients {
    /// One after the other of so many users.
    Each(u32),
    Everybody,
}

/// Sends at a steady rate until it is ended.
#[derive(Debug)]
pub(super) struct Post {
    ending: Arc<AtomicBool>,
    sending: JoinHandle<Result<u64, String>>,
}

impl Post {
    /// `per_second` is at least 1.
    pub(super) fn start(
        route: &PublishRoute,
        recipients: Recipients,
        per_second: u32,
    ) -> Result<Self, BenchError> {
        let api = Api::open(route).map_err(BenchError::Server)?;
        let ending = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ending);
        let sending = thread::spawn(move || send(api, recipients, per_second, &ended));
        Ok(Self { ending, sending })
    }

    /// Sends no more, and says how many the server has taken.
    pub(super) fn end(self) -> Result<u64, BenchError> {
        self.ending.store(true, Ordering::Relaxed);
        let sent = self.sending.join().map_err(|_| BenchError::Worker("the sender panicked".into()))?;
        sent.map_err(|reason| BenchError::Server(format!("publishing by the HTTP API: {reason}")))
    }
}

fn send(mut api: Api, recipients: Recipients, per_second: u32, ended: &AtomicBool) -> Result<u64, String> {
    let (begun_ns, interval_ns) = (stamp::now_ns(), 1_000_000_000 / u64::from(per_second));
    for sent in 0.. {
        let due_ns = begun_ns + sent * interval_ns;
        let early_ns = due_ns.saturating_sub(stamp::now_ns());
        while due_ns > stamp::now_ns() && !ended.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_nanos(due_ns.saturating_sub(stamp::now_ns())).min(NAP_MAX));
        }
        if ended.load(Ordering::Relaxed) {
            return Ok(sent);
        }
        // Waking late is this machine's doing; being held up by the one before is the server's, and counts.
        let sent_ns = if early_ns > 0 { stamp::now_ns() } else { due_ns };
        api.publish(body(recipients, sent, sent_ns).as_bytes())?;
    }
    Ok(0)
}

fn body(recipients: Recipients, number: u64, sent_ns: u64) -> String {
    let (channel, title) = match recipients {
        Recipients::Each(users) => {
            let user = number % u64::from(users.max(1));
            (inbox::own_channel(user as usize), "Your parcel is on its way")
        }
        Recipients::Everybody => (inbox::TO_ALL.to_owned(), "The canteen has soup today"),
    };
    let text = format!("{}: look at it when you have a moment", note::id(sent_ns, number as usize));
    json!({"channel": channel, "data": {"title": title, "text": text}}).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn every_user_gets_one_before_any_gets_a_second() {
        for users in [1, 20, 5_000] {
            let channels: BTreeSet<String> = (0..u64::from(users))
                .map(|number| {
                    let body: Value =
                        serde_json::from_str(&body(Recipients::Each(users), number, 1)).unwrap();
                    body["channel"].as_str().unwrap().to_owned()
                })
                .collect();
            assert_eq!(channels.len(), users as usize);
        }
    }

    #[test]
    fn a_notification_says_when_it_was_sent() {
        let body: Value = serde_json::from_str(&body(Recipients::Everybody, 3, 0x1234)).unwrap();
        assert_eq!(body["channel"], "notify:all");
        assert_eq!(note::sent_ns(body["data"].to_string().as_bytes()), Some(0x1234));
    }
}
