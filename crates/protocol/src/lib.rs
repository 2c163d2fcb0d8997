//! Client protocols as pure encoding and decoding.
//!
//! What a client and a push server say to each other, as types, and the bytes that carry them. Server and client use
//! the same code: what one encodes the other decodes, beside it in the same file. There are no sockets, tasks or
//! clocks here, no channels and no permissions; what a message means is up to the session above.
//!
//! - [`centrifuge`]: version 2 of the protocol of Centrifuge and Centrifugo, with its encodings in
//!   [`centrifuge::json`] and [`centrifuge::protobuf`].

pub mod centrifuge;
