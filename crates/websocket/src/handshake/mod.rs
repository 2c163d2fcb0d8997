//! The opening handshake (RFC 6455 §4): an HTTP/1.1 request and its answer, as bytes.
//!
//! | server | client |
//! | --- | --- |
//! | [`parse_request`]: bytes to [`RequestHead`] | [`ClientRequest::write`] |
//! | [`accept`]: every MUST of §4.2.1, to [`Acceptance`] or [`Refusal`] | [`ClientRequest::verify`]: every MUST of §4.1, to [`Established`] or [`HandshakeError`] |
//! | [`Acceptance::write`], [`Refusal::write`] | [`parse_response`]: bytes to [`ResponseHead`] |
//!
//! Heads are read strictly: CRLF only, no folded lines, no space before a colon; what two parsers could read in two ways
//! is refused, because a proxy may stand in front.
//!
//! `head` reads request and response heads within their limits; `token`, `key` and `extension` are what stands in their fields;
//! `field` guards what a caller adds to ours; `refusal` is the answer to a request that is not accepted; `parameter` has what
//! a program reads out of a request: query, cookies, sub-protocols.

mod accept;
mod client;
mod extension;
mod field;
mod head;
mod key;
mod parameter;
mod refusal;
mod token;

pub use accept::{Acceptance, accept};
pub use client::{ClientRequest, Established, HandshakeError, Rejected, RequestError};
pub use extension::{ExtensionOffer, ExtensionParameter, InvalidExtensions, parse_extensions};
pub use field::InvalidField;
pub use head::{HeadError, Headers, RequestHead, ResponseHead, Version, parse_request, parse_response};
pub use parameter::{decode, decode_form, form_pairs};
pub use refusal::Refusal;
