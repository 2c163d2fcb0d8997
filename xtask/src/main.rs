//! The project's chores: `cargo xtask test`, `cargo xtask conformance`, `cargo xtask fuzz`.
//!
//! - `workspace`: where things are
//! - `process`: running a program with a time limit, or beside us
//! - `install`: what the machine lacks, by name
//! - `tally`: what a step counted
//! - `steps`: the list of what `test` runs, the headings and the summary
//! - `rust`, `node`, `acme`, `python`, `java`, `interop`, `autobahn`, `fuzz`: how each kind of test is run

mod acme;
mod autobahn;
mod fuzz;
mod install;
mod interop;
mod java;
mod node;
mod process;
mod python;
mod rust;
mod steps;
mod tally;
mod workspace;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use crate::autobahn::{Peer, Role, Security};
use crate::workspace::Workspace;

const HELP: &str = "\
The project's chores.

cargo xtask test [--only STEP]... [--list]
    Runs every test there is, installing what is missing (it says what).
      --only STEP   run this step alone; may be given more than once
      --list        print the steps and what each does

cargo xtask conformance [server|client] [tls] [--cases LIST] [--peer PEER]
    Runs the Autobahn suite: all 517 cases, which takes a while, in both roles unless one is named.
      tls           in TLS, with a certificate made for the run, and of the cases a sample
      --cases LIST  comma-separated, with globs: '1.*,7.1.1'
      --peer PEER   instead of the examples: the URL of an echo server for the role `server`,
                    a command for the role `client` (it finds AUTOBAHN_URL and AUTOBAHN_AGENT,
                    and the certificate to trust in AUTOBAHN_CA)

cargo xtask fuzz [--minutes N] [TARGET]
    Runs the fuzz targets one after the other, or one of them.
      --minutes N   how long each runs (default 10)

Reports are kept under target/reports/.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = Workspace::find().and_then(|workspace| match words.split_first() {
        Some((&"test", rest)) => test(&workspace, rest),
        Some((&"conformance", rest)) => conformance(&workspace, rest),
        Some((&"fuzz", rest)) => fuzz(&workspace, rest),
        Some((&("help" | "-h" | "--help"), _)) => help(),
        Some((other, _)) => Err(format!("no chore named `{other}`; see `cargo xtask --help`")),
        None => Err(HELP.to_owned()),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::from(2)
        }
    }
}

fn test(workspace: &Workspace, mut words: &[&str]) -> Result<bool, String> {
    let mut only = Vec::new();
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        match *word {
            "--only" => only.push(value("--only", &mut words)?),
            "--list" => {
                steps::print_list();
                return Ok(true);
            }
            "-h" | "--help" => return help(),
            other => return Err(unknown(other)),
        }
    }
    steps::run(workspace, &only)
}

fn conformance(workspace: &Workspace, mut words: &[&str]) -> Result<bool, String> {
    let mut roles = vec![Role::Server, Role::Client];
    let mut security = Security::Plain;
    let mut cases = None;
    let mut peer = None;
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        match *word {
            "server" => roles = vec![Role::Server],
            "client" => roles = vec![Role::Client],
            "tls" => security = Security::Tls,
            "--cases" => cases = Some(value("--cases", &mut words)?.split(',').collect::<Vec<_>>()),
            "--peer" => peer = Some(value("--peer", &mut words)?),
            "-h" | "--help" => return help(),
            other => return Err(unknown(other)),
        }
    }
    if peer.is_some() && roles.len() > 1 {
        return Err("--peer needs the role named: server or client".to_owned());
    }
    let mut clean = true;
    let given = cases.as_ref().map(|cases| [cases.as_slice()]);
    let default: &autobahn::Shares<'_> =
        if security == Security::Tls { &autobahn::TLS } else { &autobahn::WHOLE };
    let shares = given.as_ref().map_or(default, |given| given);
    for role in roles {
        let peer = peer.map_or(Peer::Example, Peer::Given);
        clean &= autobahn::run(workspace, role, security, &peer, shares)?.failed == 0;
    }
    Ok(clean)
}

fn fuzz(workspace: &Workspace, mut words: &[&str]) -> Result<bool, String> {
    let (mut minutes, mut target) = (10, None);
    while let Some((word, rest)) = words.split_first() {
        words = rest;
        match *word {
            "--minutes" => {
                let text = value("--minutes", &mut words)?;
                // 0 would mean "without end" to the fuzzer.
                let parsed = text.parse().ok().filter(|minutes| (1..=24 * 60).contains(minutes));
                minutes = parsed.ok_or_else(|| format!("--minutes {text}: 1 to 1440 are allowed"))?;
            }
            "-h" | "--help" => return help(),
            name if !name.starts_with('-') => target = Some(name),
            other => return Err(unknown(other)),
        }
    }
    fuzz::run(workspace, target, Duration::from_secs(60 * minutes))
}

fn value<'w>(option: &str, words: &mut &[&'w str]) -> Result<&'w str, String> {
    let (value, rest) = words.split_first().ok_or_else(|| format!("{option} needs a value"))?;
    *words = rest;
    Ok(value)
}

fn unknown(option: &str) -> String {
    format!("no option named `{option}`; see `cargo xtask --help`")
}

fn help() -> Result<bool, String> {
    print!("{HELP}");
    Ok(true)
}
