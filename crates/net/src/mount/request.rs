//! A request as the HTTP server has it, written as a shard reads it: a head of HTTP/1.1.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderName, Method, Version};

/// A nonce for handshakes inside HTTP/2, which have none (RFC 8441 §5): nobody sees it, nor the answer to it.
const UNSEEN_KEY: &[u8] = b"AAAAAAAAAAAAAAAAAAAAAA==";

/// Whether a request is a WebSocket handshake inside HTTP/2: an extended CONNECT (RFC 8441 §4).
pub(super) fn is_stream(parts: &Parts) -> bool {
    let protocol = parts.extensions.get::<hyper::ext::Protocol>();
    parts.method == Method::CONNECT && protocol.is_some_and(|p| p.as_str().eq_ignore_ascii_case("websocket"))
}

/// The head. What an HTTP library has parsed cannot break out of its line: neither targets nor values have line ends.
pub(super) fn write_head(parts: &Parts) -> Vec<u8> {
    let stream = is_stream(parts);
    let mut head = Vec::with_capacity(512);
    let method = if stream { "GET" } else { parts.method.as_str() };
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let version = if parts.version == Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
    for part in [method, " ", target, " ", version, "\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    if let (false, Some(authority)) = (parts.headers.contains_key(HOST), parts.uri.authority()) {
        field(&mut head, &HOST, authority.as_str().as_bytes());
    }
    for (name, value) in &parts.headers {
        // Fields of the connection mean nothing inside HTTP/2; what stands there is not the handshake's.
        if !(stream && [CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, CONTENT_LENGTH].contains(name)) {
            field(&mut head, name, value.as_bytes());
        }
    }
    if stream {
        field(&mut head, &CONNECTION, b"Upgrade");
        field(&mut head, &UPGRADE, b"websocket");
        field(&mut head, &SEC_WEBSOCKET_KEY, UNSEEN_KEY);
    }
    head.extend_from_slice(b"\r\n");
    head
}

fn field(head: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    for part in [name.as_str().as_bytes(), b": ", value, b"\r\n"] {
        head.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use wavecast_websocket::{Limits, handshake};

    use super::*;

    #[test]
    fn a_request_is_written_as_it_came() {
        let request =
            Request::get("/chat?room=1").header("Host", "h").header("X-Odd", "a:b").body(()).unwrap();
        let head = write_head(&request.into_parts().0);
        assert_eq!(head, b"GET /chat?room=1 HTTP/1.1\r\nhost: h\r\nx-odd: a:b\r\n\r\n");
    }

    #[test]
    fn a_stream_of_http_2_becomes_a_right_handshake() {
        let mut request = Request::connect("https://example.com/chat?room=1")
            .version(Version::HTTP_2)
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Protocol", "chat")
            .header("Sec-WebSocket-Key", "not ours")
            .body(())
            .unwrap();
        request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
        let parts = request.into_parts().0;
        assert!(is_stream(&parts));
        let head = write_head(&parts);
        let (head, _) = handshake::parse_request(&head, &Limits::DEFAULT).unwrap().unwrap();
        assert_eq!((head.target(), head.header("host")), ("/chat?room=1", Some("example.com")));
        assert_eq!(handshake::accept(&head, &["chat"]).unwrap().protocol, Some("chat"));
    }

    #[test]
    fn a_tunnel_is_no_handshake() {
        let request = Request::connect("example.com:443").version(Version::HTTP_2).body(()).unwrap();
        let parts = request.into_parts().0;
        assert!(!is_stream(&parts));
        let head = write_head(&parts);
        let (head, _) = handshake::parse_request(&head, &Limits::DEFAULT).unwrap().unwrap();
        assert_eq!(handshake::accept(&head, &[]).unwrap_err().status, 405);
    }
}
