//! `cargo xtask fuzz`: the targets of `fuzz/`, each for a while.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::workspace::Workspace;

/// Building cargo-fuzz, or the targets with their sanitizer.
const BUILD_MAX: Duration = Duration::from_secs(20 * 60);

/// Runs one target, or all of them, for `time` each; `true` if none found anything.
pub(crate) fn run(workspace: &Workspace, target: Option<&str>, time: Duration) -> Result<bool, String> {
    if process::first_line(&mut workspace.cargo(&["fuzz", "--version"])).is_none() {
        println!("missing: cargo-fuzz; installing with cargo");
        process::run(&mut workspace.cargo(&["install", "--locked", "cargo-fuzz"]), BUILD_MAX)?;
    }
    let listed = process::output(&mut workspace.cargo(&["fuzz", "list"]))?;
    let all: Vec<&str> = listed.lines().collect();
    let chosen: Vec<&str> =
        all.iter().copied().filter(|name| target.is_none_or(|wanted| wanted == *name)).collect();
    if chosen.is_empty() {
        return Err(format!("no such target; there are: {}", all.join(", ")));
    }
    let mut found = Vec::new();
    for name in &chosen {
        println!("\n== fuzz {name}: {} s", time.as_secs());
        process::run(&mut fuzz(workspace, &["build", name]), BUILD_MAX)?;
        let total = format!("-max_total_time={}", time.as_secs());
        let folders = folders(workspace, name)?;
        let mut run = fuzz(workspace, &["run", name]);
        // An input that takes 10 s, or 1 GiB, is a finding too.
        run.args(folders).args(["--", &total, "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
        if let Err(fault) = process::run(&mut run, time + BUILD_MAX) {
            eprintln!("{fault}");
            found.push(*name);
        }
    }
    println!("\n== Summary");
    println!("{} of {} ran clean", chosen.len() - found.len(), chosen.len());
    if !found.is_empty() {
        println!("findings: {} (inputs under fuzz/artifacts/)", found.join(", "));
    }
    Ok(found.is_empty())
}

/// What earlier runs found worth keeping, which is not committed, and the seeds, which are.
fn folders(workspace: &Workspace, target: &str) -> Result<Vec<PathBuf>, String> {
    let corpus = workspace.path("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).map_err(|e| format!("{}: {e}", corpus.display()))?;
    let seeds = workspace.path("fuzz/seeds").join(target);
    Ok([corpus, seeds].into_iter().filter(|folder| folder.exists()).collect())
}

/// The sanitizer needs options that stable refuses: nightly where it is installed, else stable told to take them.
fn fuzz(workspace: &Workspace, words: &[&str]) -> Command {
    let nightly =
        process::first_line(Command::new("rustup").args(["run", "nightly", "cargo", "--version"])).is_some();
    let mut command = if nightly {
        let mut rustup = Command::new("rustup");
        rustup.args(["run", "nightly", "cargo"]).current_dir(workspace.path("."));
        rustup
    } else {
        let mut stable = workspace.cargo(&[]);
        stable.env("RUSTC_BOOTSTRAP", "1");
        stable
    };
    command.arg("fuzz").args(words);
    command
}
