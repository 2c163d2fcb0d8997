//! Other people's WebSocket libraries and the toolkit, in both directions, over real sockets.
//!
//! `cargo xtask test --only interop` brings what this needs, and says where it is.
//!
//! - `end`: one end of a connection, as a test drives it; what a library can do
//! - `ours`: the toolkit as either end
//! - `program`: a library of another language as either end, in a process of its own
//! - `chromium`: the browser as a client
//! - `rust_library`: tungstenite as either end
//! - `conversation`: what every pair has to get right
//! - `libraries`: the pairs
//! - `certificate`: what tests with TLS show and trust
//! - `over_tls`: the pairs again, in TLS
//! - `reverse_proxy`: nginx and haproxy, started for a test
//! - `through_proxies`: conversations with one of them in between
//! - `over_http_2`: sessions of the push server inside streams of HTTP/2
//! - `article`: the two programs of the article that the project began from

mod article;
mod certificate;
mod chromium;
mod conversation;
mod end;
mod libraries;
mod ours;
mod over_http_2;
mod over_tls;
mod program;
mod reverse_proxy;
mod rust_library;
mod through_proxies;
