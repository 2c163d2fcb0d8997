//! Filters over tags, from what clients, tokens and hooks say to what the hub asks.

use wavecast_hub::{Comparison, Filter, Relation};
use wavecast_protocol::centrifuge::{self, Error, FilterError};

/// A client's filter.
///
/// # Errors
/// 107 with what is wrong.
pub(super) fn of_client(filter: &centrifuge::Filter<'_>) -> Result<Filter, Error> {
    compiled(filter).map_err(|problem| Error {
        message: format!("bad request: tags filter: {problem}").into(),
        ..Error::BAD_REQUEST
    })
}

/// A filter that the back end gives, as the JSON of a filter node.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn of_json(json: &[u8]) -> Result<Filter, String> {
    let text = std::str::from_utf8(json).map_err(|_| "it is not UTF-8".to_owned())?;
    compiled(&centrifuge::json::filter(text).map_err(|error| error.to_string())?)
}

fn compiled(filter: &centrifuge::Filter<'_>) -> Result<Filter, String> {
    filter.check().map_err(|error| error.to_string())?;
    node(filter)
}

/// A node that was checked, with all that is below it; so it is shallow.
fn node(filter: &centrifuge::Filter<'_>) -> Result<Filter, String> {
    let nodes = || filter.nodes.iter().map(node).collect::<Result<Vec<_>, _>>();
    let node = match &*filter.op {
        "" => Filter::tag(&filter.key, comparison(filter)?),
        "and" => Filter::all(nodes()?),
        // Of several none may match; there is one.
        "not" => Filter::any(nodes()?).and_then(Filter::negated),
        "or" => Filter::any(nodes()?),
        _ => return Err(FilterError::UnknownOp.to_string()),
    };
    node.map_err(|error| error.to_string())
}

fn comparison(filter: &centrifuge::Filter<'_>) -> Result<Comparison, String> {
    let (val, vals) = (&*filter.val, &filter.vals);
    Ok(match &*filter.cmp {
        "eq" => Comparison::equal(val),
        "neq" => Comparison::not_equal(val),
        "in" => Comparison::one_of(vals),
        "nin" => Comparison::none_of(vals),
        "ex" => Comparison::exists(),
        "nex" => Comparison::missing(),
        "sw" => Comparison::starts_with(val),
        "ew" => Comparison::ends_with(val),
        "ct" => Comparison::contains(val),
        "lt" => Comparison::number(Relation::Less, val),
        "lte" => Comparison::number(Relation::LessOrEqual, val),
        "gt" => Comparison::number(Relation::Greater, val),
        "gte" => Comparison::number(Relation::GreaterOrEqual, val),
        _ => return Err(FilterError::UnknownCmp.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wavecast_hub::Tags;

    /// What a publication with the tag `k` has to be like.
    fn wants(json: &str, k: &str) -> bool {
        of_json(json.as_bytes()).unwrap().matches(Some(&Tags::from([("k".to_owned(), k.to_owned())])))
    }

    #[test]
    fn every_name_means_what_the_protocol_says() {
        for (cmp, val, hit, miss) in [
            ("eq", r#""val":"5""#, "5", "6"),
            ("neq", r#""val":"5""#, "6", "5"),
            ("in", r#""vals":["5","6"]"#, "6", "7"),
            ("nin", r#""vals":["5","6"]"#, "7", "6"),
            ("sw", r#""val":"5""#, "57", "75"),
            ("ew", r#""val":"5""#, "75", "57"),
            ("ct", r#""val":"5""#, "757", "77"),
            ("lt", r#""val":"5""#, "4.9", "5"),
            ("lte", r#""val":"5""#, "5", "5.1"),
            ("gt", r#""val":"5""#, "10", "5"),
            ("gte", r#""val":"5""#, "5", "4.9"),
        ] {
            let leaf = format!(r#"{{"key":"k","cmp":"{cmp}",{val}}}"#);
            assert_eq!((wants(&leaf, hit), wants(&leaf, miss)), (true, false), "{leaf}");
            let not = format!(r#"{{"op":"not","nodes":[{leaf}]}}"#);
            assert_eq!((wants(&not, hit), wants(&not, miss)), (false, true), "{not}");
        }
        let [is_there, is_missing] = ["ex", "nex"].map(|cmp| format!(r#"{{"key":"k","cmp":"{cmp}"}}"#));
        assert_eq!((wants(&is_there, ""), wants(&is_missing, "")), (true, false));
        for (op, expected) in [("and", false), ("or", true)] {
            let joined = format!(r#"{{"op":"{op}","nodes":[{is_there},{is_missing}]}}"#);
            assert_eq!(wants(&joined, ""), expected, "{op}");
        }
    }

    /// A list that is too long is read in part only, and what is read of it may fit.
    #[test]
    fn what_was_read_in_part_is_refused() {
        let many = vec![r#""a""#; 1_025].join(",");
        let long = format!(r#"{{"key":"k","cmp":"in","vals":[{many}]}}"#);
        let below = vec![r#"{"cmp":"ex"}"#; 128].join(",");
        let odd = format!(r#"{{"op":"and","nodes":[{{"cmp":"ex","nodes":[{below}]}},{{"cmp":"nex"}}]}}"#);
        for json in [long, odd] {
            assert!(of_json(json.as_bytes()).is_err());
        }
        let large = format!(r#"{{"key":"k","cmp":"eq","val":"{}"}}"#, "x".repeat(16 * 1024));
        assert!(of_json(large.as_bytes()).is_err());
    }
}
