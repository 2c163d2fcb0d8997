//! Programs in Java: what Maven makes of `tests/java`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::process;
use crate::workspace::Workspace;

/// A cold repository brings some dozens of plug-ins.
const BUILD_MAX: Duration = Duration::from_secs(10 * 60);

/// The class path of the programs, compiled now if they are not, or are older than their sources.
pub(crate) fn classes(workspace: &Workspace) -> Result<OsString, String> {
    let (sources, out) = (workspace.path("tests/java"), workspace.built("java"));
    let (classes, libraries) = (out.join("classes"), out.join("libraries"));
    let built = out.join("built.txt");
    let is_current =
        fs::metadata(&built).and_then(|meta| meta.modified()).is_ok_and(|at| at > newest(&sources));
    if !is_current {
        println!("compiling {} with Maven", sources.display());
        let mut maven = Command::new("mvn");
        maven
            .args(["--batch-mode", "--quiet", "--no-transfer-progress", "--file"])
            .arg(sources.join("pom.xml"));
        maven.arg(format!("-Dfolder={}", out.display())).arg("package");
        process::run(&mut maven, BUILD_MAX)?;
        fs::write(&built, "").map_err(|e| format!("{}: {e}", built.display()))?;
    }
    let path = [classes, libraries.join("*")];
    std::env::join_paths(path).map_err(|e| e.to_string())
}

/// When the youngest file below changed.
fn newest(folder: &Path) -> SystemTime {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let time = |path: PathBuf| match path.is_dir() {
        true => newest(&path),
        false => fs::metadata(&path).and_then(|meta| meta.modified()).unwrap_or(SystemTime::UNIX_EPOCH),
    };
    entries.map(time).max().unwrap_or(SystemTime::UNIX_EPOCH)
}
