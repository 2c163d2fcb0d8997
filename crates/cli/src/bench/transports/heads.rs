//! What a client asks with: the same bytes as a browser's, or as few as HTTP allows.

use super::super::transport::{Heads, Transport};

/// What Chromium 140 for Linux says of itself to a page's own origin, without cookies.
const BROWSER: &str = "\
Connection: keep-alive\r
sec-ch-ua-platform: \"Linux\"\r
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r
sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r
sec-ch-ua-mobile: ?0\r
Sec-Fetch-Site: same-origin\r
Sec-Fetch-Mode: cors\r
Sec-Fetch-Dest: empty\r
Accept-Encoding: gzip, deflate, br, zstd\r
Accept-Language: en-US,en;q=0.9\r
";

/// The same of a WebSocket's handshake; what RFC 6455 wants is not in it.
const BROWSER_UPGRADE: [(&str, &str); 5] = [
    ("Pragma", "no-cache"),
    ("Cache-Control", "no-cache"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    ),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-US,en;q=0.9"),
];

/// Requests of one kind, but for the path.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    /// From behind the path to before the tag.
    head: String,
}

impl Asking {
    /// For one transport of the server that is called `host`.
    pub(super) fn new(transport: Transport, host: &str, heads: Heads) -> Self {
        let own = match transport {
            Transport::Sse => "Accept: text/event-stream\r\nCache-Control: no-cache\r\n",
            _ => "Accept: */*\r\n",
        };
        let head = match heads {
            Heads::Browser => {
                format!(" HTTP/1.1\r\nHost: {host}\r\n{BROWSER}{own}Referer: http://{host}/\r\n")
            }
            Heads::Bare => format!(" HTTP/1.1\r\nHost: {host}\r\n"),
        };
        Self { head }
    }

    /// Appends a request for `path`, on condition that it is no longer what this tag stands for.
    pub(super) fn write(&self, path: &str, tag: Option<&str>, out: &mut Vec<u8>) {
        for part in ["GET ", path, &self.head] {
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(tag) = tag {
            out.extend_from_slice(format!("If-None-Match: {tag}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// What a handshake has beside what RFC 6455 wants.
pub(super) fn of_upgrade(heads: Heads) -> &'static [(&'static str, &'static str)] {
    match heads {
        Heads::Browser => &BROWSER_UPGRADE,
        Heads::Bare => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_whole_and_say_what_they_know_already() {
        for (transport, heads) in [(Transport::Sse, Heads::Browser), (Transport::LongPoll, Heads::Bare)] {
            let mut out = Vec::new();
            Asking::new(transport, "h:1", heads).write("/p?q=1", Some("\"t\""), &mut out);
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with("GET /p?q=1 HTTP/1.1\r\nHost: h:1\r\n"), "{text}");
            assert!(text.ends_with("If-None-Match: \"t\"\r\n\r\n"), "{text}");
            assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
            assert!(text.split("\r\n").all(|line| !line.contains('\n')), "{text}");
            assert_eq!(text.contains("text/event-stream"), transport == Transport::Sse);
        }
    }
}
