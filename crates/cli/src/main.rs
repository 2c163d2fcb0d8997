//! The `wavecast` program: one subcommand a file, dispatched here.

mod bench;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

/// Pushes data to people and devices the moment it changes
#[derive(Debug, Parser)]
#[command(name = "wavecast", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Some(Command::Bench(options)) => bench::run(options),
        None => {
            // Wrong use of the command line has the exit code that clap gives it.
            eprintln!("{}", Cli::command().render_help());
            ExitCode::from(2)
        }
    }
}
