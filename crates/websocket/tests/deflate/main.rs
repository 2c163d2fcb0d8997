//! permessage-deflate, behaviour by behaviour. Each file is named after what it holds the crate to.

#![allow(clippy::unwrap_used, reason = "helpers of tests, too, may fail loudly")]

mod bombs;
mod examples;
mod frames;
mod negotiation;
mod round_trip;
mod split;
mod wire;
