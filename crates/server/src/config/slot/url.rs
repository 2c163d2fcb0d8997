//! Reads URLs of the user's back end. They may hold credentials, so no message repeats them.

use serde_json::Value;

use crate::config::settings::HANDLER_ENDPOINT;
use crate::hooks;

/// An endpoint of a hook: empty, an HTTP URL, or the word for a handler inside the process.
pub(super) fn endpoint(value: &Value) -> Result<String, &'static str> {
    const FORM: &str = "an http:// or https:// URL such as \"http://localhost:3000/centrifugo/connect\"";
    match value.as_str() {
        Some(text) if text.starts_with("grpc://") => {
            Err("an http:// or https:// URL: back ends are called over HTTP, not over gRPC")
        }
        Some(text) if is_endpoint(text) => Ok(text.to_owned()),
        _ => Err(FORM),
    }
}

fn is_endpoint(text: &str) -> bool {
    text.is_empty() || text == HANDLER_ENDPOINT || hooks::url::parse(text).is_some()
}

/// An HTTP URL, or nothing.
pub(super) fn http(value: &Value) -> Result<String, &'static str> {
    match value.as_str() {
        Some(text) if text.is_empty() || is_http(text) => Ok(text.to_owned()),
        _ => Err("an http:// or https:// URL such as \"https://example.com/.well-known/jwks.json\""),
    }
}

/// Whether it is an absolute HTTP URL as far as one can tell without taking it apart: the client does that.
fn is_http(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_http_or_a_handler() {
        for (text, accepted) in [
            ("", true),
            ("handler:", true),
            ("http://localhost:3000/centrifugo/connect", true),
            ("https://user:secret@[::1]/x?y=z", true),
            ("grpc://localhost:12000", false),
            ("localhost:3000", false),
            ("http://", false),
            ("http:///path", false),
            ("http://a b", false),
            ("http://me:100%@host", false),
            ("http://host:port/", false),
            ("ftp://a", false),
        ] {
            assert_eq!(endpoint(&Value::from(text)).is_ok(), accepted, "{text}");
        }
        assert!(endpoint(&Value::from("grpc://a")).unwrap_err().contains("not over gRPC"));
        assert!(http(&Value::from("handler:")).is_err());
        assert!(http(&Value::from("https://a/{{tenant}}/jwks")).is_ok());
    }
}
