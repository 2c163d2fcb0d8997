//! What the whole-system tests share. It tests nothing itself: the tests are in `tests/tests/` (Rust), `tests/node/`
//! (the npm client and a browser), `tests/python/` (the Python libraries) and `tests/autobahn/` (the Autobahn suite).
//!
//! - [`sources`]: a crate's source files as a graph of modules, for the tests of the architecture
//! - [`program`]: the `wavecast` program as a child process with its own configuration, port and log
//! - [`visitor`]: a client that may misbehave: raw bytes, frames as it likes, every wait bounded
//! - [`witness`]: a healthy subscriber and publisher that notice when the server is busy with somebody else
//! - [`proxy`]: a link that can be cut or held up, and lead to another server afterwards
//! - [`back_end`]: a user's back end, which answers hooks and remembers them
//! - [`api`]: calls of the server's HTTP API
//! - [`token`]: tokens, signed with the secret of the tests
//! - [`descriptors`]: room for many sockets in one process

pub mod api;
pub mod back_end;
pub mod descriptors;
pub mod program;
pub mod proxy;
pub mod sources;
pub mod token;
pub mod visitor;
pub mod witness;
