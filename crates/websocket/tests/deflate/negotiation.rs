//! Offers and answers (RFC 7692 §5.1, §7.1): what is agreed on, what is declined, what fails the handshake.

use wavecast_websocket::deflate::{Agreement, Compression, Window};
use wavecast_websocket::handshake::{self, ClientRequest, HandshakeError, parse_extensions};
use wavecast_websocket::{Limits, Role};

const LEAN: Compression = Compression::DEFAULT;
const TAKEOVER: Compression =
    Compression { send_takeover: true, receive_takeover: true, ..Compression::DEFAULT };
const SMALL: Compression =
    Compression { send_window_bits: 10, receive_window_bits: 11, ..Compression::DEFAULT };

/// What a server with these options answers.
fn answer(options: &Compression, offers: &str) -> Option<(Agreement, String)> {
    let mut parsed = Vec::new();
    parse_extensions(offers.as_bytes(), &mut parsed).unwrap();
    options.answer(&parsed)
}

fn agreement(send: (u8, bool), receive: (u8, bool)) -> Agreement {
    Agreement { send: Window::new(send.0, send.1), receive: Window::new(receive.0, receive.1) }
}

#[test]
fn a_server_answers() {
    const NEITHER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (options, offers, agreed, expected) in [
        // Asked for nothing, the lean server says what it wants all the same.
        (LEAN, "permessage-deflate", agreement((15, false), (15, false)), NEITHER.to_owned()),
        // What browsers send.
        (
            LEAN,
            "permessage-deflate; client_max_window_bits",
            agreement((15, false), (15, false)),
            NEITHER.to_owned(),
        ),
        (
            TAKEOVER,
            "permessage-deflate; client_max_window_bits",
            agreement((15, true), (15, true)),
            "permessage-deflate".to_owned(),
        ),
        (
            TAKEOVER,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            agreement((15, false), (15, false)),
            NEITHER.to_owned(),
        ),
        (
            TAKEOVER,
            "permessage-deflate; client_no_context_takeover",
            agreement((15, true), (15, false)),
            "permessage-deflate; client_no_context_takeover".to_owned(),
        ),
        (
            LEAN,
            "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9",
            agreement((10, false), (9, false)),
            format!("{NEITHER}; server_max_window_bits=10; client_max_window_bits=9"),
        ),
        // An offer of the most is answered, too.
        (
            LEAN,
            "permessage-deflate; server_max_window_bits=15",
            agreement((15, false), (15, false)),
            format!("{NEITHER}; server_max_window_bits=15"),
        ),
        // 8 bits are kept to message by message, even where takeover is wanted.
        (
            TAKEOVER,
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
            agreement((8, false), (8, false)),
            format!("{NEITHER}; server_max_window_bits=8; client_max_window_bits=8"),
        ),
        (
            SMALL,
            "permessage-deflate; client_max_window_bits",
            agreement((10, false), (11, false)),
            format!("{NEITHER}; server_max_window_bits=10; client_max_window_bits=11"),
        ),
        // The first acceptable one counts.
        (
            SMALL,
            "permessage-deflate, permessage-deflate; client_max_window_bits",
            agreement((10, false), (11, false)),
            format!("{NEITHER}; server_max_window_bits=10; client_max_window_bits=11"),
        ),
        (
            LEAN,
            "x-webkit-deflate-frame, permessage-deflate; unknown, permessage-deflate; server_max_window_bits=9",
            agreement((9, false), (15, false)),
            format!("{NEITHER}; server_max_window_bits=9"),
        ),
        (
            LEAN,
            "permessage-deflate; server_max_window_bits=\"12\"",
            agreement((12, false), (15, false)),
            format!("{NEITHER}; server_max_window_bits=12"),
        ),
    ] {
        assert_eq!(answer(&options, offers), Some((agreed, expected)), "{offers}");
    }
}

#[test]
fn a_server_declines() {
    for offers in [
        "permessage-bzip2",
        "Permessage-Deflate",
        "permessage-deflate; unknown",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=true",
        "permessage-deflate; client_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; client_max_window_bits; client_max_window_bits=15",
        "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits=+9",
        "permessage-deflate; server_max_window_bits=015",
        "permessage-deflate; server_max_window_bits=271",
        "permessage-deflate; server_max_window_bits=99999999999999999999",
        "permessage-deflate; server_max_window_bits=1e1",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; Client_Max_Window_Bits",
    ] {
        assert_eq!(answer(&LEAN, offers), None, "{offers}");
    }
    // A limit may be given only to who says that it knows the parameter (§7.1.2.2).
    assert_eq!(answer(&SMALL, "permessage-deflate"), None);
}

const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";

fn request(options: Option<Compression>) -> ClientRequest<'static> {
    ClientRequest::new("h", "/", *b"the sample nonce").compression(options)
}

/// What a client with these options makes of an answer with this field.
fn verified(options: Option<Compression>, field: &str) -> Result<Option<Agreement>, HandshakeError> {
    let extensions = if field.is_empty() { String::new() } else { format!("{field}\r\n") };
    let answer = [ACCEPTED, extensions.as_bytes(), b"\r\n"].concat();
    let (established, _) = request(options).verify(&answer, &Limits::DEFAULT)?.unwrap();
    Ok(established.compression)
}

#[test]
fn a_client_offers() {
    for (options, expected) in [
        (
            LEAN,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        ),
        (TAKEOVER, "permessage-deflate; client_max_window_bits"),
        (
            SMALL,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=11; client_max_window_bits=10",
        ),
    ] {
        let mut out = Vec::new();
        request(Some(options)).write(&mut out).unwrap();
        let field = format!("\r\nSec-WebSocket-Extensions: {expected}\r\n");
        assert!(String::from_utf8(out).unwrap().contains(&field), "{expected}");
    }
    let mut out = Vec::new();
    request(None).write(&mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("Extensions"));
}

#[test]
fn a_client_takes_an_answer() {
    let header = |answer: &str| format!("Sec-WebSocket-Extensions: permessage-deflate{answer}");
    for (options, answer, agreed) in [
        (LEAN, "; server_no_context_takeover", agreement((15, false), (15, false))),
        (
            LEAN,
            "; client_max_window_bits=12; server_no_context_takeover; client_no_context_takeover",
            agreement((12, false), (15, false)),
        ),
        // A smaller window than was asked for, and one that was not asked for.
        (LEAN, "; server_no_context_takeover; server_max_window_bits=8", agreement((15, false), (8, false))),
        (
            SMALL,
            "; server_no_context_takeover; server_max_window_bits=10",
            agreement((10, false), (10, false)),
        ),
        (TAKEOVER, "", agreement((15, true), (15, true))),
        (TAKEOVER, "; client_no_context_takeover", agreement((15, false), (15, true))),
        (TAKEOVER, "; server_no_context_takeover", agreement((15, true), (15, false))),
        (TAKEOVER, "; client_max_window_bits=8", agreement((8, false), (15, true))),
    ] {
        assert_eq!(verified(Some(options), &header(answer)), Ok(Some(agreed)), "{answer}");
    }
    for empty in ["", "Sec-WebSocket-Extensions:"] {
        assert_eq!(verified(Some(LEAN), empty), Ok(None), "the server may decline");
    }
}

#[test]
fn a_client_fails_on_what_it_did_not_offer() {
    for (options, answer) in [
        (None, "permessage-deflate"),
        (Some(LEAN), "permessage-bzip2"),
        (Some(LEAN), "permessage-deflate"), // asked for and not promised
        (Some(SMALL), "permessage-deflate; server_no_context_takeover"),
        (Some(SMALL), "permessage-deflate; server_no_context_takeover; server_max_window_bits=12"),
        (
            Some(SMALL),
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=11",
        ),
        (Some(TAKEOVER), "permessage-deflate; client_max_window_bits"),
        (Some(TAKEOVER), "permessage-deflate; server_max_window_bits"),
        (Some(TAKEOVER), "permessage-deflate; server_max_window_bits=16"),
        (Some(TAKEOVER), "permessage-deflate; unknown"),
        (Some(TAKEOVER), "permessage-deflate; client_no_context_takeover=1"),
        (Some(TAKEOVER), "permessage-deflate, permessage-deflate"),
        (Some(TAKEOVER), "permessage-deflate, x"),
        (Some(TAKEOVER), "permessage-deflate;"),
    ] {
        let field = format!("Sec-WebSocket-Extensions: {answer}");
        assert_eq!(verified(options, &field), Err(HandshakeError::Extension), "{answer}");
    }
}

/// Whatever both sides want: what the client makes of the server's answer is what the server made of the offer, seen from
/// the other end.
#[test]
fn both_ends_agree_on_the_same() {
    let mut all = Vec::new();
    for (send_window_bits, receive_window_bits) in [(15, 15), (9, 15), (15, 10), (11, 12), (0, 255)] {
        for takeover in 0..4 {
            all.push(Compression {
                send_takeover: takeover & 1 != 0,
                receive_takeover: takeover & 2 != 0,
                send_window_bits,
                receive_window_bits,
                ..Compression::DEFAULT
            });
        }
    }
    for client in &all {
        for server in &all {
            let mut bytes = Vec::new();
            request(Some(*client)).write(&mut bytes).unwrap();
            let (head, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
            let mut acceptance = handshake::accept(&head, &[]).unwrap();
            let agreed = acceptance.compress(server).expect("our offers can be accepted");
            let mut answer = Vec::new();
            acceptance.write(&[], &mut answer).unwrap();
            let (established, _) = request(Some(*client)).verify(&answer, &Limits::DEFAULT).unwrap().unwrap();
            let theirs = established.compression.unwrap();
            assert_eq!((theirs.send, theirs.receive), (agreed.receive, agreed.send));
            assert!(agreed.send.bits() <= server.send_window_bits.clamp(9, 15));
            assert!(!agreed.receive.takeover() || (server.receive_takeover && client.send_takeover));
        }
    }
}

#[test]
fn an_agreement_is_small() {
    assert_eq!(size_of::<Option<Window>>(), 1);
    let connection = wavecast_websocket::Connection::new(Role::Server);
    assert!(size_of_val(&connection.with_deflate(Window::new(15, true))) <= 40);
}

#[test]
fn nothing_is_said_when_an_offer_is_declined() {
    let request = b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=1\r\n\r\n";
    let (head, _) = handshake::parse_request(request, &Limits::DEFAULT).unwrap().unwrap();
    let mut acceptance = handshake::accept(&head, &[]).unwrap();
    assert_eq!(acceptance.compress(&LEAN), None);
    let mut out = Vec::new();
    acceptance.write(&[], &mut out).unwrap();
    assert!(!String::from_utf8(out).unwrap().contains("Extensions"));
}
