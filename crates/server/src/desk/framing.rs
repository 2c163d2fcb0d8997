//! Where a request ends, told from its head alone.
//!
//! Just enough to hand hyper one request at a time: so that the next one, when it is a WebSocket handshake, is still
//! whole and can go back to a shard. What is not plain beyond doubt is left to hyper, and such a connection stays
//! with it: a body taken for a head would be a request smuggled in (RFC 9112 §11.2).

use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{RequestHead, Version, parse_request};

/// What the bytes at the beginning of a request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// The head is not complete.
    Incomplete,
    /// A request of so many bytes, head and body.
    Request { bytes: u64 },
    /// A WebSocket handshake.
    WebSocket,
    /// A request whose end only hyper finds, or none at all.
    Opaque,
}

/// How far a head that comes in pieces has been looked through, so that no line is looked at again for each piece after it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    looked: usize,
    line_start: usize,
    lines: usize,
}

impl Progress {
    /// Whether [`frame`] may say more of what begins here than that it is incomplete; asked each time that more has come.
    pub(super) fn may_say_more(&mut self, received: &[u8], limits: &Limits) -> bool {
        let before = self.lines;
        while let Some(at) = received[self.looked..].iter().position(|byte| *byte == b'\n') {
            let line = &received[self.line_start..self.looked + at];
            self.looked += at + 1;
            self.line_start = self.looked;
            match line {
                // Empty lines in front.
                [b'\r'] if self.lines == 0 => {}
                // The end of the head, or a line that does not end as it has to.
                [b'\r'] => return true,
                [.., b'\r'] => self.lines += 1,
                _ => return true,
            }
        }
        self.looked = received.len();
        let has_first_line = before == 0 && self.lines > 0;
        has_first_line || self.lines > limits.head_fields_max + 1 || received.len() >= limits.head_bytes_max
    }
}

/// Frames what begins here.
pub(super) fn frame(received: &[u8], limits: &Limits) -> Framing {
    match parse_request(received, limits) {
        Ok(None) => Framing::Incomplete,
        Ok(Some((head, head_bytes))) if head.is_websocket_upgrade() => {
            // A handshake has no body; what claims one is for hyper to answer.
            if body_bytes(&head) == Some(0) && head_bytes > 0 { Framing::WebSocket } else { Framing::Opaque }
        }
        Ok(Some((head, head_bytes))) => match body_bytes(&head) {
            Some(body_bytes) => Framing::Request { bytes: body_bytes.saturating_add(head_bytes as u64) },
            None => Framing::Opaque,
        },
        Err(_) => Framing::Opaque,
    }
}

/// The length of the body, where it is beyond doubt: HTTP/1.1, one `Content-Length` or none, no transfer coding, and
/// no `Expect`, which lets a client leave the body out.
fn body_bytes(head: &RequestHead<'_>) -> Option<u64> {
    let headers = head.headers();
    let plain = head.version() == Version::Http11
        && head.method() != "CONNECT"
        && headers.all("transfer-encoding").next().is_none()
        && headers.all("expect").next().is_none();
    let mut lengths = headers.all("content-length");
    let (first, second) = (lengths.next(), lengths.next());
    match (plain, first, second) {
        (true, None, None) => Some(0),
        (true, Some(length), None) if !length.is_empty() && length.iter().all(u8::is_ascii_digit) => {
            std::str::from_utf8(length).ok()?.parse().ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> Framing {
        frame(text.as_bytes(), &Limits::DEFAULT)
    }

    #[test]
    fn requests_end_where_their_length_says() {
        let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(framed(get), Framing::Request { bytes: get.len() as u64 });
        let head = "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
        assert_eq!(framed(&format!("{head}12345")), Framing::Request { bytes: head.len() as u64 + 10 });
        for end in 0..get.len() {
            assert_eq!(framed(&get[..end]), Framing::Incomplete, "{end}");
        }
    }

    /// A head in pieces of every length is judged as early as it would be if all of it were framed for each of them.
    #[test]
    fn a_head_in_pieces_is_looked_through_once() {
        let limits = Limits { head_bytes_max: 200, head_fields_max: 4, ..Limits::DEFAULT };
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            "GET / HTTP/1.1\nHost: a\r\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "GET / SSH\r\nHost: a\r\n\r\n",
            &format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(6)),
            &format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(300)),
            &"\r\n".repeat(150),
        ] {
            for length in 1..head.len() {
                let (mut progress, mut framed_count, mut end) = (Progress::default(), 0, 0);
                while end < head.len() {
                    end = head.len().min(end + length);
                    let received = &head.as_bytes()[..end];
                    let framing = frame(received, &limits);
                    if progress.may_say_more(received, &limits) {
                        framed_count += 1;
                    } else if end > length && received.contains(&b'\n') {
                        assert_eq!(framing, Framing::Incomplete, "{head:?} {length} {end}");
                    }
                    if framing != Framing::Incomplete {
                        break;
                    }
                }
                assert!(framed_count <= 2, "{head:?} {length} {framed_count}");
            }
        }
    }

    #[test]
    fn a_handshake_is_known() {
        let head = "GET /w HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
        assert_eq!(framed(&format!("{head}\r\n")), Framing::WebSocket);
        assert_eq!(framed(&format!("{head}Content-Length: 3\r\n\r\nabc")), Framing::Opaque);
    }

    #[test]
    fn what_is_not_plain_is_left_to_hyper() {
        for head in [
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
            "GET / HTTP/1.0\r\nHost: a\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "\u{16}\u{3}\u{1}",
        ] {
            assert_eq!(framed(head), Framing::Opaque, "{head:?}");
        }
        let long = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(20_000));
        assert_eq!(framed(&long), Framing::Opaque);
    }
}
