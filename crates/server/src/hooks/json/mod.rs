//! Calls and answers in JSON, as Centrifugo's proxies write and read them: a back end for one serves the other.

pub(super) mod envelope;
mod object;
pub(super) mod request;
pub(super) mod response;
