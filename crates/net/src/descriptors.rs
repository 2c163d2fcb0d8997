//! The limit of open files: each connection takes one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the limit was and is; `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DescriptorLimit {
    /// The limit in force now.
    pub current: Option<u64>,
    /// The limit that only the system's administrator can pass.
    pub maximum: Option<u64>,
}

/// Raises the soft limit of open files to the hard one. Says what is in force afterwards; an unwilling kernel leaves it
/// as it was.
pub fn raise_limit() -> DescriptorLimit {
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = if setrlimit(Resource::Nofile, wanted).is_ok() { limit.maximum } else { limit.current };
    DescriptorLimit { current, maximum: limit.maximum }
}
