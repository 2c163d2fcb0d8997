//! `wavecast doctor`: is this machine, and the way to the server, fit for what the configuration asks for?
//!
//! `files`, `kernel` and `clock` look at the machine, `address` at the way of a client to the server, `back_end` at whom the
//! server asks, with the HTTP `client`; each says what it has found as a `finding`.

mod address;
mod back_end;
mod client;
mod clock;
mod files;
mod finding;
mod kernel;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use self::address::Target;
use self::clock::Clock;
use self::finding::{Finding, Level};
use crate::configuration::Configuration;

/// Looks for what stands in the way of the server and its clients
///
/// Run it where the server runs, and with --url where clients are: limits of open files, kernel settings, the clock, the
/// hooks and key sets of the configuration, and the way through proxies to a WebSocket. Each line begins with ok, warning
/// or problem, and says what to do. Hooks are only asked whether they answer, with a GET. Exit codes: 0 no problem (there
/// may be warnings), 1 a problem, 2 wrong use.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    #[command(flatten)]
    configuration: Configuration,
    /// Address that clients connect to, such as wss://push.example.com/connection/websocket
    #[arg(long, env = "WAVECAST_URL")]
    url: Option<String>,
    /// Origin of the page that would connect, such as https://example.com, as its browser would send it
    #[arg(long)]
    origin: Option<String>,
    /// Connection token, where the server asks for one
    #[arg(long, env = "WAVECAST_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Longest wait for each answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
}

/// Runs the command.
pub(crate) fn run(doctor: &Doctor) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("wavecast: {error}");
            return ExitCode::FAILURE;
        }
    };
    let worst = runtime.block_on(examine(doctor));
    if worst == Level::Problem { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints each finding as soon as it is there; the result is the worst level.
async fn examine(doctor: &Doctor) -> Level {
    let clock = Clock::start();
    let mut worst = Level::Ok;
    let mut tell = |findings: Vec<Finding>| {
        for finding in findings {
            worst = worst.max(finding.level);
            println!("{finding}");
        }
    };
    tell(files::examine());
    tell(kernel::examine());
    tell(vec![clock.examine()]);
    let timeout = Duration::from_secs(doctor.timeout);
    match doctor.configuration.load() {
        Ok(loaded) => {
            tell(
                loaded
                    .warnings
                    .iter()
                    .map(|warning| Finding::warning("configuration", &warning.0, ""))
                    .collect(),
            );
            tell(back_end::key_sets(&loaded.config, timeout, &clock).await);
            tell(back_end::hooks(&loaded.config, timeout, &clock).await);
        }
        Err(error) => tell(vec![Finding::problem("configuration", &error.to_string(), "")]),
    }
    if let Some(url) = &doctor.url {
        let target =
            Target { url, origin: doctor.origin.as_deref(), token: doctor.token.as_deref(), timeout };
        tell(address::examine(&target).await);
    }
    tell(clock.stayed_steady());
    worst
}
