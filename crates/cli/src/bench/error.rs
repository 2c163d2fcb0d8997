//! Why a benchmark gave no figure, and the exit code that says so to a script.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

/// What went wrong. The text is meant for a person at a terminal: what was needed, and what there was.
#[derive(Debug)]
pub(super) enum BenchError {
    /// The options contradict each other or name something that cannot be measured (exit code 2).
    Usage(String),
    /// This machine allows too little: descriptors, ports (exit code 3).
    TooSmall { what: String, need: u64, have: u64, remedy: &'static str },
    /// The server refused, closed, died or spoke another protocol (exit code 1).
    Server(String),
    /// A process of the benchmark itself failed (exit code 1).
    Worker(String),
    /// Everything was measured, and shows faults of the server (exit code 1).
    Faulty { report: String, faults: String },
    /// `--timeout` ran out (exit code 1).
    TimeOut { during: String, limit: Duration },
    /// An operation of this process failed (exit code 1).
    Io { during: String, source: io::Error },
}

impl BenchError {
    /// Attaches to an I/O error what was being done.
    pub(super) fn io(during: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let during = during.into();
        move |source| Self::Io { during, source }
    }

    /// 2: the options; 3: a limit of this machine; 1: everything that happened while measuring.
    pub(super) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::TooSmall { .. } => 3,
            Self::Server(_)
            | Self::Worker(_)
            | Self::Faulty { .. }
            | Self::TimeOut { .. }
            | Self::Io { .. } => 1,
        })
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Server(why) | Self::Worker(why) => f.write_str(why),
            Self::Faulty { faults, .. } => f.write_str(faults),
            Self::TooSmall { what, need, have, remedy } => {
                write!(f, "{what}: needed {need}, have {have}; {remedy}")
            }
            Self::TimeOut { during, limit } => {
                write!(f, "{during}: not done when --timeout {} s ran out", limit.as_secs())
            }
            Self::Io { during, source } => write!(f, "{during}: {source}"),
        }
    }
}
