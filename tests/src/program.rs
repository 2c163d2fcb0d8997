//! The `wavecast` program as a child process: its own configuration, a free port, its log at hand.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The program says where it listens within this time.
const START_MAX: Duration = Duration::from_secs(20);
/// Lines of log that are kept; a test that provokes more loses the oldest.
const LOG_LINES_MAX: usize = 100_000;

/// A running server, killed when dropped.
pub struct Program {
    child: Child,
    address: SocketAddr,
    config: PathBuf,
    log: Arc<Log>,
}

/// What the program wrote to both its outputs.
#[derive(Default)]
struct Log {
    lines: Mutex<VecDeque<String>>,
    /// Outputs that may still say something.
    open: AtomicU32,
    /// Nobody reads on: what the program writes stays in its pipe.
    paused: AtomicBool,
    grew: Condvar,
}

impl Program {
    /// Starts `wavecast serve` on a free loopback port with this configuration.
    ///
    /// # Panics
    /// If it cannot be built or started, or names no address in time; the message holds its log.
    #[must_use]
    pub fn start(config: &Value) -> Self {
        let path = Self::configuration(config);
        let mut serve = Command::new(executable());
        serve.args(["serve", "--address", "127.0.0.1", "--port", "0", "--config"]).arg(&path);
        serve.stdin(Stdio::null());
        Self::run(serve, path)
    }

    /// Starts it at an address that is known.
    ///
    /// # Panics
    /// As [`Program::start`].
    #[must_use]
    pub fn start_at(address: SocketAddr, config: &Value) -> Self {
        let path = Self::configuration(config);
        let mut serve = Command::new(executable());
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        serve.args(["serve", "--address", &ip, "--port", &port, "--config"]).arg(&path).stdin(Stdio::null());
        Self::run(serve, path)
    }

    /// Starts it as systemd does: it hears of its state at this socket (`NOTIFY_SOCKET`), and has `listener` as its third
    /// descriptor (`LISTEN_FDS`), beside variables of the caller's.
    ///
    /// # Panics
    /// As [`Program::start`].
    #[must_use]
    pub fn start_as_a_service(
        config: &Value,
        listener: OwnedFd,
        notify: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let path = Self::configuration(config);
        let mut serve = Command::new("sh");
        // The shell moves the listener to where systemd puts it, and becomes the program, whose pid is its own then.
        let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ exec \"$0\" serve --config \"$1\"";
        serve.args(["-c", script]).arg(executable()).arg(&path).stdin(Stdio::from(listener));
        serve.env("LISTEN_FDS", "1").env("NOTIFY_SOCKET", notify).envs(variables.iter().copied());
        Self::run(serve, path)
    }

    fn configuration(config: &Value) -> PathBuf {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let unique =
            format!("wavecast-{}-{}.json", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(unique);
        fs::write(&path, config.to_string()).expect("a configuration file can be written");
        path
    }

    fn run(mut serve: Command, path: PathBuf) -> Self {
        let ours = |name: &str| name.starts_with("WAVECAST_") || name.starts_with("CENTRIFUGO_");
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)) {
            serve.env_remove(name); // the test's configuration is the whole of it
        }
        serve.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = serve.spawn().expect("wavecast can be started");
        let log = Arc::new(Log::default());
        log.follow(child.stdout.take().expect("stdout is piped"));
        log.follow(child.stderr.take().expect("stderr is piped"));
        let found = log.wait_for(START_MAX, |line| listening_address(line).is_some());
        let address = found.as_deref().and_then(listening_address);
        let Some(address) = address else {
            let _ = child.kill();
            panic!("wavecast named no address; its log:\n{}", log.text());
        };
        Self { child, address, config: path, log }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes another configuration where it has its own from.
    ///
    /// # Panics
    /// If that cannot be written.
    pub fn configure(&self, config: &str) {
        fs::write(&self.config, config).expect("a configuration file can be written");
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If it has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end within this time; the message holds the end of its log.
    pub fn expect_end(&mut self, within: Duration) -> ExitStatus {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < end, "it does not end; the log:\n{}", self.log.text());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops to read what the program writes, or goes on. With its pipe full whoever writes to the log waits.
    pub fn pause_log(&self, is_paused: bool) {
        self.log.paused.store(is_paused, Ordering::Relaxed);
    }

    /// How many log lines hold this word: `1009` is in `code=1009`, not in `41009`.
    #[must_use]
    pub fn count_log(&self, word: &str) -> usize {
        self.log.lines().iter().filter(|line| holds(line, word)).count()
    }

    /// Waits until more than `before` log lines hold this word.
    ///
    /// # Panics
    /// If they do not within `within`; the message holds the end of the log.
    pub fn expect_log(&self, word: &str, before: usize, within: Duration) {
        let end = Instant::now() + within;
        while self.count_log(word) <= before {
            assert!(Instant::now() < end, "no log line with `{word}`; the log:\n{}", self.log.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Memory of the process that is its own and in use, in bytes, as the kernel counts it.
    ///
    /// # Panics
    /// Where there is no `/proc`.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux has /proc");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.expect("VmRSS in kB") * 1024
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.pause_log(false);
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.config);
    }
}

impl Log {
    fn follow(self: &Arc<Self>, output: impl Read + Send + 'static) {
        let log = Arc::clone(self);
        log.open.fetch_add(1, Ordering::Relaxed);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let mut lines = log.lines();
                if lines.len() == LOG_LINES_MAX {
                    lines.pop_front();
                }
                lines.push_back(line);
                log.grew.notify_all();
                drop(lines);
                while log.paused.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                }
            }
            let _lines = log.lines();
            log.open.fetch_sub(1, Ordering::Relaxed);
            log.grew.notify_all();
        });
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wait_for(&self, within: Duration, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let end = Instant::now() + within;
        let mut lines = self.lines();
        loop {
            if let Some(line) = lines.iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            // A program that has ended says nothing more.
            let left = end
                .checked_duration_since(Instant::now())
                .filter(|_| self.open.load(Ordering::Relaxed) > 0)?;
            let waited = self.grew.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    fn text(&self) -> String {
        let lines = self.lines();
        lines.iter().skip(lines.len().saturating_sub(40)).map(|line| format!("  {line}\n")).collect()
    }
}

fn holds(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == word)
}

/// The address in the first `http://` of a line.
fn listening_address(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c))).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Runs `wavecast bench` with these arguments, and returns its report.
///
/// # Panics
/// If it finds a fault, or cannot be run; the message holds what it printed.
#[must_use]
pub fn measured(arguments: &[&str]) -> Value {
    let bench = Command::new(executable()).arg("bench").args(arguments).arg("--json").output();
    let bench = bench.expect("wavecast can be started");
    let (out, err) = (String::from_utf8_lossy(&bench.stdout), String::from_utf8_lossy(&bench.stderr));
    assert!(bench.status.success(), "bench {arguments:?} found a fault:\n{out}\n{err}");
    serde_json::from_str(&out).unwrap_or_else(|e| panic!("bench {arguments:?}: {e}\n{out}\n{err}"))
}

/// `$TESTED_WAVECAST`, else the program built now into the folder this test was built into.
fn executable() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        if let Some(given) = env::var_os("TESTED_WAVECAST") {
            return PathBuf::from(given);
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "wavecast-cli", "--bin", "wavecast"]);
        let this = env::current_exe().expect("a test knows its own path"); // <target>/<profile>/deps/<test>
        let profile = this.ancestors().nth(2).expect("a test lies in <target>/<profile>/deps");
        build.env("CARGO_TARGET_DIR", profile.parent().expect("a profile lies in a target folder"));
        if profile.ends_with("release") {
            build.arg("--release");
        }
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().expect("cargo can be started");
        assert!(status.success(), "wavecast does not build");
        profile.join("wavecast")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line_of_log() {
        let line = "INFO listening on http://127.0.0.1:40123/ (development)";
        assert_eq!(listening_address(line), Some(SocketAddr::from(([127, 0, 0, 1], 40123))));
        assert_eq!(listening_address("see http://example.org/"), None);
    }
}
