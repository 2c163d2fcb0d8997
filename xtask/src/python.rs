//! Tests that run in Python: the clients of PyPI, in an environment of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{process, rust};

const INSTALL_MAX: Duration = Duration::from_secs(10 * 60);
const TESTS_MAX: Duration = Duration::from_secs(10 * 60);

/// The unmodified `centrifuge-python` and `cent` against the program.
pub(crate) fn clients(workspace: &Workspace) -> Result<Tally, String> {
    let program = rust::program(workspace)?;
    let python = ensure(workspace)?;
    let mut pytest = Command::new(&python);
    pytest.args(["-m", "pytest", "-p", "no:cacheprovider"]).current_dir(workspace.path("tests/python"));
    pytest.env("TESTED_WAVECAST", &program).env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH");
    let mut tally = Tally::default();
    let ended =
        process::run_reading(&mut pytest, TESTS_MAX, |line| tally.add(counted(line).unwrap_or_default()));
    if tally == Tally::default() && ended.is_ok() {
        return Err("tests/python: no test ran".to_owned());
    }
    Ok(tally.or_failed(ended))
}

/// The Python of an environment that holds exactly what the requirements name, made now if it is not there.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf, String> {
    let pins = workspace.path("tests/python/requirements.txt");
    let wanted = fs::read_to_string(&pins).map_err(|e| format!("{}: {e}", pins.display()))?;
    let environment = workspace.cache().join("python");
    let (python, installed) = (environment.join("bin/python"), environment.join("installed.txt"));
    let current = fs::read_to_string(&installed).is_ok_and(|text| text == wanted);
    if current && works(&python) {
        return Ok(python);
    }
    println!(
        "missing: the Python packages of {}; installing with pip into {}",
        pins.display(),
        environment.display()
    );
    let _ = fs::remove_dir_all(&environment);
    process::run(Command::new("python3").args(["-m", "venv"]).arg(&environment), INSTALL_MAX)?;
    let pip = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "--disable-pip-version-check"]).args(words);
        process::run(command.env_remove("PYTHONPATH"), INSTALL_MAX)
    };
    // The list is complete; pip says so or complains.
    pip(&["install", "--quiet", "--no-deps", "--requirement", &pins.to_string_lossy()])?;
    pip(&["check"])?;
    fs::write(&installed, wanted).map_err(|e| format!("{}: {e}", installed.display()))?;
    Ok(python)
}

/// An environment breaks when the Python that made it goes.
fn works(python: &Path) -> bool {
    process::first_line(Command::new(python).args(["-m", "pytest", "--version"])).is_some()
}

/// `=== 2 failed, 248 passed, 1 error in 7.90s ===`, with which pytest ends, or the same without the lines.
fn counted(line: &str) -> Option<Tally> {
    let (counts, time) = line.trim_matches(['=', ' ']).split_once(" in ")?;
    time.split_whitespace().next()?.strip_suffix('s')?.parse::<f64>().ok()?;
    let mut tally = Tally::default();
    for part in counts.split(", ") {
        let (count, word) = part.split_once(' ')?;
        let count: u32 = count.parse().ok()?;
        match word {
            "passed" | "xpassed" => tally.passed += count,
            "failed" | "error" | "errors" => tally.failed += count,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_pytest_are_counted() {
        let of = |passed, failed| Some(Tally { passed, failed });
        assert_eq!(counted("===== 252 passed in 10.01s ====="), of(252, 0));
        assert_eq!(counted("2 failed, 248 passed, 3 skipped, 1 error in 7.90s"), of(248, 3));
        assert_eq!(counted("==== 4 passed, 2 errors in 63.20s (0:01:03) ===="), of(4, 2));
        assert_eq!(counted("FAILED test_api.py::test_batch - assert 1 in 2s"), None);
        assert_eq!(counted("collected 252 items"), None);
    }
}
