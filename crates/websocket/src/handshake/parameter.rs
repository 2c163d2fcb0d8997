//! What a program reads out of a request beside path and fields: parameters of the query, cookies, and the sub-protocols
//! that are offered.

use super::head::RequestHead;
use super::token;
use std::borrow::Cow;

impl<'h> RequestHead<'h> {
    /// The first parameter of the query with this name, decoded: `+` is a space, `%41` an `A` (the form encoding of the
    /// WHATWG URL standard, which browsers use). `None` where there is none, or where it is not UTF-8.
    ///
    /// ```
    /// use wavecast_websocket::{Limits, handshake};
    ///
    /// let bytes = b"GET /chat?room=tea+%26+cake HTTP/1.1\r\nCookie: a=1; sid=7f\r\n\r\n";
    /// let (head, _) = handshake::parse_request(bytes, &Limits::DEFAULT).unwrap().unwrap();
    /// assert_eq!(head.query_parameter("room").as_deref(), Some("tea & cake"));
    /// assert_eq!(head.cookie("sid"), Some("7f"));
    /// ```
    #[must_use]
    pub fn query_parameter(&self, name: &str) -> Option<Cow<'h, str>> {
        self.query_parameters().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// The parameters of the query in their order, decoded. Those that are not UTF-8 are left out.
    pub fn query_parameters(&self) -> impl Iterator<Item = (Cow<'h, str>, Cow<'h, str>)> {
        let pairs = form_pairs(self.query().unwrap_or_default());
        pairs.filter_map(|(name, value)| Some((decode_form(name)?, decode_form(value)?)))
    }

    /// The value of the first cookie with this name (RFC 6265 §5.4), without the quotes it may stand in. Case matters.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'h str> {
        self.cookies().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    /// Names and values of the cookies, as they were sent. Fields that are not UTF-8 are left out.
    pub fn cookies(&self) -> impl Iterator<Item = (&'h str, &'h str)> {
        let fields = self.headers().all("cookie").filter_map(|field| std::str::from_utf8(field).ok());
        fields.flat_map(|field| field.split(';')).filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            Some((name, quoted.unwrap_or(value)))
        })
    }

    /// The sub-protocols that the client offers, its preferred first. Whether they are well-formed is for
    /// [`accept`](super::accept) to say.
    pub fn offered_protocols(&self) -> impl Iterator<Item = &'h str> {
        let lists = self.headers().all("sec-websocket-protocol");
        lists.flat_map(token::elements).filter_map(|name| std::str::from_utf8(name).ok())
    }
}

/// Names and values of a query as they were sent, in their order; a name alone has an empty value. Split before they are
/// decoded, so that `%26` and `%3D` part nothing: [`decode_form`] reads each.
pub fn form_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// Decodes `%41` and the like (RFC 3986 §2.1); what is no such triplet stays as it is. `None` if the result is not UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    decode_with(text, false)
}

/// The same in a query: `+` is a space (the form encoding of the WHATWG URL standard).
#[must_use]
pub fn decode_form(text: &str) -> Option<Cow<'_, str>> {
    decode_with(text, true)
}

fn decode_with(text: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    let is_plain = |byte: u8| byte != b'%' && !(plus_is_space && byte == b'+');
    if text.bytes().all(is_plain) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let (byte, after) = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), after)
            }
            (b'+', after) if plus_is_space => (b' ', after),
            (byte, after) => (*byte, after),
        };
        decoded.push(byte);
        rest = after;
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

const fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::handshake::parse_request;

    fn check(request: &str, test: impl FnOnce(&RequestHead<'_>)) {
        let (head, _) = parse_request(request.as_bytes(), &Limits::DEFAULT).unwrap().unwrap();
        test(&head);
    }

    #[test]
    fn triplets_are_decoded_and_what_is_none_stays() {
        for (text, decoded) in [
            ("plain", Some("plain")),
            ("a%20b", Some("a b")),
            ("a+b", Some("a+b")),
            ("gr%C3%BC%c3%9f", Some("grüß")),
            ("100%", Some("100%")),
            ("%4", Some("%4")),
            ("%zz%41", Some("%zzA")),
            ("%ff", None),
            ("%+1", Some("%+1")),
        ] {
            assert_eq!(decode(text).as_deref(), decoded, "{text}");
        }
    }

    #[test]
    fn parameters_of_the_query() {
        check("GET /x?a=1&b=two+words&&c&a=2&bad=%ff&d=x=y HTTP/1.1\r\n\r\n", |head| {
            let all: Vec<_> =
                head.query_parameters().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
            let expected = [("a", "1"), ("b", "two words"), ("c", ""), ("a", "2"), ("d", "x=y")];
            assert_eq!(all, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
            assert_eq!(head.query_parameter("a").as_deref(), Some("1"));
            assert_eq!(head.query_parameter("e"), None);
        });
        check("GET /x HTTP/1.1\r\n\r\n", |head| assert_eq!(head.query_parameters().count(), 0));
    }

    #[test]
    fn cookies_over_several_fields() {
        check("GET / HTTP/1.1\r\nCookie: a=1; b=\"two\"; odd;c=\r\nCookie: d=4=5\r\n\r\n", |head| {
            let all: Vec<_> = head.cookies().collect();
            assert_eq!(all, [("a", "1"), ("b", "two"), ("c", ""), ("d", "4=5")]);
            assert_eq!((head.cookie("d"), head.cookie("A")), (Some("4=5"), None));
        });
    }

    #[test]
    fn offered_protocols_over_several_fields() {
        let request = "GET / HTTP/1.1\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n\r\n";
        check(request, |head| assert_eq!(head.offered_protocols().collect::<Vec<_>>(), ["a", "b", "c"]));
    }
}
