//! Filters over tags: which publications a subscriber wants.
//!
//! A filter is a tree: all, any and not above comparisons of one tag each. What they mean is what Centrifugo's publication
//! filter means; their names, and what a client may ask for, belong to its protocol. A filter is bounded when it is made,
//! since it is asked for each publication and each subscriber that has one; asking it cannot fail and allocates nothing.

use crate::decimal::{Decimal, OwnedDecimal};
use crate::publication::Tags;
use std::cmp::Ordering;
use std::fmt;

/// The most memory of one filter, bytes. It bounds the number of nodes and of levels, too: a few hundred.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Which publications are wanted, by their tags.
///
/// ```
/// use wavecast_hub::{Comparison, Filter, Relation, Tags};
///
/// let cheap = Filter::tag("price", Comparison::number(Relation::Less, "9.50"))?;
/// let fruit = Filter::tag("kind", Comparison::one_of(["apple", "pear"]))?;
/// let filter = Filter::all(vec![cheap, fruit])?;
/// let tags = Tags::from([("kind".to_owned(), "pear".to_owned()), ("price".to_owned(), "9.4".to_owned())]);
/// assert!(filter.matches(Some(&tags)));
/// assert!(!filter.matches(None));
/// # Ok::<(), wavecast_hub::FilterTooLarge>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    node: Node,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    All(Box<[Node]>),
    Any(Box<[Node]>),
    Not(Box<Node>),
    Tag { key: Box<str>, comparison: Comparison },
}

/// What the value of a tag is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison(Test);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Equal(Box<str>),
    NotEqual(Box<str>),
    /// Sorted.
    OneOf(Box<[Box<str>]>),
    /// Sorted.
    NoneOf(Box<[Box<str>]>),
    Exists,
    Missing,
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    /// `None`: it is no number, and nothing matches.
    Number(Relation, Option<OwnedDecimal>),
}

/// How a number stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Below it.
    Less,
    /// At most as high.
    LessOrEqual,
    /// Above it.
    Greater,
    /// At least as high.
    GreaterOrEqual,
}

impl Filter {
    /// Compares the tag `key`.
    ///
    /// # Errors
    /// The filter would hold more than [`FILTER_BYTES_MAX`].
    pub fn tag(key: &str, comparison: Comparison) -> Result<Self, FilterTooLarge> {
        let bytes = key.len() + comparison.0.bytes();
        Self::bounded(Node::Tag { key: key.into(), comparison }, bytes)
    }

    /// All of these match; without any, everything does.
    ///
    /// # Errors
    /// The filter would hold more than [`FILTER_BYTES_MAX`].
    pub fn all(filters: Vec<Self>) -> Result<Self, FilterTooLarge> {
        let (nodes, bytes) = joined(filters);
        Self::bounded(Node::All(nodes), bytes)
    }

    /// One of these matches; without any, nothing does.
    ///
    /// # Errors
    /// The filter would hold more than [`FILTER_BYTES_MAX`].
    pub fn any(filters: Vec<Self>) -> Result<Self, FilterTooLarge> {
        let (nodes, bytes) = joined(filters);
        Self::bounded(Node::Any(nodes), bytes)
    }

    /// This one does not match.
    ///
    /// # Errors
    /// The filter would hold more than [`FILTER_BYTES_MAX`].
    pub fn negated(self) -> Result<Self, FilterTooLarge> {
        Self::bounded(Node::Not(Box::new(self.node)), self.bytes)
    }

    /// What both want: the server's filter, say, and the client's own. Two filters within the bounds can always be
    /// joined.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (nodes, bytes) = joined(vec![self, other]);
        Self { node: Node::All(nodes), bytes: size_of::<Node>() + bytes }
    }

    /// Whether a publication with these tags is wanted. No tags are like an empty map.
    pub fn matches(&self, tags: Option<&Tags>) -> bool {
        self.node.matches(tags)
    }

    /// Memory it holds, bytes.
    pub const fn bytes_held(&self) -> usize {
        self.bytes
    }

    /// A node, and the bytes that it holds beside itself.
    fn bounded(node: Node, bytes: usize) -> Result<Self, FilterTooLarge> {
        let bytes = size_of::<Node>() + bytes;
        if bytes > FILTER_BYTES_MAX { Err(FilterTooLarge) } else { Ok(Self { node, bytes }) }
    }
}

fn joined(filters: Vec<Filter>) -> (Box<[Node]>, usize) {
    let bytes = filters.iter().map(Filter::bytes_held).sum();
    (filters.into_iter().map(|filter| filter.node).collect(), bytes)
}

impl Comparison {
    /// The tag is `value`.
    pub fn equal(value: &str) -> Self {
        Self(Test::Equal(value.into()))
    }

    /// The tag is not `value`, or is missing.
    pub fn not_equal(value: &str) -> Self {
        Self(Test::NotEqual(value.into()))
    }

    /// The tag is one of these; a missing one counts as the empty value.
    pub fn one_of<V: AsRef<str>>(values: impl IntoIterator<Item = V>) -> Self {
        Self(Test::OneOf(sorted(values)))
    }

    /// The tag is none of these; a missing one counts as the empty value.
    pub fn none_of<V: AsRef<str>>(values: impl IntoIterator<Item = V>) -> Self {
        Self(Test::NoneOf(sorted(values)))
    }

    /// The tag is there.
    pub const fn exists() -> Self {
        Self(Test::Exists)
    }

    /// The tag is missing.
    pub const fn missing() -> Self {
        Self(Test::Missing)
    }

    /// The tag starts with `value`.
    pub fn starts_with(value: &str) -> Self {
        Self(Test::StartsWith(value.into()))
    }

    /// The tag ends with `value`.
    pub fn ends_with(value: &str) -> Self {
        Self(Test::EndsWith(value.into()))
    }

    /// `value` is somewhere in the tag.
    pub fn contains(value: &str) -> Self {
        Self(Test::Contains(value.into()))
    }

    /// The tag is a decimal number (`-12.5`) that stands so to `value`. Numbers are compared exactly. What is no number,
    /// on either side, has no order: it does not match.
    pub fn number(relation: Relation, value: &str) -> Self {
        Self(Test::Number(relation, Decimal::parse(value).map(Decimal::to_owned)))
    }
}

fn sorted<V: AsRef<str>>(values: impl IntoIterator<Item = V>) -> Box<[Box<str>]> {
    let mut sorted: Vec<Box<str>> = values.into_iter().map(|value| value.as_ref().into()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.into()
}

impl Node {
    fn matches(&self, tags: Option<&Tags>) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(tags)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(tags)),
            Self::Not(node) => !node.matches(tags),
            Self::Tag { key, comparison } => {
                comparison.0.matches(tags.and_then(|tags| tags.get(&**key)).map(String::as_str))
            }
        }
    }
}

impl Test {
    fn matches(&self, tag: Option<&str>) -> bool {
        let is_in = |values: &[Box<str>]| {
            values.binary_search_by(|value| (**value).cmp(tag.unwrap_or_default())).is_ok()
        };
        match self {
            Self::Equal(value) => tag == Some(value),
            Self::NotEqual(value) => tag != Some(value),
            Self::OneOf(values) => is_in(values),
            Self::NoneOf(values) => !is_in(values),
            Self::Exists => tag.is_some(),
            Self::Missing => tag.is_none(),
            Self::StartsWith(value) => tag.is_some_and(|tag| tag.starts_with(&**value)),
            Self::EndsWith(value) => tag.is_some_and(|tag| tag.ends_with(&**value)),
            Self::Contains(value) => tag.is_some_and(|tag| tag.contains(&**value)),
            Self::Number(relation, value) => {
                let Some(value) = value else { return false };
                tag.and_then(Decimal::parse).is_some_and(|tag| relation.holds(tag.cmp(&value.as_decimal())))
            }
        }
    }

    /// Memory it holds beside itself, bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Exists | Self::Missing => 0,
            Self::OneOf(values) | Self::NoneOf(values) => {
                values.iter().map(|value| size_of::<Box<str>>() + value.len()).sum()
            }
            Self::Equal(value)
            | Self::NotEqual(value)
            | Self::StartsWith(value)
            | Self::EndsWith(value)
            | Self::Contains(value) => value.len(),
            Self::Number(_, value) => value.as_ref().map_or(0, OwnedDecimal::bytes),
        }
    }
}

impl Relation {
    const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A filter that would hold more than [`FILTER_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterTooLarge;

impl fmt::Display for FilterTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a filter may take {FILTER_BYTES_MAX} bytes of memory")
    }
}

impl std::error::Error for FilterTooLarge {}
