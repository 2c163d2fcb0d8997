//! Filters over tags: what matches, what is refused, what is too much.

use wavecast_hub::{
    FILTER_BYTES_MAX, FILTER_DEPTH_MAX, FILTER_NODES_MAX, FILTER_VALUES_MAX, Filter, FilterError, Tags,
};

fn leaf(comparison: &str, value: &str, values: &[&str]) -> Filter {
    Filter::leaf("key", comparison, value, values).unwrap()
}

fn matches(filter: &Filter, tag: &str) -> bool {
    filter.matches(Some(&Tags::from([
        ("other".to_owned(), "x".to_owned()),
        ("key".to_owned(), tag.to_owned()),
    ])))
}

#[test]
fn the_table_of_comparisons() {
    // Comparison, value, values, tags that match, tags that do not, whether a missing tag matches.
    type Row = (
        &'static str,
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
        bool,
    );
    let table: [Row; 14] = [
        ("eq", "a", &[], &["a"], &["A", "", "aa"], false),
        ("neq", "a", &[], &["A", "", "aa"], &["a"], true),
        ("in", "", &["b", "a"], &["a", "b"], &["", "c"], false),
        ("in", "", &["b", ""], &["", "b"], &["c"], true),
        ("nin", "", &["b", "a"], &["", "c"], &["a", "b"], true),
        ("ex", "", &[], &["", "a"], &[], false),
        ("nex", "", &[], &[], &["", "a"], true),
        ("sw", "ab", &[], &["ab", "abc"], &["a", "cab"], false),
        ("ew", "ab", &[], &["ab", "cab"], &["b", "abc"], false),
        ("ct", "ab", &[], &["ab", "cabc"], &["a", "acb"], false),
        ("lt", "10", &[], &["9", "-10", "9.99", "+1"], &["10", "10.0", "11", "x", ""], false),
        ("lte", "10", &[], &["9", "10", "10.0"], &["10.01", "100", "1e1"], false),
        ("gt", "-0.5", &[], &["0", "-0", "-0.49"], &["-0.5", "-0.50", "-1"], false),
        ("gte", "0.1", &[], &["0.1", "0.10", "2"], &["0.09", " 1", "1 "], false),
    ];
    for (comparison, value, values, hits, misses, missing) in table {
        let filter = leaf(comparison, value, values);
        for (tags, expected) in [(hits, true), (misses, false)] {
            for tag in tags {
                assert_eq!(matches(&filter, tag), expected, "{comparison} {value}{values:?} {tag:?}");
            }
        }
        for none in [None, Some(&Tags::new())] {
            assert_eq!(filter.matches(none), missing, "{comparison} {value}{values:?}, missing");
        }
    }
    let never = leaf("lt", "many", &[]);
    assert!(!matches(&never, "1") && !matches(&never, "many"));
}

#[test]
fn filters_are_joined() {
    let (a, b) = (leaf("sw", "a", &[]), leaf("ew", "b", &[]));
    let node = |op, filters: &[&Filter]| {
        Filter::node(op, filters.iter().map(|&filter| filter.clone()).collect()).unwrap()
    };
    let all = node("and", &[&a, &b]);
    for (tag, in_all, in_any) in
        [("ab", true, true), ("a", false, true), ("b", false, true), ("c", false, false)]
    {
        assert_eq!(matches(&all, tag), in_all, "{tag}");
        assert_eq!(matches(&a.clone().and(b.clone()), tag), in_all, "{tag}");
        assert_eq!(matches(&node("or", &[&a, &b]), tag), in_any, "{tag}");
        assert_eq!(matches(&node("not", &[&all]), tag), !in_all, "{tag}");
    }
}

#[test]
fn malformed_filters_are_named() {
    let unknown = |comparison: &str| FilterError::UnknownComparison { comparison: comparison.into() };
    let wrong = |comparison: &str| FilterError::WrongValues { comparison: comparison.into() };
    for (key, comparison, value, values, expected) in [
        ("k", "", "", &[] as &[&str], unknown("")),
        ("k", "EQ", "1", &[], unknown("EQ")),
        ("", "eq", "1", &[], FilterError::KeyMissing),
        ("k", "eq", "", &[], wrong("eq")),
        ("k", "eq", "1", &["1"], wrong("eq")),
        ("k", "in", "", &[], wrong("in")),
        ("k", "nin", "1", &["1"], wrong("nin")),
        ("k", "ex", "1", &[], wrong("ex")),
        ("k", "nex", "", &["1"], wrong("nex")),
    ] {
        assert_eq!(Filter::leaf(key, comparison, value, values), Err(expected), "{key} {comparison}");
    }
    assert!(Filter::leaf("", "ex", "", &[""; 0]).is_ok());
    let a = || leaf("ex", "", &[]);
    for (operation, filters, expected) in [
        ("and", vec![], FilterError::WrongCount),
        ("or", vec![], FilterError::WrongCount),
        ("not", vec![], FilterError::WrongCount),
        ("not", vec![a(), a()], FilterError::WrongCount),
        ("nand", vec![a()], FilterError::UnknownOperation { operation: "nand".into() }),
    ] {
        assert_eq!(Filter::node(operation, filters), Err(expected), "{operation}");
    }
}

#[test]
fn filters_are_bounded_and_any_two_can_be_joined() {
    let wide = |leaves| Filter::node("or", vec![leaf("ex", "", &[]); leaves]);
    assert_eq!(wide(FILTER_NODES_MAX), Err(FilterError::TooLarge));
    let widest = wide(FILTER_NODES_MAX - 1).unwrap();

    let mut deepest = leaf("ex", "", &[]);
    for _ in 1..FILTER_DEPTH_MAX {
        deepest = Filter::node("not", vec![deepest]).unwrap();
    }
    assert_eq!(Filter::node("not", vec![deepest.clone()]), Err(FilterError::TooLarge));
    assert!(!matches(&widest.and(deepest), "x"), "an odd number of negations");

    let long = "x".repeat(FILTER_BYTES_MAX);
    assert_eq!(Filter::leaf("k", "eq", &long, &[""; 0]), Err(FilterError::TooLarge));
    assert_eq!(
        Filter::leaf("k", "in", "", &["a"; FILTER_VALUES_MAX]),
        Filter::leaf("k", "in", "", &["a"]),
        "the same value once"
    );
}

/// What is read of a list that is too long ends one value behind the limit: were equal ones left out before they are
/// counted, the rest of the list would be missing and nobody would know.
#[test]
fn too_many_values_are_refused_even_if_they_are_the_same() {
    for comparison in ["in", "nin"] {
        let values = ["a"; FILTER_VALUES_MAX + 1];
        assert_eq!(Filter::leaf("k", comparison, "", &values), Err(FilterError::TooLarge), "{comparison}");
    }
}
