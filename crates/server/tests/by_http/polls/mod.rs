//! Polls and long-polls.

mod asking;
mod cut;
mod entering;
mod waiting;
