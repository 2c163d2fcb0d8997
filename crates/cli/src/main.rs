//! The `wavecast` program: one subcommand a file, dispatched here.
//!
//! `configuration` and `connection` are how the commands beside `serve` come to the server's configuration, and to a server;
//! `echo` is the server that `bench echo` measures; `demo` is the back ends of the demo applications, which `serve` has beside
//! the server. `service` is the server as a service: signals, and through `manager` what its service manager hears, and `reload`. `exit`, `log`
//! and `signal` are the same for all: exit codes, the program's own log, the signals.

mod bench;
mod check;
mod configuration;
mod connection;
mod demo;
mod doctor;
mod echo;
mod exit;
mod log;
mod manager;
mod publish;
mod reload;
mod serve;
mod service;
mod signal;
mod subscribe;
mod token;

// The demos are examples of the library `wavecast`, and name it so; here `wavecast::server` is the server below us.
extern crate self as wavecast;
use wavecast_server as server;

use std::process::ExitCode;

use clap::Parser;

/// Pushes data to people and devices the moment it changes
///
/// Without a command it runs the push server: the same as `wavecast serve`.
#[derive(Debug, Parser)]
#[command(name = "wavecast", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    Publish(publish::Publish),
    Subscribe(subscribe::Subscribe),
    Token(token::Token),
    Doctor(doctor::Doctor),
    Bench(bench::Bench),
    #[command(hide = true)]
    Echo(echo::Echo),
}

fn main() -> ExitCode {
    match Cli::parse().command {
        None => serve::run(&serve::Serve::default()),
        Some(Command::Serve(options)) => serve::run(&options),
        Some(Command::Check(options)) => check::run(&options),
        Some(Command::Publish(options)) => publish::run(&options),
        Some(Command::Subscribe(options)) => subscribe::run(&options),
        Some(Command::Token(options)) => token::run(&options),
        Some(Command::Doctor(options)) => doctor::run(&options),
        Some(Command::Bench(options)) => bench::run(options),
        Some(Command::Echo(options)) => echo::run(&options),
    }
}
