//! Who may call the API: whoever shows `http_api.key`.

use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use subtle::ConstantTimeEq as _;

use crate::config::HttpApi;

/// Whether the request shows the key, in `X-API-Key`, as `Authorization: apikey …` or as `?api_key=…`, looked for in
/// this order; the first that is there counts. Without a configured key nobody may call.
pub(super) fn is_shown(settings: &HttpApi, headers: &HeaderMap, query: Option<&str>) -> bool {
    if settings.insecure {
        return true;
    }
    let key = settings.key.expose().as_bytes();
    let shown = headers
        .get("x-api-key")
        .map(|value| value.as_bytes().to_vec())
        .or_else(|| headers.get(AUTHORIZATION).and_then(|value| of_authorization(value.as_bytes())))
        .or_else(|| query.and_then(of_query));
    // How long the comparison takes says nothing about how much of the key is right.
    !key.is_empty() && shown.is_some_and(|shown| shown.ct_eq(key).into())
}

fn of_authorization(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, key) = value.split_at_checked("apikey ".len())?;
    scheme.eq_ignore_ascii_case(b"apikey ").then(|| key.trim_ascii().to_vec())
}

fn of_query(query: &str) -> Option<Vec<u8>> {
    query.split('&').find_map(|pair| pair.strip_prefix("api_key=")).map(percent_decoded)
}

/// Decodes the form encoding of a query; what is not encoded well stays as it is, and will not be the key.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut rest = text.as_bytes();
    let mut decoded = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        rest = after;
        match (byte, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hex(*high) << 4 | hex(*low));
                rest = after;
            }
            _ => decoded.push(*byte),
        }
    }
    decoded
}

/// The value of a hexadecimal digit.
fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn shown(key: &str, header: Option<(&'static str, &'static str)>, query: Option<&str>) -> bool {
        let settings = HttpApi { key: key.into(), ..HttpApi::default() };
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        is_shown(&settings, &headers, query)
    }

    #[test]
    fn three_places_to_show_the_key() {
        assert!(shown("s3cret", Some(("x-api-key", "s3cret")), None));
        assert!(shown("s3cret", Some(("authorization", "apikey s3cret")), None));
        assert!(shown("s3cret", Some(("authorization", "APIKEY  s3cret")), None));
        assert!(shown("s3cret", None, Some("x=1&api_key=s3cret")));
        assert!(shown("a b+%ü", None, Some("api_key=a+b%2B%25%C3%BC")));
    }

    #[test]
    fn anything_else_is_not_the_key() {
        assert!(!shown("s3cret", None, None));
        assert!(!shown("s3cret", Some(("x-api-key", "s3cre")), None));
        assert!(!shown("s3cret", Some(("x-api-key", "s3cret ")), None), "not trimmed in memory");
        assert!(!shown("s3cret", Some(("authorization", "Bearer s3cret")), None));
        assert!(!shown("s3cret", Some(("authorization", "apikey")), None));
        assert!(!shown("s3cret", Some(("x-api-key", "wrong")), Some("api_key=s3cret")), "the first counts");
        for query in ["", "api_key", "api_key=", "xapi_key=s3cret", "api_key=%", "api_key=%s", "api_key=%€x"]
        {
            assert!(!shown("s3cret", None, Some(query)), "{query}");
        }
        assert!(!shown("", Some(("x-api-key", "")), None), "no key is configured");
    }
}
