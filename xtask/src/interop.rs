//! The toolkit and what others wrote: libraries in Java, JavaScript, Python and Rust, a browser, reverse proxies.
//!
//! `tests/tests/interop` is the test; here is what it needs around it.

use std::time::Duration;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{install, java, node, process, python, rust};

const TESTS_MAX: Duration = Duration::from_secs(15 * 60);

/// Every library in both directions, the browser, and both reverse proxies.
pub(crate) fn test(workspace: &Workspace) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    let classes = java::classes(workspace)?;
    node::npm_ci(&workspace.path("tests/node"))?;
    let python = python::ensure(workspace)?;
    let chromium = install::chromium().ok_or("no Chromium here")?;
    let mut cargo = rust::tests(workspace, ",wavecast-tests/interop");
    cargo.args(["--test", "interop"]);
    cargo.env("TESTED_WAVECAST", program).env("INTEROP_JAVA", classes).env("INTEROP_PYTHON", python);
    cargo.env("CHROMIUM", chromium).env("INTEROP_NGINX", install::NGINX);
    cargo.env("INTEROP_NGINX_STREAM", install::NGINX_STREAM).env("INTEROP_HAPROXY", install::HAPROXY);
    let mut tally = Tally::default();
    let ended = process::run_reading(&mut cargo, TESTS_MAX, |line| {
        tally.add(rust::counted(line).unwrap_or_default());
    });
    Ok(tally.or_failed(ended))
}
