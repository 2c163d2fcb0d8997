//! Compressed messages: permessage-deflate (RFC 7692), for both roles.
//!
//! By default no connection owns a compressor or a window: both directions are agreed on without context takeover, so each
//! message is compressed by itself and one [`Deflater`] and one [`Inflater`] serve any number of connections, lent for each
//! call. Context takeover may be allowed for each direction; it makes small messages smaller and costs the memory that
//! [`Compression`] names.
//!
//! | room | what it holds |
//! | --- | --- |
//! | `compression` | [`Compression`]: what one side is willing to do |
//! | `window` | [`Window`]: what was agreed on for one direction, one byte |
//! | `parameters` | the parameters of the extension as they stand in the header (§7.1) |
//! | `negotiation` | [`Agreement`]: offers, answers, and what becomes of them (§5.1) |
//! | `compress` | [`Deflater`], shared, and [`Context`], of one connection: messages to frames (§7.2.1) |
//! | `inflate` | [`Inflater`]: payloads to messages, within a limit (§7.2.2) |

mod compress;
mod compression;
mod inflate;
mod negotiation;
mod parameters;
mod window;

pub use compress::{Context, Deflater};
pub use compression::Compression;
pub use inflate::{InflateError, Inflater, Step};
pub use negotiation::Agreement;
pub use window::Window;

/// The registered name of the extension (§7).
pub const NAME: &str = "permessage-deflate";
