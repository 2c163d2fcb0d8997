//! Content codings: which form of an answer a request can take (RFC 9110 §12.5.3).

use hyper::HeaderMap;
use hyper::header::ACCEPT_ENCODING;

/// Whether `Accept-Encoding` names gzip, and does not rule it out with a weight of 0. A field that cannot be read, `*` and a
/// field that is not there ask for nothing in particular: such a client gets the content as it is.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|field| field.to_str().ok());
    let mut weighed = fields.flat_map(|field| field.split(',')).filter_map(|coding| {
        let (name, parameters) = coding.split_once(';').unwrap_or((coding, ""));
        let name = name.trim();
        let is_gzip = name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip");
        is_gzip.then(|| !is_zero(parameters))
    });
    weighed.next().unwrap_or(false)
}

/// `q=0`, `q=0.0`, `q=0.00` or `q=0.000` (RFC 9110 §12.4.2).
fn is_zero(parameters: &str) -> bool {
    let weight =
        parameters.trim().strip_prefix(['q', 'Q']).and_then(|rest| rest.trim_start().strip_prefix('='));
    weight.is_some_and(|weight| weight.trim().parse() == Ok(0.0))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_taken_where_it_is_named_and_not_ruled_out() {
        for (fields, takes) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["gzip, deflate, br, zstd"], true),
            (&["br;q=1.0, GZIP;q=0.001"], true),
            (&["deflate", "x-gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip ; q=0.000, *"], false),
            (&["*"], false),
            (&["identity"], false),
            (&["gzipped"], false),
            (&[""], false),
            (&["gzip;level=9"], true),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            assert_eq!(takes_gzip(&headers), takes, "{fields:?}");
        }
    }
}
