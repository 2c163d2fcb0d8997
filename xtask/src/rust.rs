//! What cargo itself checks.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::process;
use crate::tally::Tally;
use crate::workspace::Workspace;

/// Whatever is built for tests is built with the features that all of them together give to what they depend on: so it is built
/// once, and not for each selection of packages anew.
const WORKSPACE: &str = "--workspace";
const FEATURES: &str = "wavecast/axum,wavecast/futures,wavecast/server";
/// A cold build of everything on two cores, with room.
const BUILD_MAX: Duration = Duration::from_secs(25 * 60);

pub(crate) fn fmt(workspace: &Workspace) -> Result<Tally, String> {
    process::run(&mut workspace.cargo(&["fmt", "--all", "--check"]), BUILD_MAX)?;
    Ok(Tally::ONE)
}

pub(crate) fn clippy(workspace: &Workspace) -> Result<Tally, String> {
    let words =
        ["clippy", "--workspace", "--all-targets", "--all-features", "--locked", "--", "-D", "warnings"];
    process::run(&mut workspace.cargo(&words), BUILD_MAX)?;
    Ok(Tally::ONE)
}

pub(crate) fn test(workspace: &Workspace) -> Result<Tally, String> {
    let program = program(workspace)?;
    let mut command = tests(workspace, "");
    // Tests that take too long for every day are marked as ignored; here nothing is.
    command.args(["--no-fail-fast", "--", "--include-ignored"]);
    command.env("TESTED_WAVECAST", program);
    let mut tally = Tally::default();
    let ended =
        process::run_reading(&mut command, BUILD_MAX, |line| tally.add(counted(line).unwrap_or_default()));
    Ok(tally.or_failed(ended))
}

/// `cargo test`, for words to follow; `more` are further features, each behind a comma.
pub(crate) fn tests(workspace: &Workspace, more: &str) -> Command {
    let mut command = workspace.cargo(&["test", WORKSPACE, "--locked", "--features"]);
    command.arg(format!("{FEATURES}{more}"));
    command
}

/// The fuzz targets are a workspace of their own. Checked here, so that they follow what they test; run by `cargo xtask fuzz`.
pub(crate) fn fuzz_targets(workspace: &Workspace) -> Result<Tally, String> {
    process::run(
        &mut workspace.cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--", "--check"]),
        BUILD_MAX,
    )?;
    let folder = workspace.built("fuzz-check");
    let mut command = workspace.cargo(&["clippy", "--manifest-path", "fuzz/Cargo.toml", "--locked"]);
    command.arg("--target-dir").arg(&folder).args(["--", "-D", "warnings"]);
    // Nothing is linked, so the fuzzer itself need not be there: that saves building it, and a C++ compiler.
    process::run(command.env("CUSTOM_LIBFUZZER_PATH", folder.join("libFuzzer.a")), BUILD_MAX)?;
    Ok(Tally::ONE)
}

pub(crate) fn docs(workspace: &Workspace) -> Result<Tally, String> {
    // Libraries alone: the program and the facade are both called wavecast, and would write to the same folder.
    let mut command =
        workspace.cargo(&["doc", "--workspace", "--lib", "--no-deps", "--all-features", "--locked"]);
    process::run(command.env("RUSTDOCFLAGS", "-D warnings"), BUILD_MAX)?;
    Ok(Tally::ONE)
}

/// cargo-deny is large to build and changes nothing in the code: it is used where it is installed, as in CI.
pub(crate) fn deny(workspace: &Workspace) -> Result<Tally, String> {
    if process::first_line(&mut workspace.cargo(&["deny", "--version"])).is_none() {
        println!("skipped: cargo-deny is not installed (`cargo install --locked cargo-deny`)");
        return Ok(Tally::default());
    }
    process::run(&mut workspace.cargo(&["deny", "check", "bans", "licenses", "sources"]), BUILD_MAX)?;
    Ok(Tally::ONE)
}

/// Builds `wavecast` as the tests use it, and says where it is.
pub(crate) fn program(workspace: &Workspace) -> Result<PathBuf, String> {
    process::run(&mut build_program(workspace), BUILD_MAX)?;
    Ok(workspace.built("debug/wavecast"))
}

/// The same program with the plain page, as it comes out where there is no Node.
pub(crate) fn program_without_node(workspace: &Workspace) -> Result<PathBuf, String> {
    process::run(build_program(workspace).env("WAVECAST_WEB", "off"), BUILD_MAX)?;
    let copy = workspace.built("debug/wavecast-plain-page");
    std::fs::copy(workspace.built("debug/wavecast"), &copy)
        .map_err(|e| format!("{}: {e}", copy.display()))?;
    Ok(copy)
}

/// Cargo builds the program for the tests of its own package.
fn build_program(workspace: &Workspace) -> Command {
    let mut command = tests(workspace, "");
    command.args(["--test", "doctor", "--no-run"]);
    command
}

/// Builds an example of the facade, and says where it is.
pub(crate) fn example(workspace: &Workspace, name: &str) -> Result<PathBuf, String> {
    let mut command = workspace.cargo(&["build", WORKSPACE, "--locked", "--features", FEATURES]);
    process::run(command.args(["--example", name]), BUILD_MAX)?;
    Ok(workspace.built("debug/examples").join(name))
}

/// `test result: ok. 3 passed; 0 failed; …`
pub(crate) fn counted(line: &str) -> Option<Tally> {
    let rest = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let count = |word: &str| rest.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some(Tally { passed: count("passed")?, failed: count("failed")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_cargo_test_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(counted(line), Some(Tally { passed: 12, failed: 3 }));
        assert_eq!(counted("running 15 tests"), None);
    }
}
