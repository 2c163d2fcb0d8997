//! Micro-benchmarks of the hot rooms.
