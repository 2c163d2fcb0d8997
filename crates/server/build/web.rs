//! Builds the page in `web/` with npm and Vite, in a copy below `OUT_DIR`.
//!
//! Two stamps keep this cheap: packages are installed again only when the lock file changed, and the page
//! is built again only when one of its sources did. What a build that was killed has left is thrown away: a stamp goes before
//! what it stands for is touched, and a mark says that somebody is at work, or was.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::embed::fingerprint;

/// What the pages are built from. Tests are not, and `node_modules` of a developer is none of our business.
const SOURCES: [&str; 10] = [
    "index.html",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "tsconfig.json",
    "vite.config.ts",
    "build",
    "demo",
    "src",
    "public",
];

/// Programs whose marked lines the demo pages show; they lie beside `web/`, and beside the copy.
const EXAMPLES: &str = "../examples";
const SHOWN_EXAMPLES: &str = "demo_";

/// A registry that does not answer must not hold up a build of the server for longer than this.
const INSTALL_TIME_MAX: Duration = Duration::from_secs(300);
const BUILD_TIME_MAX: Duration = Duration::from_secs(120);

/// What npm says when it, or what it runs, was ended by a signal.
const CUT_OFF: [&str; 2] = ["process terminated", "signal SIG"];

/// Returns the directory of the built page, or why there is none, as the middle of a sentence.
pub(crate) fn build(source: &Path, out: &Path) -> Result<PathBuf, String> {
    if !source.join("package-lock.json").is_file() {
        return Err(
            "its sources (web/) are not here, as in a packaged crate; they are in the repository".to_owned()
        );
    }
    let files = read_sources(source)?;
    let copy = out.join("web");
    let dist = copy.join("dist");
    let _alone = lock(&out.join("web-lock"))?;
    let built = Stamp { path: out.join("web-built"), value: fingerprint(parts(&files)) };
    if built.holds() && dist.join("index.html").is_file() {
        return Ok(dist);
    }
    check_node()?;
    // Whoever set it and did not take it away was killed in the middle.
    let under_way = out.join("web-under-way");
    if under_way.exists() && copy.exists() {
        fs::remove_dir_all(&copy).map_err(|error| {
            run_again(out);
            format!("{} of a build that was killed cannot be emptied: {error}", copy.display())
        })?;
    }
    built.remove();
    fs::write(&under_way, "")
        .map_err(|error| format!("{} cannot be written: {error}", under_way.display()))?;
    if let Err(Failure { said, is_cut_off }) = build_in(&copy, out, &files) {
        if is_cut_off {
            run_again(out);
        } else {
            let _ = fs::remove_file(&under_way);
        }
        return Err(said);
    }
    let _ = fs::remove_file(&under_way);
    built.set();
    Ok(dist)
}

/// What was cut off says nothing about the next time: has Cargo run this script then, although nothing has changed. It does so
/// for a path that does not exist.
fn run_again(out: &Path) {
    println!("cargo::rerun-if-changed={}", out.join("web-cut-off").display());
}

/// Why there is no page, as the middle of a sentence.
struct Failure {
    said: String,
    /// Somebody ended a program in the middle.
    is_cut_off: bool,
}

impl From<String> for Failure {
    fn from(said: String) -> Self {
        Self { said, is_cut_off: false }
    }
}

/// A build script whose Cargo was killed may still run: two must not work in one directory. Released when dropped, or with
/// the process.
fn lock(path: &Path) -> Result<File, String> {
    let failed = |error: io::Error| format!("{} cannot be locked: {error}", path.display());
    let file = File::create(path).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

fn build_in(copy: &Path, out: &Path, files: &[(String, Vec<u8>)]) -> Result<(), Failure> {
    write_copy(copy, files).map_err(|error| format!("copying web/ to {} failed: {error}", copy.display()))?;
    let packages: Vec<_> = files.iter().filter(|(name, _)| name.starts_with("package")).cloned().collect();
    let installed = Stamp { path: out.join("web-installed"), value: fingerprint(parts(&packages)) };
    if !installed.holds() || !copy.join("node_modules").is_dir() {
        installed.remove();
        let mut install = npm(copy, "ci");
        // Scripts of packages are not run: nothing here needs them, and a build should not run strangers' code
        // unasked. NODE_ENV=production must not leave out Vite, and a missing network should be noticed soon.
        install.args([
            "--ignore-scripts",
            "--include=dev",
            "--fetch-retries=1",
            "--fetch-retry-mintimeout=1000",
        ]);
        run_within(install, INSTALL_TIME_MAX, &out.join("web-install.log"), "npm ci")?;
        installed.set();
    }
    let mut bundle = npm(copy, "run");
    bundle.arg("build");
    run_within(bundle, BUILD_TIME_MAX, &out.join("web-build.log"), "npm run build")
}

/// Every source file with its path inside `web/`, in a fixed order; tells Cargo to watch them.
fn read_sources(source: &Path) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files = Vec::new();
    for name in SOURCES {
        let path = source.join(name);
        // A path that does not exist would make Cargo run this script every time.
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
            read_below(&path, name, &mut files)
                .map_err(|error| format!("{} is unreadable: {error}", path.display()))?;
        }
    }
    let examples = source.join(EXAMPLES);
    let unreadable = |error| format!("{} is unreadable: {error}", examples.display());
    let mut names = fs::read_dir(&examples)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(unreadable)?;
    names.retain(|name| name.starts_with(SHOWN_EXAMPLES));
    names.sort();
    for name in names {
        let path = examples.join(&name);
        println!("cargo::rerun-if-changed={}", path.display());
        read_below(&path, &format!("{EXAMPLES}/{name}"), &mut files).map_err(unreadable)?;
    }
    Ok(files)
}

fn read_below(path: &Path, name: &str, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    if path.is_file() {
        files.push((name.to_owned(), fs::read(path)?));
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let inside = format!("{name}/{}", entry.file_name().to_string_lossy());
        read_below(&entry.path(), &inside, files)?;
    }
    Ok(())
}

/// Names belong to what is stamped: a renamed file is a change.
fn parts(files: &[(String, Vec<u8>)]) -> impl Iterator<Item = &[u8]> {
    files.iter().flat_map(|(name, bytes)| [name.as_bytes(), bytes])
}

/// Vite 8 runs on Node.js 20.19 and later, 22.12 and later, and everything after.
fn check_node() -> Result<(), String> {
    let wanted = "Node.js 20.19, 22.12 or newer with npm is needed";
    let output = Command::new("node")
        .arg("--version")
        .output()
        .map_err(|_| format!("{wanted}, and none was found"))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    match (major, minor) {
        (20, 19..) | (22, 12..) | (23.., _) => Ok(()),
        _ => Err(format!("{wanted}, and {version} was found")),
    }
}

/// Writes the sources afresh, so that a file deleted in `web/` is gone here too.
fn write_copy(copy: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    for name in SOURCES.into_iter().chain(["dist", EXAMPLES]) {
        let old = copy.join(name);
        if old.is_dir() {
            fs::remove_dir_all(&old)?;
        } else if old.exists() {
            fs::remove_file(&old)?;
        }
    }
    for (name, bytes) in files {
        let path = copy.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

fn npm(directory: &Path, verb: &str) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.arg(verb).current_dir(directory);
    command
}

/// Runs a command with its output in a log file; a failure names the log and quotes what it says last.
fn run_within(mut command: Command, limit: Duration, log: &Path, name: &str) -> Result<(), Failure> {
    let failed = |error: io::Error| format!("{name} did not run: {error}");
    let output = File::create(log).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    let mut child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn().map_err(failed)?;
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(failed)? {
            break status;
        }
        if Instant::now() > deadline {
            // Whether it still could be stopped changes nothing about the answer.
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{name} took longer than {} s", limit.as_secs()).into());
        }
        thread::sleep(Duration::from_millis(50));
    };
    if status.success() {
        return Ok(());
    }
    let line = telling_line(log).unwrap_or_default();
    let mut said = format!("{name} failed ({status}");
    if !line.is_empty() {
        let _ = write!(said, ", {line}");
    }
    let _ = write!(said, "; see {})", log.display());
    // Without a code it was ended by a signal; a shell in between makes one beyond 128 of that, npm says so and ends with 1.
    let is_of_signal = status.code().is_none_or(|code| code > 128);
    let is_cut_off = is_of_signal || CUT_OFF.iter().any(|words| line.contains(words));
    Err(Failure { said, is_cut_off })
}

/// The first line of the log that speaks of an error: npm's last lines only say where more is written.
fn telling_line(log: &Path) -> Option<String> {
    let text = fs::read(log).ok()?;
    let text = String::from_utf8_lossy(&text);
    text.lines().map(str::trim).find(|line| line.to_ascii_lowercase().contains("error")).map(str::to_owned)
}

/// A file that remembers from which input something was made.
struct Stamp {
    path: PathBuf,
    value: String,
}

impl Stamp {
    fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|value| value == self.value)
    }

    /// A stamp that cannot be written costs a repetition, nothing else.
    fn set(&self) {
        let _ = fs::write(&self.path, &self.value);
    }

    fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }
}
