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
