//! Filters: a client encodes them, a server decodes them. They are read node by node, so that depth and number are bounded.

use super::write::Object;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::field;
use crate::centrifuge::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, FILTER_VALS_MAX, Filter};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads a filter that stands alone, as tokens and hooks give it. Within the bounds of [`Filter`], or one beyond, so that
/// [`Filter::check`] refuses.
///
/// # Errors
/// What is no filter, and `null`.
pub fn filter(json: &str) -> Result<Filter<'_>, DecodeError> {
    let mut from = serde_json::Deserializer::from_str(json);
    let filter = of_request(&mut from).and_then(|filter| from.end().map(|()| filter));
    filter.map_err(|error| DecodeError::Syntax { column: error.column() })?.ok_or(DecodeError::Empty)
}

pub(super) fn write_filter(object: &mut Object<'_>, filter: &Filter<'_>) {
    object
        .text("op", &filter.op)
        .text("key", &filter.key)
        .text("cmp", &filter.cmp)
        .text("val", &filter.val)
        .texts("vals", &filter.vals)
        .objects("nodes", &filter.nodes, write_filter);
}

/// The filter of a request; `None` for `null`.
pub(crate) fn of_request<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Filter<'a>>, D::Error> {
    let Some(raw) = <Option<&RawValue>>::deserialize(from)? else { return Ok(None) };
    let mut left = FILTER_NODES_MAX;
    node(raw, 1, &mut left).map(Some).map_err(D::Error::custom)
}

/// A node as it stands in the message.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Node<'a> {
    #[serde(borrow, deserialize_with = "field::text")]
    op: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "field::text")]
    key: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "field::text")]
    cmp: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "field::text")]
    val: Cow<'a, str>,
    #[serde(borrow, deserialize_with = "field::texts")]
    vals: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    nodes: Option<Vec<&'a RawValue>>,
}

/// Reads a node and, while there is room, the nodes below. One level and one node too many are kept.
fn node<'a>(raw: &'a RawValue, depth: usize, left: &mut usize) -> Result<Filter<'a>, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_str(raw.get());
    let Some(node): Option<Node<'a>> = field::object(&mut from)? else {
        return Err(serde_json::Error::custom("null in a list of nodes"));
    };
    let Node { op, key, cmp, val, mut vals, nodes } = node;
    vals.truncate(FILTER_VALS_MAX + 1);
    let mut filter = Filter { op, key, cmp, val, vals, nodes: Vec::new() };
    if depth <= FILTER_DEPTH_MAX {
        for raw in nodes.unwrap_or_default() {
            let Some(fewer) = left.checked_sub(1) else { break };
            *left = fewer;
            filter.nodes.push(self::node(raw, depth + 1, left)?);
        }
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_alone_is_read_and_nothing_else_is() {
        let filter = filter(r#"{"op":"not","nodes":[{"key":"k","cmp":"eq","val":"v"}]}"#).unwrap();
        assert_eq!((&*filter.op, &*filter.nodes[0].val), ("not", "v"));
        for wrong in ["", "null", "[]", "1", "{", "{}x", "{} {}"] {
            assert!(super::filter(wrong).is_err(), "{wrong}");
        }
    }
}
