//! `wavecast token`: makes tokens and says what is wrong with them.
//!
//! `create` and `check` are its two commands; `date` writes points in time as people read them.

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
