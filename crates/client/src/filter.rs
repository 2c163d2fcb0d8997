//! Filters on tags: which publications a subscription gets.

use std::ops::Not;

use serde::Serialize;

/// A condition on the tags of publications, which the server checks.
///
/// ```
/// use wavecast_client::{SubscribeOptions, TagsFilter};
///
/// let filter = TagsFilter::all_of([
///     TagsFilter::one_of("ticker", ["BTC", "ETH"]),
///     TagsFilter::greater("price", "50000"),
/// ]);
/// let options = SubscribeOptions { filter: Some(filter), ..SubscribeOptions::default() };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagsFilter(Node);

/// As the schema has it: a comparison, or with `op` a combination of others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
struct Node {
    #[serde(skip_serializing_if = "str::is_empty")]
    op: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    cmp: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    val: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vals: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<Node>,
}

impl TagsFilter {
    /// The tag has this value.
    pub fn equal(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::compare(key, "eq", value)
    }

    /// The tag has another value, or is not there.
    pub fn not_equal(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::compare(key, "neq", value)
    }

    /// The tag has one of these values.
    pub fn one_of<V: Into<String>>(key: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self::compare_with_each(key, "in", values)
    }

    /// The tag has none of these values.
    pub fn none_of<V: Into<String>>(key: impl Into<String>, values: impl IntoIterator<Item = V>) -> Self {
        Self::compare_with_each(key, "nin", values)
    }

    /// The tag is there.
    pub fn exists(key: impl Into<String>) -> Self {
        Self::compare(key, "ex", "")
    }

    /// The tag is not there.
    pub fn absent(key: impl Into<String>) -> Self {
        Self::compare(key, "nex", "")
    }

    /// The value starts with this.
    pub fn starts_with(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::compare(key, "sw", value)
    }

    /// The value ends with this.
    pub fn ends_with(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::compare(key, "ew", value)
    }

    /// The value contains this.
    pub fn contains(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self::compare(key, "ct", value)
    }

    /// The value is a number below this one, which is written out so that no digit is lost.
    pub fn less(key: impl Into<String>, number: impl Into<String>) -> Self {
        Self::compare(key, "lt", number)
    }

    /// The value is a number up to this one.
    pub fn at_most(key: impl Into<String>, number: impl Into<String>) -> Self {
        Self::compare(key, "lte", number)
    }

    /// The value is a number above this one.
    pub fn greater(key: impl Into<String>, number: impl Into<String>) -> Self {
        Self::compare(key, "gt", number)
    }

    /// The value is a number from this one on.
    pub fn at_least(key: impl Into<String>, number: impl Into<String>) -> Self {
        Self::compare(key, "gte", number)
    }

    /// All of these hold.
    pub fn all_of(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::combine("and", filters)
    }

    /// At least one of these holds.
    pub fn any_of(filters: impl IntoIterator<Item = Self>) -> Self {
        Self::combine("or", filters)
    }

    /// As it stands in a JSON command.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Text and lists of text: nothing in them can fail to serialise.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    fn compare(key: impl Into<String>, cmp: &'static str, value: impl Into<String>) -> Self {
        Self(Node { key: key.into(), cmp, val: value.into(), ..Node::default() })
    }

    fn compare_with_each<V: Into<String>>(
        key: impl Into<String>,
        cmp: &'static str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let vals = values.into_iter().map(Into::into).collect();
        Self(Node { key: key.into(), cmp, vals, ..Node::default() })
    }

    fn combine(op: &'static str, filters: impl IntoIterator<Item = Self>) -> Self {
        Self(Node { op, nodes: filters.into_iter().map(|filter| filter.0).collect(), ..Node::default() })
    }
}

/// What it says does not hold.
impl Not for TagsFilter {
    type Output = Self;

    fn not(self) -> Self {
        Self::combine("not", [self])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_written_as_the_schema_has_it() {
        let table = [
            (TagsFilter::equal("k", "v"), r#"{"key":"k","cmp":"eq","val":"v"}"#),
            (TagsFilter::not_equal("k", "v"), r#"{"key":"k","cmp":"neq","val":"v"}"#),
            (TagsFilter::one_of("k", ["a", "b"]), r#"{"key":"k","cmp":"in","vals":["a","b"]}"#),
            (TagsFilter::none_of("k", ["a"]), r#"{"key":"k","cmp":"nin","vals":["a"]}"#),
            (TagsFilter::exists("k"), r#"{"key":"k","cmp":"ex"}"#),
            (TagsFilter::absent("k"), r#"{"key":"k","cmp":"nex"}"#),
            (TagsFilter::starts_with("k", "v"), r#"{"key":"k","cmp":"sw","val":"v"}"#),
            (TagsFilter::ends_with("k", "v"), r#"{"key":"k","cmp":"ew","val":"v"}"#),
            (TagsFilter::contains("k", "v"), r#"{"key":"k","cmp":"ct","val":"v"}"#),
            (TagsFilter::less("k", "1"), r#"{"key":"k","cmp":"lt","val":"1"}"#),
            (TagsFilter::at_most("k", "1"), r#"{"key":"k","cmp":"lte","val":"1"}"#),
            (TagsFilter::greater("k", "1"), r#"{"key":"k","cmp":"gt","val":"1"}"#),
            (TagsFilter::at_least("k", "1"), r#"{"key":"k","cmp":"gte","val":"1"}"#),
            (
                !TagsFilter::any_of([TagsFilter::exists("a"), TagsFilter::exists("b")]),
                r#"{"op":"not","nodes":[{"op":"or","nodes":[{"key":"a","cmp":"ex"},{"key":"b","cmp":"ex"}]}]}"#,
            ),
            (TagsFilter::all_of([]), r#"{"op":"and"}"#),
        ];
        for (filter, expected) in table {
            assert_eq!(String::from_utf8(filter.to_json()).unwrap(), expected);
        }
    }
}
