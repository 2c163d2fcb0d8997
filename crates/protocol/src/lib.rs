//! Client protocols as pure encoding and decoding.
