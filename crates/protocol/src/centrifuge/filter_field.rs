//! How a filter is read from JSON: node by node, so that depth and number are bounded.

use super::field;
use super::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, FILTER_VALS_MAX, Filter};
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A filter; `None` for `null`.
pub(super) fn filter<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<Filter<'a>>, D::Error> {
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
