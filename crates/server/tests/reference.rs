//! `docs/configuration.md` says of every key what the program does with it: type, default, allowed values and effect.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

use std::collections::BTreeMap;

use wavecast_server::config::reference;

type Row = [String; 4];

/// Rows of the tables whose first cell is a key: key, then type, default, allowed values and effect without their backticks.
fn documented() -> BTreeMap<String, Row> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<String> = line
            .trim()
            .strip_prefix("| `")?
            .strip_suffix('|')?
            .split(" | ")
            .map(|cell| cell.replace('`', "").replace("\\|", "|").trim().to_owned())
            .collect();
        let [key, kind, default, allowed, effect] = cells.try_into().ok()?;
        Some((key, [kind, default, allowed, effect]))
    });
    rows.collect()
}

#[test]
fn the_page_of_keys_agrees_with_the_program() {
    let program: BTreeMap<String, Row> = reference()
        .into_iter()
        .map(|key| {
            let row = [key.kind, &key.default, &key.allowed, key.effect];
            (key.path.clone(), row.map(|cell| cell.replace('`', "")))
        })
        .collect();
    let page = documented();
    let keys = |rows: &BTreeMap<String, Row>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&page), keys(&program), "the keys themselves");
    for (key, row) in &program {
        assert_eq!(&page[key], row, "{key}: the page (left) and the program (right)");
    }
}

/// Keys, and sections with a `.*`, that the page says a reload carries out.
fn said_to_be_reloaded() -> Vec<String> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md")).unwrap();
    let list = page.split_once("<!-- reloaded -->").and_then(|(_, rest)| rest.split_once("<!-- end -->"));
    let (list, _) = list.expect("the page has the list");
    list.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_page_says_of_every_key_whether_a_reload_carries_it_out() {
    let said = said_to_be_reloaded();
    let covers = |entry: &str, path: &str| match entry.strip_suffix(".*") {
        Some(section) => path.strip_prefix(section).is_some_and(|rest| rest.starts_with('.')),
        None => entry == path,
    };
    // Sections that occur more than once stand there under their own names.
    for key in reference().iter().filter(|key| !key.path.starts_with('(')) {
        let is_said = said.iter().any(|entry| covers(entry, &key.path));
        assert_eq!(is_said, key.reloaded, "{}: the page (left) and the program (right)", key.path);
    }
    assert!(said.len() > 30, "{said:?}");
}
