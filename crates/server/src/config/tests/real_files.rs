//! The vocabulary of Centrifugo's v6, key by key, and files as people have them.

use serde_json::Value;

use super::super::assemble::Assembly;
use super::super::error::Origin;
use super::super::source::Setting;
use super::*;

/// One key a line: what becomes of it (`carried` out, `warned` about, `stops` the start), its path, and a value other than
/// its default.
const VOCABULARY: &str = include_str!("vocabulary.txt");

#[test]
fn every_key_of_centrifugo_is_carried_out_or_named() {
    let mut wrong = Vec::new();
    for line in VOCABULARY.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (expected, rest) = line.split_once(' ').unwrap();
        let (path, value) = rest.split_once(" = ").unwrap();
        let fate = fate(path, serde_json::from_str(value).unwrap());
        if fate != expected {
            wrong.push(format!("{fate} {path} = {value}"));
        }
    }
    assert!(wrong.is_empty(), "what becomes of these keys is something else:\n{}", wrong.join("\n"));
}

/// What becomes of a key that stands alone. That it may need others is no matter here.
fn fate(path: &str, value: Value) -> &'static str {
    let mut assembly = Assembly::new(Config::default());
    let origin = Origin::File("centrifugo.json".into());
    let mut settings = Vec::new();
    for list in keys::LISTS.into_iter().filter(|list| keys::below(list.path(), path).is_some()) {
        let names = Value::Array(vec!["back".into()]);
        settings.push(Setting { path: list.path().into(), value: names, origin: origin.clone() });
    }
    assembly.apply(settings);
    let before = assembly.config.clone();
    let mut settings = Vec::new();
    source::flatten(path, value, &origin, &mut settings);
    assembly.apply(settings);
    match (assembly.problems.is_empty(), assembly.warnings.as_slice(), assembly.config == before) {
        (false, ..) => "stops",
        (true, [warning, ..], true) if warning.0.contains("is not a known key") => "unknown",
        (true, [_, ..], true) => "warned",
        (true, [], false) => "carried",
        _ => "neither",
    }
}
