//! What a page of another origin may read from the desk (the CORS protocol of the Fetch standard, §3.2).
//!
//! WebSocket handshakes are judged by [`guard`] and nothing else. What goes as a plain request needs more: the browser asks
//! first (a preflight) where the request is not a simple one, and keeps an answer from the page that does not name its origin.
//! The judgement is the guard's own, so that a page may use every transport or none.
//!
//! Pure functions. A room with such endpoints calls [`admit`], answers what [`preflight`] answers, and has [`decorate`] look
//! at the headers of every other answer, refusals by other rooms included: a page has to be able to read why.

use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, VARY,
};
use hyper::{Method, Response, StatusCode};

use super::guard::{self, Refused};
use crate::config::{AllowedOrigins, Profile};

/// For how many seconds a browser need not ask again. (Chromium keeps it for two hours at most.)
const PREFLIGHT_MAX_AGE: &str = "3600";
/// Names of request headers that a preflight may ask for, in bytes: longer lists are not repeated.
const ASKED_HEADERS_BYTES_MAX: usize = 1024;
/// What a page may read of an answer beyond what every page may: the tag of a poll, and when to come back.
const EXPOSED: &str = "ETag, Retry-After";

/// Whom an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// No `Origin` came with the request: a program, or a page of the same origin that only reads.
    Program,
    /// Every page may come (`*` in `client.allowed_origins`), so none is trusted with cookies.
    AnyPage,
    /// This origin is named, or is the server's own host: it may send cookies.
    Page(HeaderValue),
}

/// Judges the page that sends a request to a connection endpoint, as [`guard::check_websocket`] judges a handshake.
///
/// # Errors
/// [`Refused`]: its status and words are the answer, which [`vary`] then has to look at.
pub fn admit(
    profile: Profile,
    allowed: &AllowedOrigins,
    host: Option<&str>,
    origin: Option<&str>,
) -> Result<Grant, Refused> {
    guard::check_websocket(profile, allowed, host, origin)?;
    let Some(origin) = origin else { return Ok(Grant::Program) };
    // Without a list it is the server's own host that passed. Any page can have itself sandboxed and so become `null`.
    let is_named = (allowed.is_empty() || allowed.names(origin)) && origin != "null";
    let named = is_named.then(|| HeaderValue::from_str(origin).ok()).flatten();
    Ok(named.map_or(Grant::AnyPage, Grant::Page))
}

/// The answer to a preflight; `None` for every other request. Answered whatever the request will need besides (a token, say):
/// preflights come without credentials. `methods` are those of the endpoint, as a header has them: `"GET, POST"`.
pub fn preflight(
    methods: &'static str,
    method: &Method,
    asked: &HeaderMap,
    grant: &Grant,
) -> Option<Response<Bytes>> {
    if *method != Method::OPTIONS || !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    decorate(headers, grant);
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_MAX_AGE));
    // A page that may connect may say what it likes: hooks are given headers that only its author knows.
    let names = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|names| is_list_of_names(names.as_bytes()));
    if let Some(names) = names {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    Some(answer)
}

/// Says in the headers of an answer which page may read it.
pub fn decorate(headers: &mut HeaderMap, grant: &Grant) {
    vary(headers);
    let origin = match grant {
        Grant::Program => return,
        Grant::AnyPage => HeaderValue::from_static("*"),
        Grant::Page(origin) => {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            origin.clone()
        }
    };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
}

/// What of an answer's fields says which page may read it.
pub fn of(headers: &HeaderMap) -> HeaderMap {
    let names =
        [VARY, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_EXPOSE_HEADERS];
    let fields = names.into_iter().filter_map(|name| Some((name.clone(), headers.get(&name)?.clone())));
    fields.collect()
}

/// Keeps caches from giving one page's answer to another.
pub fn vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

fn is_list_of_names(names: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~, ".contains(byte);
    names.len() <= ASKED_HEADERS_BYTES_MAX && names.iter().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(patterns: &[&str]) -> AllowedOrigins {
        AllowedOrigins::new(&patterns.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn grant(patterns: &[&str], origin: Option<&str>) -> Result<Grant, Refused> {
        admit(Profile::Configured, &allowed(patterns), Some("push.test"), origin)
    }

    fn field<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn asked(method: &str, names: &str) -> HeaderMap {
        let fields = [("access-control-request-method", method), ("access-control-request-headers", names)];
        fields.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_an_origin_that_is_named_may_send_cookies() {
        let page = |origin: &'static str| Ok(Grant::Page(HeaderValue::from_static(origin)));
        for (patterns, origin, granted) in [
            (&["https://a.test"][..], Some("https://a.test"), page("https://a.test")),
            (&["https://*.a.test"], Some("https://x.a.test"), page("https://x.a.test")),
            (&["*", "https://a.test"], Some("https://a.test"), page("https://a.test")),
            (&["*"], Some("https://a.test"), Ok(Grant::AnyPage)),
            (&["https://*"], Some("https://a.test"), Ok(Grant::AnyPage)),
            (&["*"], Some("null"), Ok(Grant::AnyPage)),
            (&["null"], Some("null"), Ok(Grant::AnyPage)),
            (&["https://a.test"], None, Ok(Grant::Program)),
            (&[], Some("https://push.test"), page("https://push.test")),
        ] {
            assert_eq!(grant(patterns, origin), granted, "{patterns:?} {origin:?}");
        }
        for (patterns, origin) in [
            (&["https://a.test"][..], "https://b.test"),
            (&[], "https://a.test"),
            (&["https://a.test"], "null"),
        ] {
            let refused = grant(patterns, Some(origin)).unwrap_err();
            assert_eq!(refused.status(), 403, "{patterns:?} {origin}");
        }
    }

    #[test]
    fn an_answer_names_the_page_that_may_read_it() {
        for (granted, origin, credentials) in [
            (Grant::Program, None, None),
            (Grant::AnyPage, Some("*"), None),
            (Grant::Page(HeaderValue::from_static("https://a.test")), Some("https://a.test"), Some("true")),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
            decorate(&mut headers, &granted);
            assert_eq!(field(&headers, "access-control-allow-origin"), origin);
            assert_eq!(field(&headers, "access-control-allow-credentials"), credentials);
            assert_eq!(field(&headers, "access-control-expose-headers").is_some(), origin.is_some());
            let vary: Vec<_> = headers.get_all(VARY).iter().collect();
            assert_eq!(vary, ["Accept-Encoding", "Origin"], "what an answer varies by is added to");
        }
    }

    #[test]
    fn a_preflight_is_answered_with_what_may_be_sent() {
        let page = Grant::Page(HeaderValue::from_static("https://a.test"));
        let asked = asked("POST", "authorization,content-type");
        let answer = preflight("GET, POST", &Method::OPTIONS, &asked, &page).unwrap();
        assert_eq!(answer.status(), 204);
        let headers = answer.headers();
        assert_eq!(field(headers, "access-control-allow-origin"), Some("https://a.test"));
        assert_eq!(field(headers, "access-control-allow-methods"), Some("GET, POST"));
        assert_eq!(field(headers, "access-control-allow-headers"), Some("authorization,content-type"));
        assert_eq!(field(headers, "access-control-max-age"), Some("3600"));
        let vary: Vec<_> = headers.get_all(VARY).iter().collect();
        assert_eq!(vary, ["Origin", "Access-Control-Request-Headers"]);
        let emulation = preflight("POST", &Method::OPTIONS, &asked, &Grant::AnyPage).unwrap();
        assert_eq!(field(emulation.headers(), "access-control-allow-methods"), Some("POST"));
        assert_eq!(field(emulation.headers(), "access-control-allow-origin"), Some("*"));
    }

    #[test]
    fn what_is_no_preflight_is_left_to_others() {
        let asked = asked("POST", "");
        for (method, headers) in [(Method::POST, &asked), (Method::OPTIONS, &HeaderMap::new())] {
            assert!(preflight("POST", &method, headers, &Grant::AnyPage).is_none(), "{method}");
        }
    }

    #[test]
    fn names_that_are_none_are_not_repeated() {
        let long = "x".repeat(ASKED_HEADERS_BYTES_MAX + 1);
        for names in ["a;b", "a\u{7f}b", "a\"b", long.as_str()] {
            let mut asked = asked("POST", "");
            let Ok(value) = HeaderValue::from_bytes(names.as_bytes()) else { continue };
            asked.insert(ACCESS_CONTROL_REQUEST_HEADERS, value);
            let answer = preflight("POST", &Method::OPTIONS, &asked, &Grant::AnyPage).unwrap();
            assert!(answer.headers().get(ACCESS_CONTROL_ALLOW_HEADERS).is_none(), "{names}");
        }
    }
}
