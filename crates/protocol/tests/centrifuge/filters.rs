//! Filters in both encodings. The Protobuf bytes were written by the Protobuf library of Python.

use crate::bytes::bytes;
use wavecast_protocol::centrifuge::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, FILTER_VALS_MAX};
use wavecast_protocol::centrifuge::{
    Command, DecodeError, Filter, FilterError, Request, SubscribeRequest, json, protobuf,
};

fn leaf(key: &'static str, cmp: &'static str) -> Filter<'static> {
    Filter { key: key.into(), cmp: cmp.into(), ..Filter::default() }
}

fn node(op: &'static str, nodes: Vec<Filter<'static>>) -> Filter<'static> {
    Filter { op: op.into(), nodes, ..Filter::default() }
}

fn subscribe(filter: Filter<'_>) -> Command<'_> {
    let request =
        SubscribeRequest { channel: "news".into(), tf: Some(filter), ..SubscribeRequest::default() };
    Command { id: 12, request: Request::Subscribe(request) }
}

fn filter(command: Result<Command<'_>, DecodeError>) -> Filter<'_> {
    match command {
        Ok(Command { request: Request::Subscribe(SubscribeRequest { tf: Some(filter), .. }), .. }) => filter,
        other => panic!("{other:?}"),
    }
}

/// Writes the filter and reads it again, in JSON and in Protobuf; `look` is given both.
fn both(written: Filter<'_>, look: impl Fn(Filter<'_>)) {
    let command = subscribe(written);
    let mut out = Vec::new();
    json::encode_command(&command, &mut out);
    look(filter(json::commands(std::str::from_utf8(&out).unwrap()).next().unwrap()));
    out.clear();
    protobuf::encode_command(&command, &mut out);
    look(filter(protobuf::commands(&out).next().unwrap()));
}

#[test]
fn a_filter_stands_as_the_schema_has_it() {
    let one_of = Filter { vals: vec!["1".into(), "".into(), "2".into()], ..leaf("n", "in") };
    let equal = Filter { val: "v".into(), ..leaf("k", "eq") };
    let command = subscribe(node("and", vec![equal, node("not", vec![one_of])]));
    let line = concat!(
        r#"{"id":12,"subscribe":{"channel":"news","tf":{"op":"and","nodes":["#,
        r#"{"key":"k","cmp":"eq","val":"v"},{"op":"not","nodes":[{"key":"n","cmp":"in","vals":["1","","2"]}]}]}}}"#,
    );
    let hex = "35080c2a310a046e6577736a290a03616e64320a12016b1a02657122017632160a036e6f74320f12016e1a02696e2a01312a002a0132";

    let mut out = Vec::new();
    json::encode_command(&command, &mut out);
    assert_eq!(std::str::from_utf8(&out), Ok(line));
    assert_eq!(json::commands(line).collect::<Vec<_>>(), [Ok(command.clone())]);
    out.clear();
    protobuf::encode_command(&command, &mut out);
    assert_eq!(out, bytes(hex));
    assert_eq!(protobuf::commands(&out).collect::<Vec<_>>(), [Ok(command.clone())]);
    assert_eq!(filter(Ok(command)).check(), Ok(()));
}

#[test]
fn what_is_within_the_bounds_is_read_as_it_is() {
    let deep = (1..FILTER_DEPTH_MAX).fold(leaf("k", "ex"), |inner, _| node("not", vec![inner]));
    let wide = node("or", vec![leaf("k", "ex"); FILTER_NODES_MAX - 1]);
    let long = Filter { vals: vec!["v".into(); FILTER_VALS_MAX], ..leaf("k", "in") };
    for written in [deep, wide, long] {
        both(written.clone(), |read| {
            assert_eq!(read, written);
            assert_eq!(read.check(), Ok(()));
        });
    }
}

#[test]
fn what_is_beyond_the_bounds_is_dropped_and_told() {
    let deep = (0..100).fold(leaf("k", "ex"), |inner, _| node("not", vec![inner]));
    let wide = node("or", vec![leaf("k", "ex"); 10_000]);
    let bushy = node("or", vec![node("or", vec![leaf("k", "ex"); 100]); 100]);
    let long = Filter { vals: vec!["v".into(); 10_000], ..leaf("k", "in") };
    for (written, error) in [
        (deep, FilterError::TooDeep),
        (wide, FilterError::TooManyNodes),
        (bushy, FilterError::TooManyNodes),
        (long, FilterError::TooManyValues),
    ] {
        both(written, |read| {
            assert_eq!(read.check(), Err(error));
            assert!(levels(&read) <= FILTER_DEPTH_MAX + 1 && nodes(&read) <= FILTER_NODES_MAX + 1);
            assert!(read.vals.len() <= FILTER_VALS_MAX + 1);
        });
    }
}

/// Nodes below a comparison mean nothing, but take the room of those behind it when they are read.
#[test]
fn what_had_to_be_dropped_for_nodes_below_a_comparison_is_told() {
    let odd = Filter { nodes: vec![leaf("k", "ex"); FILTER_NODES_MAX], ..leaf("k", "ex") };
    both(node("and", vec![odd, leaf("k", "nex")]), |read| {
        assert_eq!(read.check(), Err(FilterError::TooManyNodes));
    });
    let odd = Filter { nodes: vec![leaf("k", "made up")], ..leaf("k", "ex") };
    both(node("and", vec![odd, leaf("k", "nex")]), |read| assert_eq!(read.check(), Ok(())));
}

fn levels(filter: &Filter<'_>) -> usize {
    1 + filter.nodes.iter().map(levels).max().unwrap_or(0)
}

fn nodes(filter: &Filter<'_>) -> usize {
    1 + filter.nodes.iter().map(nodes).sum::<usize>()
}

#[test]
fn levels_do_not_recurse() {
    // Far beyond any stack, were a frame of it spent on each.
    let levels = 100_000;
    let line = format!(
        r#"{{"id":1,"subscribe":{{"tf":{}{{}}{}}}}}"#,
        r#"{"op":"not","nodes":["#.repeat(levels),
        "]}".repeat(levels)
    );
    let read = filter(json::commands(&line).next().unwrap());
    assert_eq!(read.check(), Err(FilterError::TooDeep));
}

#[test]
fn a_filter_of_the_wrong_shape_is_no_command() {
    for tf in [
        "[]",
        "1",
        r#""and""#,
        r#"{"op":1}"#,
        r#"{"op":"and","op":"or"}"#,
        r#"{"vals":"v"}"#,
        r#"{"vals":[1]}"#,
        r#"{"nodes":{}}"#,
        r#"{"nodes":[null]}"#,
        r#"{"nodes":[[]]}"#,
        r#"{"nodes":[{"key":[]}]}"#,
    ] {
        let line = format!(r#"{{"id":1,"subscribe":{{"tf":{tf}}}}}"#);
        let command = json::commands(&line).next().unwrap();
        assert!(matches!(command, Err(DecodeError::Field { .. })), "{tf}: {command:?}");
    }
    let none = json::commands(r#"{"id":1,"subscribe":{"tf":null}}"#).next().unwrap();
    assert!(matches!(
        none,
        Ok(Command { request: Request::Subscribe(SubscribeRequest { tf: None, .. }), .. })
    ));
    let empty = r#"{"id":1,"subscribe":{"tf":{"later":1,"vals":null,"nodes":null,"op":null}}}"#;
    assert_eq!(filter(json::commands(empty).next().unwrap()), Filter::default());

    // tf as a number; op as a number; a node as a number; a value that is not UTF-8.
    for (hex, number) in [
        ("06 08 01 2a 02 68 01", 13),
        ("08 08 01 2a 04 6a 02 08 01", 1),
        ("08 08 01 2a 04 6a 02 30 01", 6),
        ("09 08 01 2a 05 6a 03 2a 01 ff", 5),
    ] {
        let frame = bytes(hex);
        assert_eq!(protobuf::commands(&frame).next(), Some(Err(DecodeError::FieldType { number })), "{hex}");
    }
}
