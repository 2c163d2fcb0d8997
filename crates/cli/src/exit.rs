//! Exit codes that mean the same in every command.

use std::fmt::Display;
use std::process::ExitCode;

/// Says what is wrong, and ends as clap does on an option that it cannot read: with 2.
pub(crate) fn wrong_use(error: &dyn Display) -> ExitCode {
    eprintln!("wavecast: {error}");
    ExitCode::from(2)
}
