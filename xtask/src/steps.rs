//! What `cargo xtask test` runs, in which order, and what it says at the end.

use std::time::{Duration, Instant};

use crate::autobahn::{self, Peer, Role, Security};
use crate::install::{self, Tool};
use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{acme, interop, node, python, rust};

/// One heading of the run.
struct Step {
    name: &'static str,
    what: &'static str,
    needs: &'static [Tool],
    run: fn(&Workspace) -> Result<Tally, String>,
}

/// Cheap ones first: what fails in a second is seen in a second.
const STEPS: [Step; 18] = [
    Step { name: "fmt", what: "formatting", needs: &[Tool::Rustfmt], run: rust::fmt },
    Step { name: "clippy", what: "lints, warnings are errors", needs: &[Tool::Clippy], run: rust::clippy },
    Step {
        name: "plain-page",
        what: "the plain page in headless Chromium, of a program that was built without Node too",
        needs: &[Tool::Node, Tool::Curl, Tool::Chromium],
        run: node::plain_page,
    },
    Step {
        name: "rust",
        what: "cargo test: every crate, documentation examples, whole system",
        needs: &[],
        run: rust::test,
    },
    Step {
        name: "fuzz-targets",
        what: "the fuzz targets compile, without warnings",
        needs: &[Tool::Rustfmt, Tool::Clippy],
        run: rust::fuzz_targets,
    },
    Step { name: "docs", what: "the documentation builds without warnings", needs: &[], run: rust::docs },
    Step { name: "deny", what: "licences and sources of what we depend on", needs: &[], run: rust::deny },
    Step { name: "web", what: "the page's own checks", needs: &[Tool::Node], run: node::web },
    Step {
        name: "node",
        what: "the npm centrifuge client",
        needs: &[Tool::Node, Tool::Curl],
        run: node::client,
    },
    Step {
        name: "chromium-client",
        what: "the same tests with that client in headless Chromium",
        needs: &[Tool::Node, Tool::Curl, Tool::Chromium],
        run: node::client_in_chromium,
    },
    Step {
        name: "deploy",
        what: "the pages for nginx, HAProxy and Caddy in deploy/, run by them; what the Dockerfile runs",
        needs: &[Tool::Node, Tool::Curl, Tool::Nginx, Tool::Haproxy, Tool::Caddy, Tool::Openssl],
        run: node::deploy,
    },
    Step {
        name: "acme",
        what: "certificates that the server fetches, from pebble",
        needs: &[Tool::Node, Tool::Openssl, Tool::Go],
        run: acme::test,
    },
    Step { name: "python", what: "centrifuge-python and cent", needs: &[Tool::Venv], run: python::clients },
    Step {
        name: "browser",
        what: "the pages in headless Chromium",
        needs: &[Tool::Node, Tool::Curl, Tool::Chromium],
        run: node::browser,
    },
    Step {
        name: "interop",
        what: "the toolkit and other people's libraries, browsers and reverse proxies",
        needs: &[Tool::Node, Tool::Venv, Tool::Java, Tool::Maven, Tool::Chromium, Tool::Nginx, Tool::Haproxy],
        run: interop::test,
    },
    Step {
        name: "autobahn-server",
        what: "Autobahn suite against our server",
        needs: &[],
        run: |workspace| {
            autobahn::run(workspace, Role::Server, Security::Plain, &Peer::Example, &autobahn::QUICK)
        },
    },
    Step {
        name: "autobahn-client",
        what: "Autobahn suite against our client",
        needs: &[],
        run: |workspace| {
            autobahn::run(workspace, Role::Client, Security::Plain, &Peer::Example, &autobahn::QUICK)
        },
    },
    Step {
        name: "autobahn-tls",
        what: "Autobahn suite in TLS against our server and our client",
        needs: &[],
        run: autobahn::run_in_tls,
    },
];

pub(crate) fn print_list() {
    for step in &STEPS {
        println!("{:<16} {}", step.name, step.what);
    }
}

/// Runs the steps named in `only`, or all; `true` if nothing failed.
pub(crate) fn run(workspace: &Workspace, only: &[&str]) -> Result<bool, String> {
    if let Some(unknown) = only.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        return Err(format!("no step named `{unknown}`; see `cargo xtask test --list`"));
    }
    let chosen: Vec<&Step> =
        STEPS.iter().filter(|step| only.is_empty() || only.contains(&step.name)).collect();
    let mut done = Vec::new();
    for (index, step) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}: {}", index + 1, chosen.len(), step.name, step.what);
        let start = Instant::now();
        let tally = install::ensure(step.needs).and_then(|()| (step.run)(workspace));
        let tally = tally.unwrap_or_else(|fault| {
            eprintln!("{fault}");
            Tally { passed: 0, failed: 1 }
        });
        done.push((step.name, tally, start.elapsed()));
    }
    Ok(summary(&done))
}

fn summary(done: &[(&str, Tally, Duration)]) -> bool {
    let mut sum = Tally::default();
    let mut time = Duration::ZERO;
    println!("\n== Summary");
    for (name, tally, took) in done {
        let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
        println!(
            "{verdict:<7} {name:<16} {:>7.1} s  {:>5} passed {:>4} failed",
            took.as_secs_f64(),
            tally.passed,
            tally.failed
        );
        sum.add(*tally);
        time += *took;
    }
    println!("{:<7} {:<16} {:>7.1} s", "", "in all", time.as_secs_f64());
    println!("{} passed, {} failed", sum.passed, sum.failed);
    sum.failed == 0
}
