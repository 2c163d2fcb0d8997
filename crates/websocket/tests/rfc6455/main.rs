//! The open connection, behaviour by behaviour. Each file is named after what it holds the crate to.

mod close;
mod control;
mod differential;
mod examples;
mod fragmentation;
mod headers;
mod limits;
mod masking;
mod round_trip;
mod split;
mod utf8;
mod wire;
