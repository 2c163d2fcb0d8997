//! TLS without I/O: certificates, and sessions that decrypt and encrypt what somebody else moves (feature `tls`).
//!
//! | room | what happens there |
//! | --- | --- |
//! | [`ServerTls`] (`listening`) | what a listener is given: certificates, who may come in, what is resumed |
//! | `options`, `settings`, `provider` | how it is to be spoken; rustls' settings, made of that; its cryptography |
//! | `certificates`, `challenges`, `showing` | which of several certificates answers a client; what an ACME server is shown |
//! | `watch` | files that change are read again, and a half-written one is not believed |
//! | [`Session`] (`session`) | one connection's TLS: ciphertext in, plain bytes out, and back |
//! | [`TlsStream`] (`stream`) | a socket with its session, on the way between a shard and somebody else |
//! | `record` | where records end in what came in |
//! | [`pem`] | keys and certificates as an operator gives them |
//! | `fault` | why a setting is of no use, and why a session ended |
//!
//! An idle session owns no buffer: it keeps the beginning of a record that has not arrived whole, and nothing else.

mod certificates;
mod challenges;
mod fault;
mod listening;
mod options;
pub mod pem;
mod provider;
mod record;
mod session;
mod settings;
mod showing;
mod stream;
mod watch;

pub use self::challenges::Challenges;
pub use self::fault::{Part, SessionError, TlsError};
pub use self::listening::ServerTls;
pub use self::options::{ClientAuth, Identity, ServerTlsOptions, Version};
pub use self::pem::Pem;
pub(crate) use self::session::RECORD_BYTES;
pub use self::session::Session;
pub use self::stream::TlsStream;
