//! A filter on tags: which publications of a channel a subscriber wants.

use std::borrow::Cow;
use std::fmt;

/// How many levels a filter may have.
pub const FILTER_DEPTH_MAX: usize = 16;
/// How many nodes a filter may have, on all levels together.
pub const FILTER_NODES_MAX: usize = 128;
/// How many values one comparison may have.
pub const FILTER_VALS_MAX: usize = 1024;

/// A node of a filter: a comparison of one tag, or an operation on other nodes.
///
/// It is what a peer wrote, right or wrong; [`check`](Self::check) tells. What is read is bounded all the same: of
/// nodes and values beyond the bounds one more is kept, so that `check` refuses, and the others are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter<'a> {
    /// `and`, `or` or `not`; empty for a comparison.
    pub op: Cow<'a, str>,
    /// The tag that is compared.
    pub key: Cow<'a, str>,
    /// How it is compared: with `val` by `eq`, `neq`, `sw` (starts with), `ew` (ends with), `ct` (contains) and, as
    /// decimal numbers, by `lt`, `lte`, `gt` and `gte`; with `vals` by `in` and `nin`; with nothing by `ex` (exists)
    /// and `nex`.
    pub cmp: Cow<'a, str>,
    /// The value it is compared with.
    pub val: Cow<'a, str>,
    /// The values it is compared with.
    pub vals: Vec<Cow<'a, str>>,
    /// What the operation is on: one node for `not`, one or more for the others.
    pub nodes: Vec<Self>,
}

/// Why a filter makes no sense. A server answers with [`Error::BAD_REQUEST`](super::Error::BAD_REQUEST).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterError {
    /// There is no such `op`.
    UnknownOp,
    /// There is no such `cmp`, or a comparison without one.
    UnknownCmp,
    /// A comparison names no tag.
    KeyMissing,
    /// `val` and `vals` are not those that the comparison takes.
    WrongValues,
    /// `not` is not on one node, or `and` or `or` on none.
    WrongNodes,
    /// There are more levels than [`FILTER_DEPTH_MAX`].
    TooDeep,
    /// There are more nodes than [`FILTER_NODES_MAX`].
    TooManyNodes,
    /// There are more values than [`FILTER_VALS_MAX`].
    TooManyValues,
}

impl Filter<'_> {
    /// The filter is well-formed and within the bounds.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn check(&self) -> Result<(), FilterError> {
        let mut left = FILTER_NODES_MAX;
        self.check_size(1, &mut left)?;
        self.check_sense()
    }

    /// Nodes below a comparison mean nothing and count all the same: they took the room of others when it was read.
    fn check_size(&self, depth: usize, left: &mut usize) -> Result<(), FilterError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(FilterError::TooDeep);
        }
        if self.vals.len() > FILTER_VALS_MAX {
            return Err(FilterError::TooManyValues);
        }
        *left = left.checked_sub(1).ok_or(FilterError::TooManyNodes)?;
        self.nodes.iter().try_for_each(|node| node.check_size(depth + 1, left))
    }

    fn check_sense(&self) -> Result<(), FilterError> {
        match (&*self.op, self.nodes.len()) {
            ("", _) => self.check_comparison(),
            ("and" | "or", 1..) | ("not", 1) => self.nodes.iter().try_for_each(Self::check_sense),
            ("and" | "or" | "not", _) => Err(FilterError::WrongNodes),
            _ => Err(FilterError::UnknownOp),
        }
    }

    fn check_comparison(&self) -> Result<(), FilterError> {
        let (one, many) = (!self.val.is_empty(), !self.vals.is_empty());
        let (takes_one, takes_many) = match &*self.cmp {
            "eq" | "neq" | "sw" | "ew" | "ct" | "lt" | "lte" | "gt" | "gte" => (true, false),
            "in" | "nin" => (false, true),
            "ex" | "nex" => (false, false),
            _ => return Err(FilterError::UnknownCmp),
        };
        if (one, many) != (takes_one, takes_many) {
            return Err(FilterError::WrongValues);
        }
        // Centrifugo lets a tag without a name be asked for, and its clients may.
        if self.key.is_empty() && (takes_one || takes_many) {
            return Err(FilterError::KeyMissing);
        }
        Ok(())
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownOp => f.write_str("the op of a filter is and, or, not or empty"),
            Self::UnknownCmp => f.write_str(
                "the cmp of a filter is eq, neq, in, nin, ex, nex, sw, ew, ct, lt, lte, gt or gte",
            ),
            Self::KeyMissing => f.write_str("a comparison of a filter needs a key"),
            Self::WrongValues => {
                f.write_str("in a filter, in and nin take vals, ex and nex take nothing, all others take val")
            }
            Self::WrongNodes => f.write_str("in a filter, not takes one node, and and or take one or more"),
            Self::TooDeep => write!(f, "a filter may have {FILTER_DEPTH_MAX} levels"),
            Self::TooManyNodes => write!(f, "a filter may have {FILTER_NODES_MAX} nodes"),
            Self::TooManyValues => write!(f, "a comparison of a filter may have {FILTER_VALS_MAX} values"),
        }
    }
}

impl std::error::Error for FilterError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(cmp: &'static str, val: &'static str, vals: &[&'static str]) -> Filter<'static> {
        let vals = vals.iter().map(|&val| val.into()).collect();
        Filter { key: "k".into(), cmp: cmp.into(), val: val.into(), vals, ..Filter::default() }
    }

    fn node(op: &'static str, nodes: Vec<Filter<'static>>) -> Filter<'static> {
        Filter { op: op.into(), nodes, ..Filter::default() }
    }

    #[test]
    fn comparisons_take_what_they_need() {
        for cmp in ["eq", "neq", "sw", "ew", "ct", "lt", "lte", "gt", "gte"] {
            assert_eq!(leaf(cmp, "1", &[]).check(), Ok(()), "{cmp}");
            for wrong in [leaf(cmp, "", &[]), leaf(cmp, "1", &["2"]), leaf(cmp, "", &["2"])] {
                assert_eq!(wrong.check(), Err(FilterError::WrongValues), "{wrong:?}");
            }
        }
        for cmp in ["in", "nin"] {
            assert_eq!(leaf(cmp, "", &["", "2"]).check(), Ok(()), "{cmp}");
            for wrong in [leaf(cmp, "", &[]), leaf(cmp, "1", &["2"]), leaf(cmp, "1", &[])] {
                assert_eq!(wrong.check(), Err(FilterError::WrongValues), "{wrong:?}");
            }
        }
        for cmp in ["ex", "nex"] {
            assert_eq!(leaf(cmp, "", &[]).check(), Ok(()), "{cmp}");
            assert_eq!(leaf(cmp, "1", &[]).check(), Err(FilterError::WrongValues), "{cmp}");
            assert_eq!(Filter { key: "".into(), ..leaf(cmp, "", &[]) }.check(), Ok(()), "{cmp}");
        }
        assert_eq!(Filter { key: "".into(), ..leaf("eq", "1", &[]) }.check(), Err(FilterError::KeyMissing));
        for cmp in ["", "EQ", "regex"] {
            assert_eq!(leaf(cmp, "1", &[]).check(), Err(FilterError::UnknownCmp), "{cmp}");
        }
    }

    #[test]
    fn operations_take_nodes() {
        let good = || leaf("ex", "", &[]);
        assert_eq!(node("and", vec![good(), node("not", vec![good()])]).check(), Ok(()));
        assert_eq!(node("or", vec![good()]).check(), Ok(()));
        for wrong in
            [node("and", vec![]), node("or", vec![]), node("not", vec![]), node("not", vec![good(), good()])]
        {
            assert_eq!(wrong.check(), Err(FilterError::WrongNodes), "{wrong:?}");
        }
        assert_eq!(node("xor", vec![good()]).check(), Err(FilterError::UnknownOp));
        assert_eq!(node("or", vec![good(), leaf("", "", &[])]).check(), Err(FilterError::UnknownCmp));
    }

    #[test]
    fn filters_are_bounded() {
        let good = || leaf("ex", "", &[]);
        let nested = |levels| (1..levels).fold(good(), |inner, _| node("not", vec![inner]));
        assert_eq!(nested(FILTER_DEPTH_MAX).check(), Ok(()));
        assert_eq!(nested(FILTER_DEPTH_MAX + 1).check(), Err(FilterError::TooDeep));
        let flat = |nodes| node("or", (1..nodes).map(|_| good()).collect());
        assert_eq!(flat(FILTER_NODES_MAX).check(), Ok(()));
        assert_eq!(flat(FILTER_NODES_MAX + 1).check(), Err(FilterError::TooManyNodes));
        assert_eq!(leaf("in", "", &["v"; FILTER_VALS_MAX]).check(), Ok(()));
        assert_eq!(leaf("in", "", &["v"; FILTER_VALS_MAX + 1]).check(), Err(FilterError::TooManyValues));
    }
}
