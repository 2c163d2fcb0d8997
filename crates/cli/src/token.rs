//! `wavecast token`: makes tokens and says what is wrong with them.

mod check;
mod create;
mod date;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Makes tokens for clients, and checks them
#[derive(Args, Debug)]
pub(crate) struct Token {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Create(create::Create),
    Check(check::Check),
}

/// Runs the command.
pub(crate) fn run(token: &Token) -> ExitCode {
    match &token.command {
        Command::Create(options) => create::run(options),
        Command::Check(options) => check::run(options),
    }
}

/// What ends as clap ends on an option that it cannot read.
fn wrong_use(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("wavecast: {error}");
    ExitCode::from(2)
}

/// Unix time in seconds.
fn now_s() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
