//! Filters: a client encodes them, a server decodes them.

use super::read::Field;
use super::write::Fields;
use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, FILTER_VALS_MAX, Filter};
use std::borrow::Cow;

pub(super) fn write_filter(fields: &mut Fields<'_>, filter: &Filter<'_>) {
    fields
        .text(1, &filter.op)
        .text(2, &filter.key)
        .text(3, &filter.cmp)
        .text(4, &filter.val)
        .texts(5, &filter.vals)
        .messages(6, &filter.nodes, write_filter);
}

/// Reads the filter of a request. A second one replaces it: to add to it would take its size to be counted anew.
pub(super) fn read_filter<'a>(into: &mut Option<Filter<'a>>, field: Field<'a>) -> Result<(), DecodeError> {
    let mut left = FILTER_NODES_MAX;
    *into = Some(node(field, 1, &mut left)?);
    Ok(())
}

/// Reads a node and, while there is room, the nodes below. One level and one node too many are kept.
fn node<'a>(field: Field<'a>, depth: usize, left: &mut usize) -> Result<Filter<'a>, DecodeError> {
    let mut filter = Filter::default();
    field.fields(|field| match field.number {
        1 => field.text(&mut filter.op),
        2 => field.text(&mut filter.key),
        3 => field.text(&mut filter.cmp),
        4 => field.text(&mut filter.val),
        5 if filter.vals.len() <= FILTER_VALS_MAX => {
            let mut val = Cow::Borrowed("");
            field.text(&mut val)?;
            filter.vals.push(val);
            Ok(())
        }
        6 if depth <= FILTER_DEPTH_MAX && *left > 0 => {
            *left -= 1;
            filter.nodes.push(node(field, depth + 1, left)?);
            Ok(())
        }
        _ => Ok(()),
    })?;
    Ok(filter)
}
