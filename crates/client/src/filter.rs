//! Filters on tags: which publications a subscription gets.

use std::ops::Not;

use wavecast_protocol::centrifuge::{Filter, FilterError};

/// A condition on the tags of publications, which the server checks. It may have 16 levels, 128
/// conditions in all, and 1,024 values in one of them.
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
pub struct TagsFilter(Filter<'static>);

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

    /// Whether a server will take it.
    pub(crate) fn check(&self) -> Result<(), FilterError> {
        self.0.check()
    }

    /// As it stands in a command.
    pub(crate) fn to_protocol(&self) -> Filter<'static> {
        self.0.clone()
    }

    fn compare(key: impl Into<String>, cmp: &'static str, value: impl Into<String>) -> Self {
        Self(Filter {
            key: key.into().into(),
            cmp: cmp.into(),
            val: value.into().into(),
            ..Filter::default()
        })
    }

    fn compare_with_each<V: Into<String>>(
        key: impl Into<String>,
        cmp: &'static str,
        values: impl IntoIterator<Item = V>,
    ) -> Self {
        let vals = values.into_iter().map(|value| value.into().into()).collect();
        Self(Filter { key: key.into().into(), cmp: cmp.into(), vals, ..Filter::default() })
    }

    fn combine(op: &'static str, filters: impl IntoIterator<Item = Self>) -> Self {
        let nodes = filters.into_iter().map(|filter| filter.0).collect();
        Self(Filter { op: op.into(), nodes, ..Filter::default() })
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
    fn what_can_be_built_is_what_servers_take() {
        let leaves = [
            (TagsFilter::equal("k", "v"), "eq"),
            (TagsFilter::not_equal("k", "v"), "neq"),
            (TagsFilter::one_of("k", ["a", "b"]), "in"),
            (TagsFilter::none_of("k", ["a"]), "nin"),
            (TagsFilter::exists("k"), "ex"),
            (TagsFilter::absent("k"), "nex"),
            (TagsFilter::starts_with("k", "v"), "sw"),
            (TagsFilter::ends_with("k", "v"), "ew"),
            (TagsFilter::contains("k", "v"), "ct"),
            (TagsFilter::less("k", "1"), "lt"),
            (TagsFilter::at_most("k", "1"), "lte"),
            (TagsFilter::greater("k", "1"), "gt"),
            (TagsFilter::at_least("k", "1"), "gte"),
        ];
        for (filter, cmp) in &leaves {
            assert_eq!((filter.check(), &*filter.0.cmp), (Ok(()), *cmp));
        }
        let all = TagsFilter::all_of(leaves.map(|(filter, _)| filter));
        assert_eq!((!TagsFilter::any_of([all])).check(), Ok(()));
        assert!(TagsFilter::all_of([]).check().is_err());
    }
}
