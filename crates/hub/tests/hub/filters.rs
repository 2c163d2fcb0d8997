//! Filters over tags: what matches, what is too much.

use wavecast_hub::{Comparison, FILTER_BYTES_MAX, Filter, FilterTooLarge, Relation, Tags};

fn tag(comparison: Comparison) -> Filter {
    Filter::tag("key", comparison).unwrap()
}

fn matches(filter: &Filter, tag: &str) -> bool {
    filter.matches(Some(&Tags::from([
        ("other".to_owned(), "x".to_owned()),
        ("key".to_owned(), tag.to_owned()),
    ])))
}

#[test]
fn the_table_of_comparisons() {
    // A comparison, tags that match, tags that do not, whether a missing tag matches.
    type Row = (Comparison, &'static [&'static str], &'static [&'static str], bool);
    let number = Comparison::number;
    let table: [Row; 14] = [
        (Comparison::equal("a"), &["a"], &["A", "", "aa"], false),
        (Comparison::not_equal("a"), &["A", "", "aa"], &["a"], true),
        (Comparison::one_of(["b", "a"]), &["a", "b"], &["", "c"], false),
        (Comparison::one_of(["b", ""]), &["", "b"], &["c"], true),
        (Comparison::none_of(["b", "a"]), &["", "c"], &["a", "b"], true),
        (Comparison::exists(), &["", "a"], &[], false),
        (Comparison::missing(), &[], &["", "a"], true),
        (Comparison::starts_with("ab"), &["ab", "abc"], &["a", "cab"], false),
        (Comparison::ends_with("ab"), &["ab", "cab"], &["b", "abc"], false),
        (Comparison::contains("ab"), &["ab", "cabc"], &["a", "acb"], false),
        (number(Relation::Less, "10"), &["9", "-10", "9.99", "+1"], &["10", "10.0", "11", "x", ""], false),
        (number(Relation::LessOrEqual, "010"), &["9", "10", "10.0"], &["10.01", "100", "1e1"], false),
        (number(Relation::Greater, "-0.5"), &["0", "-0", "-0.49"], &["-0.5", "-0.50", "-1"], false),
        (number(Relation::GreaterOrEqual, "0.10"), &["0.1", "0.10", "2"], &["0.09", " 1", "1 "], false),
    ];
    for (comparison, hits, misses, missing) in table {
        let filter = tag(comparison.clone());
        for (tags, expected) in [(hits, true), (misses, false)] {
            for tag in tags {
                assert_eq!(matches(&filter, tag), expected, "{comparison:?} {tag:?}");
            }
        }
        for none in [None, Some(&Tags::new())] {
            assert_eq!(filter.matches(none), missing, "{comparison:?}, missing");
        }
    }
    let never = tag(number(Relation::Less, "many"));
    assert!(!matches(&never, "1") && !matches(&never, "many"));
}

#[test]
fn filters_are_joined() {
    let (a, b) = (tag(Comparison::starts_with("a")), tag(Comparison::ends_with("b")));
    let both = || vec![a.clone(), b.clone()];
    let (all, any) = (Filter::all(both()).unwrap(), Filter::any(both()).unwrap());
    let not_all = all.clone().negated().unwrap();
    for (tag, in_all, in_any) in
        [("ab", true, true), ("a", false, true), ("b", false, true), ("c", false, false)]
    {
        assert_eq!(matches(&all, tag), in_all, "{tag}");
        assert_eq!(matches(&a.clone().and(b.clone()), tag), in_all, "{tag}");
        assert_eq!(matches(&any, tag), in_any, "{tag}");
        assert_eq!(matches(&not_all, tag), !in_all, "{tag}");
    }
}

#[test]
fn filters_are_bounded_and_any_two_can_be_joined() {
    let largest_that = |grow: &dyn Fn(Filter) -> Result<Filter, FilterTooLarge>| {
        let mut filter = tag(Comparison::exists());
        for nodes in 1..FILTER_BYTES_MAX {
            match grow(filter.clone()) {
                Ok(larger) => filter = larger,
                Err(FilterTooLarge) => return (filter, nodes),
            }
        }
        panic!("no bound");
    };
    let (deepest, levels) = largest_that(&|filter| filter.negated());
    let (widest, _) = largest_that(&|filter| Filter::any(vec![filter, tag(Comparison::missing())]));
    assert!((128..512).contains(&levels), "{levels}");
    let both = widest.clone().and(deepest.clone());
    assert!(both.bytes_held() <= 2 * FILTER_BYTES_MAX + 128);
    assert_eq!(matches(&both, "x"), matches(&widest, "x") && matches(&deepest, "x"));

    let long = "x".repeat(FILTER_BYTES_MAX);
    assert_eq!(Filter::tag("k", Comparison::equal(&long)), Err(FilterTooLarge));
    assert_eq!(Filter::tag(&long, Comparison::exists()), Err(FilterTooLarge));
    assert_eq!(Comparison::one_of(["a"; 1000]), Comparison::one_of(["a"]), "the same value once");
}
