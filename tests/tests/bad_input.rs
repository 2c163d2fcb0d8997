//! Whatever a peer sends, it ends in a close code or an HTTP status and a line in the log, and the others notice nothing.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wavecast_tests::program::Program;
use wavecast_tests::visitor::{Heard, Visitor, frame, header, opcode, upgrade_request};
use wavecast_tests::witness::Witness;

const MESSAGE_MAX: usize = 65_536;
const HEAD_MAX: usize = 8 * 1024;
/// Of the server that has little patience.
const HANDSHAKE_MAX: Duration = Duration::from_secs(2);
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Time for an answer that the server gives at once, on a busy machine.
const SOON: Duration = Duration::from_secs(5);

const PROTOCOL_ERROR: u16 = 1002;
const INVALID_PAYLOAD: u16 = 1007;
const MESSAGE_TOO_BIG: u16 = 1009;
const SLOW: u16 = 3008;
const BAD_REQUEST: u16 = 3501;
const STALE: u16 = 3502;

fn configuration() -> Value {
    json!({
        "log": { "level": "info" },
        "http_server": { "handshake_timeout": "10s", "head_size_limit": HEAD_MAX },
        "client": { "insecure": true, "stale_close_delay": "10s", "queue_max_size": 1_048_576 },
        "http_api": { "insecure": true },
        "websocket": { "message_size_limit": MESSAGE_MAX },
    })
}

/// Runs the cases against one server while a healthy pair of clients goes on, and has each leave a line in the log.
fn amid_healthy_clients(run: impl FnOnce(&Program)) {
    amid_healthy_clients_of(&configuration(), run);
}

/// The same with a server that waits for no slow peer.
fn amid_healthy_clients_without_patience(run: impl FnOnce(&Program)) {
    let mut configuration = configuration();
    configuration["http_server"]["handshake_timeout"] = format!("{}s", HANDSHAKE_MAX.as_secs()).into();
    configuration["client"]["stale_close_delay"] = format!("{}s", CONNECT_MAX.as_secs()).into();
    amid_healthy_clients_of(&configuration, run);
}

fn amid_healthy_clients_of(configuration: &Value, run: impl FnOnce(&Program)) {
    let server = Program::start(configuration);
    let witness = Witness::start(server.address());
    run(&server);
    let seen = witness.finish();
    println!("the others: {} publications, the slowest after {:?}", seen.publications, seen.delay_max);
}

/// What the server answers to these bytes on a new connection starts with this status.
fn expect_status(server: &Program, what: &str, bytes: &[u8], status: u16) {
    let before = server.count_log(&status.to_string());
    let mut visitor = Visitor::connect(server.address()).expect("the server accepts");
    let _ = visitor.send(bytes); // it may have answered and closed before the last byte
    let answer = visitor.response(SOON);
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: expected {status}, got: {answer:?}");
    assert_eq!(visitor.ending(SOON), Heard::End, "{what}: the connection ends after the refusal");
    server.expect_log(&status.to_string(), before, SOON);
}

/// What the server answers to these bytes within a session is a close frame with this code, then the end.
fn expect_close(server: &Program, what: &str, bytes: &[u8], code: u16) {
    let before = server.count_log(&code.to_string());
    let mut visitor = Visitor::session(server.address());
    let _ = visitor.send(bytes);
    let Heard::Close(got, reason) = visitor.ending(SOON) else { panic!("{what}: no close frame") };
    assert_eq!(got, Some(code), "{what}: closed with reason {reason:?}");
    assert!(!reason.is_empty(), "{what}: a close gives its reason");
    let _ = visitor.send(&frame(opcode::CLOSE, &code.to_be_bytes()));
    assert_eq!(visitor.ending(SOON), Heard::End, "{what}: the connection ends after the close");
    server.expect_log(&code.to_string(), before, SOON);
}

#[test]
fn request_heads_beyond_the_limits_are_refused() {
    amid_healthy_clients(|server| {
        let address = server.address();
        let long_field = upgrade_request(address, &format!("X-Long: {}\r\n", "x".repeat(HEAD_MAX)));
        expect_status(server, "one long field", &long_field, 431);
        let many_fields: String = (0..1_000).map(|number| format!("X-{number}: {number}\r\n")).collect();
        expect_status(server, "many fields", &upgrade_request(address, &many_fields), 431);
        let endless_line = [b"GET /".as_slice(), &[b'a'; 64 * 1024]].concat();
        let mut visitor = Visitor::connect(address).expect("the server accepts");
        let _ = visitor.send(&endless_line);
        let answer = visitor.response(SOON);
        assert!(answer.starts_with("HTTP/1.1 4"), "an endless request line is refused at once: {answer:?}");
    });
}

#[test]
fn what_is_not_http_is_refused() {
    amid_healthy_clients(|server| {
        expect_status(server, "a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400);
        expect_status(server, "words", b"HELO example.org\r\n\r\n", 400);
        expect_status(server, "a NUL in a field", b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", 400);
        expect_status(server, "a folded field", b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400);
        expect_status(
            server,
            "two lengths",
            b"POST /api/info HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            400,
        );
    });
}

#[test]
fn opening_handshakes_against_the_rfc_are_refused() {
    amid_healthy_clients(|server| {
        let whole = String::from_utf8(upgrade_request(server.address(), "")).expect("ASCII");
        let with = |from: &str, to: &str| {
            assert!(whole.contains(from), "the request holds {from}");
            whole.replace(from, to).into_bytes()
        };
        expect_status(server, "another version", &with("Version: 13", "Version: 8"), 426);
        expect_status(server, "no key", &with("Sec-WebSocket-Key", "X-Key"), 400);
        expect_status(server, "a short key", &with("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400);
        expect_status(server, "no host", &with("Host", "X-Host"), 400);
    });
}

#[test]
fn a_handshake_of_one_byte_a_second_is_given_up() {
    amid_healthy_clients_without_patience(|server| {
        let before = server.count_log("408");
        let mut visitor = Visitor::connect(server.address()).expect("the server accepts");
        let start = Instant::now();
        let mut answer = String::new();
        for byte in upgrade_request(server.address(), "") {
            if visitor.send(&[byte]).is_err() {
                break;
            }
            answer = visitor.response(Duration::from_secs(1));
            if !answer.is_empty() {
                break;
            }
            assert!(start.elapsed() < HANDSHAKE_MAX + SOON, "still listening after {:?}", start.elapsed());
        }
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
        assert!(start.elapsed() >= HANDSHAKE_MAX / 2, "given up too early: {:?}", start.elapsed());
        server.expect_log("408", before, SOON);
    });
}

#[test]
fn frames_against_the_rfc_close_with_1002() {
    amid_healthy_clients(|server| {
        let masked = |first: u8, payload: &[u8]| {
            let mut bytes = frame(0, payload);
            bytes[0] = first;
            bytes
        };
        let unmasked = [&header(0x81, false, 2)[..], b"{}"].concat();
        expect_close(server, "no mask", &unmasked, PROTOCOL_ERROR);
        expect_close(server, "a reserved bit", &masked(0xC1, b"{}"), PROTOCOL_ERROR);
        expect_close(server, "a reserved opcode", &masked(0x83, b"{}"), PROTOCOL_ERROR);
        expect_close(server, "a reserved control opcode", &masked(0x8B, b""), PROTOCOL_ERROR);
        expect_close(server, "a ping in fragments", &masked(0x09, b"x"), PROTOCOL_ERROR);
        expect_close(server, "a ping of 126 bytes", &masked(0x89, &[b'x'; 126]), PROTOCOL_ERROR);
        expect_close(server, "a continuation of nothing", &masked(0x80, b"{}"), PROTOCOL_ERROR);
        let interrupted = [masked(0x01, b"{"), masked(0x81, b"}")].concat();
        expect_close(server, "a message within a message", &interrupted, PROTOCOL_ERROR);
        expect_close(server, "a close of one byte", &masked(0x88, &[3]), PROTOCOL_ERROR);
        expect_close(
            server,
            "a close code that is never sent",
            &masked(0x88, &1005u16.to_be_bytes()),
            PROTOCOL_ERROR,
        );
        let negative = [header(0x82, true, u64::MAX), vec![0; 4]].concat();
        expect_close(server, "a length with its highest bit", &negative, PROTOCOL_ERROR);
    });
}

#[test]
fn frames_and_messages_beyond_the_limit_close_with_1009() {
    amid_healthy_clients(|server| {
        let announced = [header(0x81, true, 1 << 40), vec![0; 4]].concat();
        expect_close(server, "a frame announced with a terabyte", &announced, MESSAGE_TOO_BIG);
        let whole = frame(opcode::TEXT, &vec![b' '; MESSAGE_MAX + 1]);
        expect_close(server, "one byte too many", &whole, MESSAGE_TOO_BIG);
        let mut fragments = frame(opcode::TEXT, &vec![b' '; MESSAGE_MAX / 2]);
        fragments[0] = 0x01;
        let mut more = frame(0, &vec![b' '; MESSAGE_MAX / 2]);
        more[0] = 0x00;
        let pieces = [fragments, more.clone(), more].concat();
        expect_close(server, "too much in pieces", &pieces, MESSAGE_TOO_BIG);
    });
}

#[test]
fn text_that_is_not_utf8_closes_with_1007() {
    amid_healthy_clients(|server| {
        for (what, bytes) in [
            ("a lone continuation byte", &b"\x80"[..]),
            ("an overlong slash", b"\xC0\xAF"),
            ("half a surrogate pair", b"\xED\xA0\x80"),
            ("beyond the last code point", b"\xF4\x90\x80\x80"),
            ("cut off", b"{\"id\":1}\xE2\x82"),
        ] {
            expect_close(server, what, &frame(opcode::TEXT, bytes), INVALID_PAYLOAD);
        }
        let close = [&1000u16.to_be_bytes()[..], b"\xFF"].concat();
        expect_close(
            server,
            "a close reason that is not UTF-8",
            &frame(opcode::CLOSE, &close),
            INVALID_PAYLOAD,
        );
    });
}

#[test]
fn commands_that_make_no_sense_close_with_3501() {
    amid_healthy_clients(|server| {
        for (what, text) in [
            ("not JSON", "hello"),
            ("half a command", r#"{"id":2,"publish":{"channel":"x""#),
            ("a number", "17"),
            ("an array", "[]"),
            ("no known command", r#"{"id":2,"frobnicate":{}}"#),
            ("an id and nothing else", r#"{"id":2}"#),
            ("a command without id", r#"{"subscribe":{"channel":"x"}}"#),
            ("an id that is no number", r#"{"id":"two","subscribe":{"channel":"x"}}"#),
            ("an id beyond 32 bits", r#"{"id":4294967296,"subscribe":{"channel":"x"}}"#),
            ("a field of the wrong kind", r#"{"id":2,"subscribe":{"channel":7}}"#),
            ("a second connect", r#"{"id":2,"connect":{}}"#),
            ("a pong that nobody asked for", "{}"),
            ("good, then bad, in one frame", "{\"id\":2,\"subscribe\":{\"channel\":\"x\"}}\n{\"id\":3"),
        ] {
            expect_close(server, what, &frame(opcode::TEXT, text.as_bytes()), BAD_REQUEST);
        }
    });
}

#[test]
fn data_nested_without_end_is_refused_and_harms_nobody() {
    amid_healthy_clients(|server| {
        let deep = "[".repeat(30_000);
        let open = format!(r#"{{"id":2,"publish":{{"channel":"x","data":{deep}"#);
        expect_close(server, "only opened", &frame(opcode::TEXT, open.as_bytes()), BAD_REQUEST);
        let closed = format!("{open}{}}}}}", "]".repeat(30_000));
        let mut visitor = Visitor::session(server.address());
        visitor.send_text(&closed);
        match visitor.next(SOON) {
            Heard::Text(reply) => assert!(reply.contains(r#""id":2"#), "{reply}"),
            Heard::Close(code, _) => assert_eq!(code, Some(BAD_REQUEST)),
            other => panic!("neither a reply nor a close: {other:?}"),
        }
    });
}

#[test]
fn a_command_that_the_session_cannot_take_is_an_error_and_no_end() {
    amid_healthy_clients(|server| {
        let mut visitor = Visitor::session(server.address());
        visitor.send_text(r#"{"id":2,"publish":{"channel":"nowhere:x","data":1}}"#);
        assert_eq!(visitor.reply(2, SOON)["error"]["code"], 102);
        visitor.send_text(r#"{"id":3,"rpc":{"method":"x","data":1}}"#);
        assert!(visitor.reply(3, SOON)["error"]["code"].is_u64());
        visitor.send_text(r#"{"id":4,"subscribe":{"channel":"x"}}"#);
        assert!(visitor.reply(4, SOON)["subscribe"].is_object());
    });
}

#[test]
fn who_says_nothing_is_shown_out() {
    amid_healthy_clients_without_patience(|server| {
        let before = server.count_log("408");
        let mut silent = Visitor::connect(server.address()).expect("the server accepts");
        let answer = silent.response(HANDSHAKE_MAX + SOON);
        assert!(answer.starts_with("HTTP/1.1 408 "), "no request: {answer:?}");
        server.expect_log("408", before, SOON);

        let before = server.count_log(&STALE.to_string());
        let mut stale = Visitor::upgraded(server.address());
        let Heard::Close(code, _) = stale.ending(CONNECT_MAX + SOON) else { panic!("no close frame") };
        assert_eq!(code, Some(STALE), "no connect command");
        server.expect_log(&STALE.to_string(), before, SOON);
    });
}

#[test]
fn who_goes_in_the_middle_of_anything_is_forgotten() {
    amid_healthy_clients(|server| {
        for length in [1, 20, 60] {
            let request = upgrade_request(server.address(), "");
            let mut visitor = Visitor::connect(server.address()).expect("the server accepts");
            visitor.send(&request[..length]).expect("the server reads");
        }
        for length in [1, 3, 7, 20] {
            let bytes = frame(opcode::TEXT, br#"{"id":2,"subscribe":{"channel":"x"}}"#);
            let mut visitor = Visitor::session(server.address());
            visitor.send(&bytes[..length]).expect("the server reads");
        }
        let mut half = Visitor::session(server.address());
        half.finish();
        assert!(
            matches!(half.ending(SOON), Heard::Close(..) | Heard::End),
            "who has ended its side is let go"
        );
    });
}

#[test]
fn a_subscriber_that_never_reads_is_let_go_and_the_others_are_not_kept_waiting() {
    amid_healthy_clients(|server| {
        let before = server.count_log(&SLOW.to_string());
        let mut lazy = Visitor::session(server.address());
        lazy.send_text(r#"{"id":2,"subscribe":{"channel":"flood"}}"#);
        assert!(lazy.reply(2, SOON)["subscribe"].is_object());
        let mut publisher = Visitor::session(server.address());
        let data = "x".repeat(30_000);
        let end = Instant::now() + Duration::from_secs(30);
        for id in 2.. {
            publisher.send_text(&format!(r#"{{"id":{id},"publish":{{"channel":"flood","data":"{data}"}}}}"#));
            assert!(
                publisher.reply(id, SOON)["publish"].is_object(),
                "a slow reader is not the publisher's trouble"
            );
            if server.count_log(&SLOW.to_string()) > before {
                break;
            }
            assert!(Instant::now() < end, "{id} publications later the lazy subscriber is still there");
            thread::sleep(Duration::from_millis(1));
        }
        assert!(matches!(lazy.ending(SOON), Heard::Close(Some(SLOW), _) | Heard::End));
    });
}
