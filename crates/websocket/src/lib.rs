//! RFC 6455 for both roles, without I/O.
