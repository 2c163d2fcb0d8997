//! WebSocket push for Rust: what a developer adds to a project.
