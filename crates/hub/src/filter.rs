//! Filters over tags: which publications a subscriber wants.
//!
//! A filter is a tree: `and`, `or` and `not` above comparisons of one tag each. Names and meaning are those of
//! Centrifugo's publication filter. A filter is checked and bounded when it is made, since it is asked for each
//! publication and each subscriber that has one; asking it cannot fail and allocates nothing.

use crate::decimal::Decimal;
use crate::publication::Tags;
use std::cmp::Ordering;
use std::fmt;

/// The most nodes of one filter: comparisons and what joins them.
pub const FILTER_NODES_MAX: usize = 128;
/// The most nodes above each other.
pub const FILTER_DEPTH_MAX: usize = 16;
/// The most values that one comparison is given.
pub const FILTER_VALUES_MAX: usize = 1024;
/// The most memory of one filter, bytes.
pub const FILTER_BYTES_MAX: usize = 16 * 1024;

/// Which publications are wanted, by their tags.
///
/// ```
/// use wavecast_hub::{Filter, Tags};
///
/// let cheap = Filter::leaf("price", "lt", "9.50", &[""; 0])?;
/// let fruit = Filter::leaf("kind", "in", "", &["apple", "pear"])?;
/// let filter = Filter::node("and", vec![cheap, fruit])?;
/// let tags = Tags::from([("kind".to_owned(), "pear".to_owned()), ("price".to_owned(), "9.4".to_owned())]);
/// assert!(filter.matches(Some(&tags)));
/// assert!(!filter.matches(None));
/// # Ok::<(), wavecast_hub::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    node: Node,
    size: Size,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Not(Box<Node>),
    Leaf { key: Box<str>, test: Test },
}

/// What a tag's value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Equal(Box<str>),
    NotEqual(Box<str>),
    /// Sorted.
    In(Box<[Box<str>]>),
    /// Sorted.
    NotIn(Box<[Box<str>]>),
    Exists,
    NotExists,
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Number(Relation, Box<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    nodes: usize,
    depth: usize,
    bytes: usize,
}

impl Filter {
    /// Compares the tag `key`, by one of:
    ///
    /// | comparison | the tag | takes |
    /// | --- | --- | --- |
    /// | `eq`, `neq` | is (is not, or is missing) | `value` |
    /// | `in`, `nin` | is one (none) of them; a missing tag counts as the empty value | `values` |
    /// | `ex`, `nex` | is there (is missing) | neither |
    /// | `sw`, `ew`, `ct` | starts with, ends with, contains | `value` |
    /// | `lt`, `lte`, `gt`, `gte` | is a decimal number (`-12.5`) below, at most, above, at least | `value` |
    ///
    /// Numbers are compared exactly. What is no number, on either side, has no order: it does not match.
    ///
    /// # Errors
    /// An unknown comparison, a value too few or too many, or a filter beyond the bounds.
    pub fn leaf(
        key: &str,
        comparison: &str,
        value: &str,
        values: &[impl AsRef<str>],
    ) -> Result<Self, FilterError> {
        // What reads filters keeps one value too many of a list that is too long: it counts as given, not as it is kept.
        if values.len() > FILTER_VALUES_MAX {
            return Err(FilterError::TooLarge);
        }
        let test = Test::new(comparison, value, values)?;
        if key.is_empty() && !matches!(test, Test::Exists | Test::NotExists) {
            return Err(FilterError::KeyMissing);
        }
        let bytes = size_of::<Node>() + key.len() + test.bytes();
        let size = Size { nodes: 1, depth: 1, bytes };
        size.check()?;
        Ok(Self { node: Node::Leaf { key: key.into(), test }, size })
    }

    /// Joins filters: `and` (all match) and `or` (one matches) take one or more, `not` takes one.
    ///
    /// # Errors
    /// An unknown operation, the wrong number of filters, or a filter beyond the bounds.
    pub fn node(operation: &str, mut filters: Vec<Self>) -> Result<Self, FilterError> {
        let size = Size::above(&filters);
        size.check()?;
        let nodes = |filters: Vec<Self>| filters.into_iter().map(|filter| filter.node).collect();
        let node = match (operation, filters.len()) {
            ("and", 1..) => Node::And(nodes(filters)),
            ("or", 1..) => Node::Or(nodes(filters)),
            ("not", 1) => Node::Not(Box::new(filters.remove(0).node)),
            ("and" | "or" | "not", _) => return Err(FilterError::WrongCount),
            _ => return Err(FilterError::UnknownOperation { operation: operation.into() }),
        };
        Ok(Self { node, size })
    }

    /// What both want: the server's filter, say, and the client's own. Two filters within the bounds can always be
    /// joined.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let filters = [self, other];
        let size = Size::above(&filters);
        Self { node: Node::And(filters.into_iter().map(|filter| filter.node).collect()), size }
    }

    /// Whether a publication with these tags is wanted. No tags are like an empty map.
    pub fn matches(&self, tags: Option<&Tags>) -> bool {
        self.node.matches(tags)
    }

    /// Memory it holds, bytes.
    pub const fn bytes_held(&self) -> usize {
        self.size.bytes
    }
}

impl Node {
    fn matches(&self, tags: Option<&Tags>) -> bool {
        match self {
            Self::And(nodes) => nodes.iter().all(|node| node.matches(tags)),
            Self::Or(nodes) => nodes.iter().any(|node| node.matches(tags)),
            Self::Not(node) => !node.matches(tags),
            Self::Leaf { key, test } => {
                test.matches(tags.and_then(|tags| tags.get(&**key)).map(String::as_str))
            }
        }
    }
}

impl Test {
    fn new(comparison: &str, value: &str, values: &[impl AsRef<str>]) -> Result<Self, FilterError> {
        let number = |relation| Self::Number(relation, value.into());
        let test = match comparison {
            "eq" => Self::Equal(value.into()),
            "neq" => Self::NotEqual(value.into()),
            "in" => Self::In(sorted(values)),
            "nin" => Self::NotIn(sorted(values)),
            "ex" => Self::Exists,
            "nex" => Self::NotExists,
            "sw" => Self::StartsWith(value.into()),
            "ew" => Self::EndsWith(value.into()),
            "ct" => Self::Contains(value.into()),
            "lt" => number(Relation::Less),
            "lte" => number(Relation::LessOrEqual),
            "gt" => number(Relation::Greater),
            "gte" => number(Relation::GreaterOrEqual),
            _ => return Err(FilterError::UnknownComparison { comparison: comparison.into() }),
        };
        let (takes_value, takes_values) = match test {
            Self::Exists | Self::NotExists => (false, false),
            Self::In(_) | Self::NotIn(_) => (false, true),
            _ => (true, false),
        };
        if (value.is_empty(), values.is_empty()) == (!takes_value, !takes_values) {
            Ok(test)
        } else {
            Err(FilterError::WrongValues { comparison: comparison.into() })
        }
    }

    fn matches(&self, tag: Option<&str>) -> bool {
        let is_in = |values: &[Box<str>]| {
            values.binary_search_by(|value| (**value).cmp(tag.unwrap_or_default())).is_ok()
        };
        match self {
            Self::Equal(value) => tag == Some(value),
            Self::NotEqual(value) => tag != Some(value),
            Self::In(values) => is_in(values),
            Self::NotIn(values) => !is_in(values),
            Self::Exists => tag.is_some(),
            Self::NotExists => tag.is_none(),
            Self::StartsWith(value) => tag.is_some_and(|tag| tag.starts_with(&**value)),
            Self::EndsWith(value) => tag.is_some_and(|tag| tag.ends_with(&**value)),
            Self::Contains(value) => tag.is_some_and(|tag| tag.contains(&**value)),
            Self::Number(relation, value) => {
                let numbers = tag.and_then(Decimal::parse).zip(Decimal::parse(value));
                numbers.is_some_and(|(tag, value)| relation.holds(tag.cmp(&value)))
            }
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Exists | Self::NotExists => 0,
            Self::In(values) | Self::NotIn(values) => {
                values.iter().map(|value| size_of::<Box<str>>() + value.len()).sum()
            }
            Self::Equal(value)
            | Self::NotEqual(value)
            | Self::StartsWith(value)
            | Self::EndsWith(value)
            | Self::Contains(value)
            | Self::Number(_, value) => value.len(),
        }
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

impl Size {
    /// The size of a node above these.
    fn above(filters: &[Filter]) -> Self {
        filters.iter().fold(Self { nodes: 1, depth: 1, bytes: size_of::<Node>() }, |above, filter| Self {
            nodes: above.nodes + filter.size.nodes,
            depth: above.depth.max(filter.size.depth + 1),
            bytes: above.bytes + filter.size.bytes,
        })
    }

    const fn check(self) -> Result<(), FilterError> {
        if self.nodes > FILTER_NODES_MAX || self.depth > FILTER_DEPTH_MAX || self.bytes > FILTER_BYTES_MAX {
            return Err(FilterError::TooLarge);
        }
        Ok(())
    }
}

fn sorted(values: &[impl AsRef<str>]) -> Box<[Box<str>]> {
    let mut sorted: Vec<Box<str>> = values.iter().map(|value| value.as_ref().into()).collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.into()
}

/// Why something is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FilterError {
    /// There is no such operation.
    UnknownOperation {
        /// Its name.
        operation: Box<str>,
    },
    /// There is no such comparison.
    UnknownComparison {
        /// Its name.
        comparison: Box<str>,
    },
    /// The comparison names no tag.
    KeyMissing,
    /// The comparison needs a value and has none, or has one too many.
    WrongValues {
        /// Its name.
        comparison: Box<str>,
    },
    /// `and` and `or` join nothing, or `not` has other than one filter below it.
    WrongCount,
    /// More nodes, more of them above each other, more values of one comparison, or more memory than allowed.
    TooLarge,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOperation { operation } => {
                write!(f, "filter: unknown op {operation:?}; use \"and\", \"or\", \"not\" or none")
            }
            Self::UnknownComparison { comparison } => {
                write!(f, "filter: unknown cmp {comparison:?}; use eq, neq, in, nin, ex, nex, sw, ew, ct, ")?;
                f.write_str("lt, lte, gt or gte")
            }
            Self::KeyMissing => f.write_str("filter: a comparison needs a key"),
            Self::WrongValues { comparison } => write!(
                f,
                "filter: {comparison} needs {}",
                match &**comparison {
                    "in" | "nin" => "vals and no val",
                    "ex" | "nex" => "neither val nor vals",
                    _ => "a val and no vals",
                }
            ),
            Self::WrongCount => f.write_str(
                "filter: \"and\" and \"or\" need at least one node below them, \"not\" exactly one",
            ),
            Self::TooLarge => write!(
                f,
                "filter: at most {FILTER_NODES_MAX} nodes, {FILTER_DEPTH_MAX} above each other, {FILTER_VALUES_MAX} \
                 vals of each, in {FILTER_BYTES_MAX} bytes"
            ),
        }
    }
}

impl std::error::Error for FilterError {}
