//! What all clients of one transport say.

use super::super::control::Speech;
use super::super::conversation::Script;
use super::super::transport::{ClientsPlan, Transport};
use super::super::upgrade::Upgrade;
use super::heads::{self, Asking};

/// Made once, sent by each.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) transport: Transport,
    /// Of a WebSocket alone.
    pub(super) script: Option<(Upgrade, Script)>,
    asking: Asking,
    /// With the channel.
    path: String,
    /// What is added to a poll that has a position to go on from.
    wait: String,
}

impl Words {
    pub(super) fn new(plan: &ClientsPlan) -> Result<Self, String> {
        let ClientsPlan { transport, host, path, channel, .. } = plan;
        let script = match transport {
            Transport::WebSocket => {
                let upgrade = Upgrade::new(host, path)?.saying(heads::of_upgrade(plan.heads))?;
                let (host, path, channels) = (host.clone(), path.clone(), vec![channel.clone()]);
                Some((upgrade, Script::new(&Speech::Centrifuge { host, path, channels, missed: None })?))
            }
            _ => None,
        };
        let wait = match transport {
            Transport::LongPoll => format!("&wait={}", plan.wait_s),
            _ => String::new(),
        };
        let path = format!("{path}?channels={channel}");
        Ok(Self {
            transport: *transport,
            script,
            asking: Asking::new(*transport, host, plan.heads),
            path,
            wait,
        })
    }

    /// Appends a request; `next` and `tag` are of polls. What was waited for is kept by no browser, so it has no tag.
    pub(super) fn write_request(&self, next: &str, tag: Option<&str>, out: &mut Vec<u8>) {
        if next.is_empty() {
            return self.asking.write(&self.path, None, out);
        }
        let tag = tag.filter(|_| self.wait.is_empty());
        self.asking.write(&format!("{}&since={next}{}", self.path, self.wait), tag, out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::transport::Heads;
    use super::*;

    fn request(transport: Transport, next: &str) -> String {
        let plan = ClientsPlan {
            address: ([127, 0, 0, 1], 1).into(),
            host: "h".into(),
            path: "/p".into(),
            channel: "bench".into(),
            transport,
            heads: Heads::Bare,
            wait_s: 25,
        };
        let mut out = Vec::new();
        Words::new(&plan).unwrap().write_request(next, Some("\"t\""), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_first_poll_asks_where_to_begin_and_the_next_ones_go_on() {
        assert_eq!(request(Transport::LongPoll, ""), "GET /p?channels=bench HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(
            request(Transport::LongPoll, "b:1:e"),
            "GET /p?channels=bench&since=b:1:e&wait=25 HTTP/1.1\r\nHost: h\r\n\r\n"
        );
        assert_eq!(
            request(Transport::Poll { interval_ms: 1000 }, "b:1:e"),
            "GET /p?channels=bench&since=b:1:e HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"t\"\r\n\r\n"
        );
    }
}
