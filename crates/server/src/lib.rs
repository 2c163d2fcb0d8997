//! The push server as a library.
