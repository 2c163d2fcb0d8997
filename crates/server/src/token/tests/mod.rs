//! Tokens as they come: every algorithm, every claim, everything that is wrong with them.

mod algorithms;
mod bad_tokens;
mod claims;
mod expectations;
mod fixture;
mod key_sets;
mod secrets;
