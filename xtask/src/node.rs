//! Tests that run in Node: the page's own, the npm client, the browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{install, process, rust};

const NPM_MAX: Duration = Duration::from_secs(5 * 60);
const TESTS_MAX: Duration = Duration::from_secs(20 * 60);

/// Type check and unit tests of `web/`, as far as its package names them.
pub(crate) fn web(workspace: &Workspace) -> Result<Tally, String> {
    let folder = workspace.path("web");
    npm_ci(&folder)?;
    let package =
        fs::read_to_string(folder.join("package.json")).map_err(|e| format!("web/package.json: {e}"))?;
    let package: Value = serde_json::from_str(&package).map_err(|e| format!("web/package.json: {e}"))?;
    let mut tally = Tally::default();
    for script in ["check", "test"].into_iter().filter(|script| package["scripts"][script].is_string()) {
        let mut npm = Command::new("npm");
        let mut counts = Tally::default();
        let ended = process::run_reading(npm.args(["run", script]).current_dir(&folder), NPM_MAX, |line| {
            counts.add(counted(line).unwrap_or_default());
        });
        let whole = if counts == Tally::default() && ended.is_ok() { Tally::ONE } else { counts };
        tally.add(whole.or_failed(ended));
    }
    Ok(tally)
}

/// Every transport that the npm client can be forced onto.
const TRANSPORTS: [&str; 3] = ["websocket", "http_stream", "sse"];

/// The unmodified npm client against the program, by each transport.
pub(crate) fn client(workspace: &Workspace) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    let mut tally = Tally::default();
    for transport in TRANSPORTS {
        tally.add(node_test(workspace, "client", |node| {
            // Each file has a server of its own, and most of its time is waiting.
            node.arg("--test-concurrency=4").env("TESTED_WAVECAST", &program);
            node.env("TESTED_TRANSPORT", transport);
        })?);
    }
    Ok(tally)
}

/// The same tests by each transport, with the client in Chromium.
pub(crate) fn client_in_chromium(workspace: &Workspace) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    let chromium = install::chromium().ok_or("no Chromium here")?;
    let mut files = test_files(workspace, "client")?;
    // Where no client of the library is made, this would be the step `node` once more.
    files.retain(|path| fs::read_to_string(path).is_ok_and(|text| text.contains("'../subscriber.js'")));
    let mut tally = Tally::default();
    for transport in TRANSPORTS {
        tally.add(node_test_files(workspace, &files, |node| {
            node.arg("--test-concurrency=4").env("TESTED_WAVECAST", &program);
            node.env("TESTED_RUNTIME", "chromium").env("CHROMIUM", &chromium);
            node.env("TESTED_TRANSPORT", transport);
        })?);
    }
    Ok(tally)
}

/// The pages of `deploy/`, run by real reverse proxies.
pub(crate) fn deploy(workspace: &Workspace) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    node_test(workspace, "deploy", |node| {
        node.env("TESTED_WAVECAST", &program);
        node.env("NGINX", install::NGINX).env("HAPROXY", install::HAPROXY);
    })
}

/// Certificates from an ACME server whose programs are in this folder.
pub(crate) fn acme(workspace: &Workspace, pebble: &Path) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    node_test(workspace, "acme", |node| {
        node.env("TESTED_WAVECAST", &program);
        node.env("PEBBLE", pebble.join("pebble")).env("PEBBLE_DNS", pebble.join("pebble-challtestsrv"));
    })
}

/// The plain page in a browser, of a program that was built without Node too. It comes before all other steps that build: after it
/// nothing is built twice.
pub(crate) fn plain_page(workspace: &Workspace) -> Result<Tally, String> {
    let plain = rust::program_without_node(workspace)?;
    in_browser(workspace, "plain", |node| {
        node.env("TESTED_WAVECAST_PLAIN", &plain);
    })
}

/// The pages in a browser.
pub(crate) fn browser(workspace: &Workspace) -> Result<Tally, String> {
    in_browser(workspace, "browser", |_| {})
}

/// Screenshots are kept.
fn in_browser(workspace: &Workspace, room: &str, prepare: impl Fn(&mut Command)) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    let reports = workspace.report(room)?;
    let chromium = install::chromium().ok_or("no Chromium here")?;
    let tally = node_test(workspace, room, |node| {
        node.env("TESTED_WAVECAST", &program).env("CHROMIUM", &chromium).env("REPORTS", &reports);
        prepare(node);
    })?;
    println!("screenshots: {}", reports.display());
    Ok(tally)
}

fn node_test(workspace: &Workspace, room: &str, prepare: impl Fn(&mut Command)) -> Result<Tally, String> {
    node_test_files(workspace, &test_files(workspace, room)?, prepare)
}

fn test_files(workspace: &Workspace, room: &str) -> Result<Vec<PathBuf>, String> {
    let folder = workspace.path("tests/node").join(room);
    let listed = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<_> = listed.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".test.js"));
    files.sort();
    Ok(files)
}

fn node_test_files(
    workspace: &Workspace,
    files: &[PathBuf],
    prepare: impl Fn(&mut Command),
) -> Result<Tally, String> {
    let folder = workspace.path("tests/node");
    npm_ci(&folder)?;
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=spec"]).current_dir(&folder);
    prepare(&mut node);
    node.args(files);
    let mut tally = Tally::default();
    let ended =
        process::run_reading(&mut node, TESTS_MAX, |line| tally.add(counted(line).unwrap_or_default()));
    if tally == Tally::default() && ended.is_ok() {
        return Err(format!("no test ran: {files:?}"));
    }
    Ok(tally.or_failed(ended))
}

/// Installs exactly what the lock file names, unless that is already there.
pub(crate) fn npm_ci(folder: &Path) -> Result<(), String> {
    let changed = |name: &str| fs::metadata(folder.join(name)).and_then(|meta| meta.modified()).ok();
    let (locked, installed) = (changed("package-lock.json"), changed("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= locked {
        return Ok(());
    }
    println!("installing the npm packages of {}", folder.join("package-lock.json").display());
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    process::run(npm.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"), NPM_MAX)
}

/// `ℹ pass 12` and `ℹ fail 0`, as the spec reporter of `node --test` ends; other reporters write `#` instead.
fn counted(line: &str) -> Option<Tally> {
    let mut words = line.split_whitespace();
    let (sign, word, count) = (words.next()?, words.next()?, words.next()?);
    let count = (sign == "ℹ" || sign == "#").then(|| count.parse().ok())??;
    match word {
        "pass" => Some(Tally { passed: count, failed: 0 }),
        "fail" | "cancelled" => Some(Tally { passed: 0, failed: count }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_node_test_are_counted() {
        assert_eq!(counted("ℹ pass 12"), Some(Tally { passed: 12, failed: 0 }));
        assert_eq!(counted("# fail 2"), Some(Tally { passed: 0, failed: 2 }));
        assert_eq!(counted("✔ connects (12.1ms)"), None);
    }
}
