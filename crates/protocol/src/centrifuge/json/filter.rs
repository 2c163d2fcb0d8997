//! A filter on tags that stands alone, as tokens and hooks give it.

use crate::centrifuge::decode_error::DecodeError;
use crate::centrifuge::filter::Filter;
use crate::centrifuge::filter_field;

/// Reads a filter. Within the bounds of [`Filter`], or one beyond, so that [`Filter::check`] refuses.
///
/// # Errors
/// What is no filter, and `null`.
pub fn filter(json: &str) -> Result<Filter<'_>, DecodeError> {
    let mut from = serde_json::Deserializer::from_str(json);
    let filter = filter_field::filter(&mut from).and_then(|filter| from.end().map(|()| filter));
    filter.map_err(|error| DecodeError::Syntax { column: error.column() })?.ok_or(DecodeError::Empty)
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
