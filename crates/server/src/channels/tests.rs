//! Channels against a model.
