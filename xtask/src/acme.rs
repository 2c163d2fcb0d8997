//! pebble, the ACME server of Let's Encrypt for tests: built from the Go module proxy, and never committed.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{node, process};

const PEBBLE: &str = "github.com/letsencrypt/pebble/v2/cmd";
const VERSION: &str = "v2.10.3";
const BUILD_MAX: Duration = Duration::from_secs(10 * 60);
/// The oldest Go that fetches by itself the Go that pebble asks for.
const GO_MIN: (u32, u32) = (1, 21);

/// The server's own certificates, ordered from pebble.
pub(crate) fn test(workspace: &Workspace) -> Result<Tally, String> {
    let version = process::first_line(Command::new("go").args(["env", "GOVERSION"])).unwrap_or_default();
    if go_version(&version).is_none_or(|version| version < GO_MIN) {
        let (major, minor) = GO_MIN;
        println!(
            "skipped: pebble needs Go {major}.{minor} or newer, and {version:?} is here: https://go.dev/dl/"
        );
        return Ok(Tally::default());
    }
    let folder = pebble(workspace)?;
    node::acme(workspace, &folder)
}

/// Builds it, unless that has been done.
fn pebble(workspace: &Workspace) -> Result<PathBuf, String> {
    let folder = workspace.cache().join(format!("pebble-{VERSION}"));
    let programs = ["pebble", "pebble-challtestsrv"];
    if !programs.iter().all(|program| folder.join(program).is_file()) {
        println!("building pebble {VERSION}");
        let mut go = Command::new("go");
        go.arg("install").args(programs.map(|program| format!("{PEBBLE}/{program}@{VERSION}")));
        process::run(go.env("GOBIN", &folder), BUILD_MAX)?;
    }
    Ok(folder)
}

/// `go1.26.8` is (1, 26).
fn go_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.strip_prefix("go")?.split('.');
    let mut part = || parts.next()?.parse().ok();
    Some((part()?, part()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_go_are_read() {
        assert_eq!(go_version("go1.26.8"), Some((1, 26)));
        assert_eq!(go_version("go1.21"), Some((1, 21)));
        assert_eq!(go_version(""), None);
        assert_eq!(go_version("devel"), None);
    }
}
