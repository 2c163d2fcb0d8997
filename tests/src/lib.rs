//! Whole-system tests: real clients, browsers and faults.
