//! The limit of open descriptors, which is a limit of connections.

use rustix::process::{Resource, getrlimit, setrlimit};

use super::error::BenchError;

/// What a process needs beside its connections: standard streams, epoll, listeners, wake-ups, and some air.
const BESIDE_CONNECTIONS: u64 = 100;

/// Raises this process's soft limit to the hard one; processes started from here inherit it.
///
/// Where even that is refused the old limit stays, and [`check`] judges by it.
pub(super) fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Whether one process can hold so many connections.
pub(super) fn check(connections: u32, process: &str) -> Result<(), BenchError> {
    let need = u64::from(connections) + BESIDE_CONNECTIONS;
    match getrlimit(Resource::Nofile).current {
        Some(have) if have < need => Err(BenchError::TooSmall {
            what: format!("descriptors for {connections} connections in the {process} process"),
            need,
            have,
            remedy: "raise the hard limit (ulimit -Hn) or ask for fewer connections",
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_connections_are_refused_with_both_figures() {
        raise();
        check(1, "load").unwrap();
        if let Some(have) = getrlimit(Resource::Nofile).current
            && have < u64::from(u32::MAX)
        {
            let refusal = check(u32::MAX - 100, "load").unwrap_err();
            assert!(refusal.to_string().contains(&format!("have {have}")));
        }
    }
}
