//! URLs that hooks are called at: what the configuration takes is what the server can call.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

/// The URL without user and password, and these as a header.
pub(crate) fn parse(url: &str) -> Option<(Uri, Option<HeaderValue>)> {
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    let (user, host) = match authority.as_str().rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority.as_str()),
    };
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return None;
    }
    let authorization = match user {
        Some(user) => Some(basic_authorization(user)?),
        None => None,
    };
    let authority: Authority = host.parse().ok()?;
    // Behind the host comes nothing, or a port that there is.
    if authority.as_str().len() > authority.host().len() && authority.port_u16().is_none() {
        return None;
    }
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(authority);
    Some((Uri::from_parts(parts).ok()?, authorization))
}

/// `user:password` of a URL, where reserved characters are written as `%` and two digits.
fn basic_authorization(user: &str) -> Option<HeaderValue> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain = percent_decoded(name)?;
    plain.push(b':');
    plain.extend(percent_decoded(password)?);
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(plain))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut pieces = text.split('%');
    let mut decoded = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        decoded.push(u8::from_str_radix(piece.get(..2)?, 16).ok()?);
        decoded.extend(&piece.as_bytes()[2..]);
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_and_password_leave_the_url() {
        let (uri, authorization) = parse("https://me:p%40ss@example.org:8443/a?b=c").unwrap();
        assert_eq!(uri, "https://example.org:8443/a?b=c");
        let authorization = authorization.unwrap();
        assert_eq!(authorization, format!("Basic {}", STANDARD.encode("me:p@ss")).as_str());
        assert!(authorization.is_sensitive());
        assert_eq!(parse("http://127.0.0.1:3000/connect").unwrap().1, None);
        assert_eq!(parse("http://[::1]:3000").unwrap().0, "http://[::1]:3000/");
    }

    #[test]
    fn what_is_no_http_url_is_refused() {
        let table = [
            "",
            "/connect",
            "localhost:3000",
            "grpc://localhost:3000",
            "http://",
            "http:///a",
            "http://a:b@",
            "http://me:100%@host",
            "http://a b/",
            "http://a:port/",
            "http://host:99999/",
        ];
        for url in table {
            assert_eq!(parse(url), None, "{url}");
        }
    }
}
