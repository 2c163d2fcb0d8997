//! Calls and answers in JSON, as Centrifugo's proxies write and read them: a back end for one serves the other.
//!
//! `request` writes calls, `response` reads answers; `envelope` is what stands around every answer, `object` how its fields are
//! read.

pub(super) mod envelope;
mod object;
pub(super) mod request;
pub(super) mod response;
