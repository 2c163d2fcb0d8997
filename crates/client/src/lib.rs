//! A push client that reconnects, resubscribes and recovers.
