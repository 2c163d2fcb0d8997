//! The push server as a library.

pub mod config;
mod pages;
