//! HTTP heads: what is read, what is refused, and when (RFC 9112).

use crate::{REQUEST, and, head, with};
use wavecast_websocket::Limits;
use wavecast_websocket::handshake::{HeadError, Version, parse_request, parse_response};

fn error_of(bytes: &[u8]) -> HeadError {
    parse_request(bytes, &Limits::DEFAULT)
        .map(|parsed| parsed.map(|(_, len)| len))
        .expect_err("must be refused")
}

#[test]
fn a_head_is_incomplete_until_its_last_byte() {
    let mut bytes = head(&REQUEST);
    let len = bytes.len();
    for end in 0..len {
        assert!(matches!(parse_request(&bytes[..end], &Limits::DEFAULT), Ok(None)), "at {end}");
    }
    bytes.extend_from_slice(b"\x81\x80 frames follow\r\n\r\n");
    let (request, head_len) = parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!(head_len, len);
    assert_eq!((request.method(), request.target(), request.version()), ("GET", "/chat", Version::Http11));
    assert_eq!(request.header("ORIGIN"), Some("http://example.com"));
    assert_eq!(request.header("Cookie"), None);
    assert_eq!(request.headers().iter().count(), 6);
}

#[test]
fn targets_are_taken_apart() {
    for (target, path, query) in [
        ("/", Some("/"), None),
        ("/a/b?c=d?e", Some("/a/b"), Some("c=d?e")),
        ("/?", Some("/"), Some("")),
        ("http://example.com", Some("/"), None),
        ("http://example.com?x=1", Some("/"), Some("x=1")),
        ("https://example.com:8443/p?x=/y", Some("/p"), Some("x=/y")),
        ("//evil.example/p", Some("//evil.example/p"), None),
        ("*", None, None),
        ("example.com:443", None, None),
    ] {
        let line = format!("GET {target} HTTP/1.1");
        let bytes = head(&[&line]);
        let (request, _) = parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
        assert_eq!((request.path(), request.query()), (path, query), "{target}");
    }
}

#[test]
fn lines_end_in_crlf() {
    for bytes in [
        &b"GET / HTTP/1.1\nHost: a\n\n"[..],
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"\nGET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\n", // no need to wait for more
    ] {
        assert_eq!(error_of(bytes), HeadError::LineEnd, "{:?}", bytes.escape_ascii().to_string());
    }
    for bytes in [&b"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n"[..], b"GET / HTTP/1.1\rHost: a\r\n\r\n"] {
        assert_eq!(error_of(bytes).status(), 400);
    }
}

#[test]
fn empty_lines_in_front_are_skipped() {
    let bytes = [b"\r\n\r\n", &head(&REQUEST)[..]].concat();
    let (_, len) = parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!(len, bytes.len());
    let limits = Limits { head_bytes_max: 100, ..Limits::DEFAULT };
    let endless = b"\r\n".repeat(50);
    assert_eq!(parse_request(&endless, &limits).err(), Some(HeadError::TooLong { bytes_max: 100 }));
}

#[test]
fn lines_are_not_folded() {
    for fold in [" folded", "\tfolded", " Upgrade: websocket"] {
        let bytes = head(&with(&REQUEST, "Origin", &["Origin: http://example.com", fold]));
        assert_eq!(error_of(&bytes), HeadError::FieldName);
    }
    assert_eq!(error_of(&head(&["GET / HTTP/1.1", " Host: a"])), HeadError::FieldName);
}

#[test]
fn field_names_are_tokens_directly_before_the_colon() {
    for line in ["Host : a", ": a", "no colon", "Ho st: a", "Höst: a", "Host\0: a", "(x): a", "a@b: c"] {
        assert_eq!(error_of(&head(&["GET / HTTP/1.1", line])), HeadError::FieldName, "{line:?}");
    }
}

#[test]
fn field_values_have_no_control_characters() {
    for value in ["a\0b", "a\x01", "\x7f", "a\x0bb"] {
        let line = format!("X: {value}");
        assert_eq!(error_of(&head(&["GET / HTTP/1.1", &line])), HeadError::FieldValue, "{value:?}");
    }
}

#[test]
fn field_values_may_be_other_than_utf8() {
    let bytes = b"GET / HTTP/1.1\r\nCookie: caf\xe9\r\nX: caf\xc3\xa9 \r\n\r\n";
    let (request, _) = parse_request(bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!(request.header("cookie"), None);
    assert_eq!(request.headers().all("cookie").next(), Some(&b"caf\xe9"[..]));
    assert_eq!(request.header("x"), Some("café"));
}

#[test]
fn request_lines_follow_the_grammar() {
    for line in [
        "",
        "GET",
        "GET /",
        "GET  / HTTP/1.1",
        "GET / HTTP/1.1 ",
        "GET / http/1.1",
        "G(T / HTTP/1.1",
        "GET /a b HTTP/1.1",
    ] {
        let bytes = head(&[line, "Host: a"]);
        assert!(parse_request(&bytes, &Limits::DEFAULT).is_err(), "{line:?}");
    }
}

#[test]
fn another_protocol_is_refused_before_its_head_is_complete() {
    let tls_client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_eq!(error_of(tls_client_hello), HeadError::FirstLine);
    assert_eq!(error_of(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HeadError::Version);
    assert_eq!(error_of(b"GET / HTTP/3"), HeadError::Version);
}

#[test]
fn the_longest_head_has_head_bytes_max() {
    let bytes = head(&REQUEST);
    let exact = Limits { head_bytes_max: bytes.len(), ..Limits::DEFAULT };
    assert!(matches!(parse_request(&bytes, &exact), Ok(Some(_))));
    let short = Limits { head_bytes_max: bytes.len() - 1, ..Limits::DEFAULT };
    let error = HeadError::TooLong { bytes_max: bytes.len() - 1 };
    assert_eq!(error.status(), 431);
    assert_eq!(parse_request(&bytes, &short).err(), Some(error));
    assert_eq!(
        parse_request(&bytes[..bytes.len() - 1], &short).err(),
        Some(error),
        "nothing can complete it"
    );
    assert!(matches!(parse_request(&bytes[..bytes.len() - 2], &short), Ok(None)));
}

#[test]
fn there_are_at_most_head_fields_max() {
    let bytes = head(&REQUEST);
    let exact = Limits { head_fields_max: 6, ..Limits::DEFAULT };
    assert!(matches!(parse_request(&bytes, &exact), Ok(Some(_))));
    let few = Limits { head_fields_max: 5, ..Limits::DEFAULT };
    let error = HeadError::TooManyFields { fields_max: 5 };
    assert_eq!(error.status(), 431);
    assert_eq!(parse_request(&bytes, &few).err(), Some(error));
    assert_eq!(
        parse_request(&head(&["GET / HTTP/1.1"]), &Limits { head_fields_max: 0, ..few }).unwrap().unwrap().1,
        18
    );
    let many = and(&["GET / HTTP/1.1"], &["X: y"; 101]);
    assert_eq!(error_of(&head(&many)), HeadError::TooManyFields { fields_max: 100 });
}

#[test]
fn responses_are_read_alike() {
    let bytes = head(&["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket"]);
    for end in 0..bytes.len() {
        assert!(matches!(parse_response(&bytes[..end], &Limits::DEFAULT), Ok(None)));
    }
    let (response, len) = parse_response(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    assert_eq!((response.status(), response.version(), len), (101, Version::Http11, bytes.len()));
    for bytes in [
        &b"HTTP/1.1 101 OK\nX: y\n\n"[..],
        b"HTTP/1.1 10\r\n\r\n",
        b"HTTP/1.1 101\r\nX : y\r\n\r\n",
        b"ICY 200 OK\r\n",
        b"HTTP/1.1 101\r\nX: y\r\n z\r\n\r\n",
    ] {
        assert!(parse_response(bytes, &Limits::DEFAULT).is_err(), "{}", bytes.escape_ascii());
    }
}
