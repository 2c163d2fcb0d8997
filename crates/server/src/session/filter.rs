//! Filters over tags, from what clients, tokens and hooks say to what the hub asks.

use wavecast_hub::{Filter, FilterError};
use wavecast_protocol::centrifuge::{self, Error};

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
    let filter = centrifuge::json::filter(text).map_err(|error| error.to_string())?;
    compiled(&filter).map_err(|error| error.to_string())
}

fn compiled(filter: &centrifuge::Filter<'_>) -> Result<Filter, FilterError> {
    // The bounds of what was read keep this shallow.
    if filter.op.is_empty() {
        return Filter::leaf(&filter.key, &filter.cmp, &filter.val, &filter.vals);
    }
    let nodes = filter.nodes.iter().map(compiled).collect::<Result<_, _>>()?;
    Filter::node(&filter.op, nodes)
}
