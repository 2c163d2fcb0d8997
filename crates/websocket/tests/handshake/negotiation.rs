//! Which sub-protocol and which extensions are agreed on (RFC 6455 §4.2.2, items 5 and 6).

use crate::{REQUEST, and, head};
use wavecast_websocket::{Limits, handshake};

fn chosen(fields: &[&str], protocols: &[&'static str]) -> Option<&'static str> {
    let bytes = head(&and(&REQUEST, fields));
    let (request, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    let acceptance = handshake::accept(&request, protocols).unwrap();
    let mut out = Vec::new();
    acceptance.write(&[], &mut out).unwrap();
    let written = String::from_utf8(out).unwrap();
    assert_eq!(written.contains("Sec-WebSocket-Protocol"), acceptance.protocol.is_some());
    assert!(!written.contains("Sec-WebSocket-Extensions"), "none is accepted yet");
    acceptance.protocol
}

#[test]
fn the_server_prefers() {
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: a, b"], &["b", "a"]), Some("b"));
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: a, b"], &["c", "a"]), Some("a"));
}

#[test]
fn a_list_may_be_spread_over_fields_and_have_empty_elements() {
    let fields = ["Sec-WebSocket-Protocol: a", "sec-websocket-protocol: ,b, ,c"];
    assert_eq!(chosen(&fields, &["c"]), Some("c"));
}

#[test]
fn nothing_is_chosen_unless_both_name_it() {
    assert_eq!(chosen(&[], &["a"]), None);
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: a"], &[]), None);
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: a"], &["b"]), None);
    assert_eq!(chosen(&["Sec-WebSocket-Protocol: Chat"], &["chat"]), None, "case matters");
}

#[test]
fn offered_extensions_are_handed_on_and_none_is_accepted() {
    let fields = [
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        "Sec-WebSocket-Extensions: x",
    ];
    assert_eq!(chosen(&fields, &[]), None);
    let bytes = head(&and(&REQUEST, &fields));
    let (request, _) = handshake::parse_request(&bytes, &Limits::DEFAULT).unwrap().unwrap();
    let acceptance = handshake::accept(&request, &[]).unwrap();
    let names: Vec<&str> = acceptance.extensions.iter().map(|extension| extension.name).collect();
    assert_eq!(names, ["permessage-deflate", "x"]);
}
