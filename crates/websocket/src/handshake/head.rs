//! HTTP/1 heads, read strictly (RFC 9112), with every bound of [`Limits`].

use super::token;
use crate::limits::Limits;
use std::fmt;

/// Why bytes are not an HTTP/1 head that we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeadError {
    /// Longer than [`head_bytes_max`](Limits::head_bytes_max).
    TooLong {
        /// The limit in bytes.
        bytes_max: usize,
    },
    /// More fields than [`head_fields_max`](Limits::head_fields_max).
    TooManyFields {
        /// The limit.
        fields_max: usize,
    },
    /// The first line is neither a request line nor, where one is expected, a status line.
    FirstLine,
    /// Not HTTP/1.0 or HTTP/1.1.
    Version,
    /// A field name that is not a token directly followed by a colon; a folded line too.
    FieldName,
    /// A field value with a control character.
    FieldValue,
    /// A line that does not end in CRLF.
    LineEnd,
}

impl HeadError {
    /// The HTTP status that answers a request with this fault.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::TooLong { .. } | Self::TooManyFields { .. } => 431,
            Self::Version => 505,
            _ => 400,
        }
    }
}

impl fmt::Display for HeadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes_max } => write!(f, "an HTTP head may have at most {bytes_max} bytes"),
            Self::TooManyFields { fields_max } => {
                write!(f, "an HTTP head may have at most {fields_max} fields")
            }
            Self::FirstLine => f.write_str("the first line must be one of HTTP/1"),
            Self::Version => f.write_str("the HTTP version must be 1.1 or 1.0"),
            Self::FieldName => f.write_str("a field name must be a token followed by a colon"),
            Self::FieldValue => f.write_str("a field value must not have control characters"),
            Self::LineEnd => f.write_str("a line must end in CRLF"),
        }
    }
}

impl std::error::Error for HeadError {}

impl From<httparse::Error> for HeadError {
    fn from(error: httparse::Error) -> Self {
        match error {
            httparse::Error::HeaderName => Self::FieldName,
            httparse::Error::HeaderValue => Self::FieldValue,
            httparse::Error::NewLine => Self::LineEnd,
            httparse::Error::Version => Self::Version,
            // Room for the fields is made before they are read, so there are never too many.
            httparse::Error::Status | httparse::Error::Token | httparse::Error::TooManyHeaders => {
                Self::FirstLine
            }
        }
    }
}

/// The HTTP version of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

impl Version {
    const fn new(minor: Option<u8>) -> Self {
        if matches!(minor, Some(1)) { Self::Http11 } else { Self::Http10 }
    }
}

/// The fields of a head, in their order. They borrow from the bytes that were parsed.
#[derive(Clone, Debug)]
pub struct Headers<'h>(Vec<httparse::Header<'h>>);

impl<'h> Headers<'h> {
    /// Names, as they were sent, and values without the white space around them.
    pub fn iter(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        self.0.iter().map(|field| (field.name, field.value))
    }

    /// The first field with this name in any case, if its value is UTF-8.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'h str> {
        self.all(name).next().and_then(|value| std::str::from_utf8(value).ok())
    }

    /// The values of all fields with this name in any case.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value)
    }

    /// Whether a list, which may be spread over several fields, has this token in any case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.all(name)
            .any(|list| token::elements(list).any(|element| element.eq_ignore_ascii_case(token.as_bytes())))
    }

    /// The value of a field that may stand only once.
    pub(super) fn only(&self, name: &str) -> Result<Option<&'h [u8]>, Repeated> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { Err(Repeated) } else { Ok(first) }
    }
}

/// A field that may stand only once stands twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repeated;

/// The head of an HTTP/1 request.
#[derive(Clone, Debug)]
pub struct RequestHead<'h> {
    method: &'h str,
    target: &'h str,
    version: Version,
    headers: Headers<'h>,
}

impl<'h> RequestHead<'h> {
    /// The method, in capitals if it is a standard one.
    #[must_use]
    pub const fn method(&self) -> &'h str {
        self.method
    }

    /// The request target as it was sent: mostly path and query.
    #[must_use]
    pub const fn target(&self) -> &'h str {
        self.target
    }

    /// The path, beginning with `/`; not decoded. `None` if the target has none (`*`, or the authority of a CONNECT).
    #[must_use]
    pub fn path(&self) -> Option<&'h str> {
        self.path_and_query().map(|(path, _)| path)
    }

    /// What follows the first `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'h str> {
        self.path_and_query().and_then(|(_, query)| query)
    }

    /// The HTTP version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The first field with this name in any case, if its value is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'h str> {
        self.headers.get(name)
    }

    /// All fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'h> {
        &self.headers
    }

    /// Whether the client asks for WebSocket: `Upgrade` names `websocket` and `Connection` names `Upgrade`. Whether
    /// it asks correctly is for [`accept`](super::accept) to say.
    #[must_use]
    pub fn is_websocket_upgrade(&self) -> bool {
        self.headers.has_token("upgrade", "websocket") && self.headers.has_token("connection", "upgrade")
    }

    fn path_and_query(&self) -> Option<(&'h str, Option<&'h str>)> {
        let origin_form = if self.target.starts_with('/') {
            self.target
        } else {
            // The absolute form, as sent to proxies; a server must accept it (RFC 9112 §3.2.2).
            let (_, rest) = self.target.split_once("://")?;
            match rest.find(['/', '?']).map(|at| &rest[at..]) {
                Some(path) if path.starts_with('/') => path,
                Some(query) => return Some(("/", Some(&query[1..]))),
                None => "/",
            }
        };
        Some(origin_form.split_once('?').map_or((origin_form, None), |(path, query)| (path, Some(query))))
    }
}

/// The head of an HTTP/1 response.
#[derive(Clone, Debug)]
pub struct ResponseHead<'h> {
    status: u16,
    version: Version,
    headers: Headers<'h>,
}

impl<'h> ResponseHead<'h> {
    /// The status, three digits.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The HTTP version.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The first field with this name in any case, if its value is UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'h str> {
        self.headers.get(name)
    }

    /// All fields.
    #[must_use]
    pub const fn headers(&self) -> &Headers<'h> {
        &self.headers
    }
}

/// Reads the head of a request and tells its length in bytes; `Ok(None)` while it is incomplete. Empty lines in front
/// are skipped and counted (RFC 9112 §2.2).
///
/// # Errors
/// A violation of HTTP/1 or of `limits`, as soon as it shows: what cannot become a request line is refused before the
/// head is complete.
pub fn parse_request<'h>(
    bytes: &'h [u8],
    limits: &Limits,
) -> Result<Option<(RequestHead<'h>, usize)>, HeadError> {
    let Some(extent) = find_end(bytes, limits)? else {
        return refuse_early(httparse::Request::new(&mut []).parse(bytes));
    };
    let mut fields = vec![httparse::EMPTY_HEADER; extent.fields];
    let mut request = httparse::Request::new(&mut fields);
    let status = request.parse(&bytes[..extent.len])?;
    let (true, Some(method), Some(target)) = (status.is_complete(), request.method, request.path) else {
        return Err(HeadError::FirstLine);
    };
    let version = Version::new(request.version);
    Ok(Some((RequestHead { method, target, version, headers: Headers(fields) }, extent.len)))
}

/// Reads the head of a response; the mirror of [`parse_request`].
///
/// # Errors
/// As [`parse_request`].
pub fn parse_response<'h>(
    bytes: &'h [u8],
    limits: &Limits,
) -> Result<Option<(ResponseHead<'h>, usize)>, HeadError> {
    let Some(extent) = find_end(bytes, limits)? else {
        return refuse_early(httparse::Response::new(&mut []).parse(bytes));
    };
    let mut fields = vec![httparse::EMPTY_HEADER; extent.fields];
    let mut response = httparse::Response::new(&mut fields);
    let status = response.parse(&bytes[..extent.len])?;
    let (true, Some(code)) = (status.is_complete(), response.code) else {
        return Err(HeadError::FirstLine);
    };
    let version = Version::new(response.version);
    Ok(Some((ResponseHead { status: code, version, headers: Headers(fields) }, extent.len)))
}

/// Judges the first line of an incomplete head, so that whoever speaks another protocol need not be waited for.
fn refuse_early<H>(first_line: httparse::Result<usize>) -> Result<Option<H>, HeadError> {
    match first_line {
        // There was no room for fields on purpose.
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

struct Extent {
    len: usize,
    fields: usize,
}

/// Finds the empty line that ends a head, within the limits; every line must end in CRLF.
fn find_end(bytes: &[u8], limits: &Limits) -> Result<Option<Extent>, HeadError> {
    let window = &bytes[..bytes.len().min(limits.head_bytes_max)];
    let (mut lines, mut line_start) = (0, 0);
    for line_feed in memchr::memchr_iter(b'\n', window) {
        let line = &window[line_start..line_feed];
        line_start = line_feed + 1;
        match line {
            [b'\r'] if lines == 0 => {} // an empty line in front
            [b'\r'] => return Ok(Some(Extent { len: line_start, fields: lines - 1 })),
            [.., b'\r'] => lines += 1,
            _ => return Err(HeadError::LineEnd),
        }
        if lines > limits.head_fields_max + 1 {
            return Err(HeadError::TooManyFields { fields_max: limits.head_fields_max });
        }
    }
    if bytes.len() >= limits.head_bytes_max {
        return Err(HeadError::TooLong { bytes_max: limits.head_bytes_max });
    }
    Ok(None)
}
