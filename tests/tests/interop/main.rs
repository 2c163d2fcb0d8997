//! Other people's WebSocket libraries and the toolkit, in both directions, over real sockets.
//!
//! `cargo xtask test --only interop` brings what this needs, and says where it is.
//!
//! - `end`: one end of a connection, as a test drives it; what a library can do
//! - `ours`: the toolkit as either end
//! - `program`: a library of another language as either end, in a process of its own
//! - `rust_library`: tungstenite as either end
//! - `conversation`: what every pair has to get right
//! - `libraries`: the pairs
//! - `article`: the two programs of the article that the project began from

mod article;
mod conversation;
mod end;
mod libraries;
mod ours;
mod program;
mod rust_library;
