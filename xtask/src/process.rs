//! Running other programs: with a time limit, so that a test that hangs is a test that fails, or beside us until dropped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A program that is asked something answers at once, but on a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Runs to the end; what it prints goes where ours goes.
pub(crate) fn run(command: &mut Command, limit: Duration) -> Result<(), String> {
    let mut child = command.stdin(Stdio::null()).spawn().map_err(|e| format!("{}: {e}", spell(command)))?;
    let status = wait(&mut child, Instant::now() + limit);
    verdict(command, status, limit)
}

/// As [`run`], and shows each line of its standard output to `read` after printing it.
pub(crate) fn run_reading(
    command: &mut Command,
    limit: Duration,
    mut read: impl FnMut(&str),
) -> Result<(), String> {
    run_collecting(command, limit, |line| {
        println!("{line}");
        read(line);
    })
}

/// As [`run`], but its standard output goes to `read` alone, line by line.
pub(crate) fn run_collecting(
    command: &mut Command,
    limit: Duration,
    mut read: impl FnMut(&str),
) -> Result<(), String> {
    let end = Instant::now() + limit;
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|e| format!("{}: {e}", spell(command)))?;
    let output = child.stdout.take().ok_or("no output to read")?;
    let (send, lines) = mpsc::sync_channel(256);
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
    // Both the end of the output and of the time end the loop; waiting tells them apart.
    while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
        read(&line);
    }
    let status = wait(&mut child, end);
    verdict(command, status, limit)
}

/// All that a program prints, if it ends well and within a minute.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let mut text = String::new();
    run_collecting(command, ANSWER_MAX, |line| {
        text.push_str(line);
        text.push('\n');
    })?;
    Ok(text)
}

/// The first line of it, and nothing of what it complains about: how one asks for a version.
pub(crate) fn first_line(command: &mut Command) -> Option<String> {
    let text = output(command.stderr(Stdio::null())).ok()?;
    Some(text.lines().next().unwrap_or_default().trim().to_owned())
}

/// A program that runs beside us; stopped, with all that it started, when dropped.
pub(crate) struct Service {
    child: Child,
}

impl Service {
    /// Starts it; what it prints goes to the file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self, String> {
        let fault = |e| format!("{}: {e}", spell(command));
        let file = File::create(log).map_err(fault)?;
        let second = file.try_clone().map_err(fault)?;
        let spawned = command.stdin(Stdio::null()).stdout(file).stderr(second).spawn();
        Ok(Self { child: spawned.map_err(|e| format!("{}: {e}", spell(command)))? })
    }

    /// How it has ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.ended().is_none() {
            kill_tree(self.child.id());
        }
        let _ = self.child.wait();
    }
}

fn wait(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= end {
            kill_tree(child.id());
            let _ = child.wait();
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn verdict(command: &Command, status: Option<ExitStatus>, limit: Duration) -> Result<(), String> {
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{}: {status}", spell(command))),
        None => Err(format!("{}: not done after {} s, stopped", spell(command), limit.as_secs())),
    }
}

/// Kills a process and what it started. A process group would do, but then an interrupt at the terminal would not reach it.
fn kill_tree(id: u32) {
    // Each thread has children of its own.
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children: String =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect();
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
    for child in children.split_ascii_whitespace().filter_map(|word| word.parse().ok()) {
        kill_tree(child);
    }
}

/// A command as one would type it.
pub(crate) fn spell(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_long_is_stopped_with_all_that_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $!; wait"]);
        let mut started = String::new();
        let begun = Instant::now();
        let ended = run_collecting(&mut command, Duration::from_millis(300), |line| started.push_str(line))
            .unwrap_err();
        assert!(ended.contains("not done after"), "{ended}");
        assert!(begun.elapsed() < Duration::from_secs(20));
        let stat = || fs::read_to_string(format!("/proc/{started}/stat")).unwrap_or_default();
        while !(stat().is_empty() || stat().contains(") Z ")) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{started} is still there");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_service_that_ends_says_how() {
        let folder = std::env::temp_dir().join(format!("wavecast-service-{}", std::process::id()));
        let mut service = Service::start(Command::new("sh").args(["-c", "exit 3"]), &folder).unwrap();
        let begun = Instant::now();
        let ended = loop {
            match service.ended() {
                Some(ended) => break ended,
                None => assert!(begun.elapsed() < Duration::from_secs(20), "it does not end"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(ended, "exit status: 3");
        let mut lasting = Service::start(Command::new("sleep").arg("1000"), &folder).unwrap();
        assert_eq!(lasting.ended(), None);
        fs::remove_file(&folder).unwrap();
    }

    #[test]
    fn a_version_is_the_first_line_of_what_ends_well() {
        let answer = |script: &str| first_line(Command::new("sh").args(["-c", script]));
        assert_eq!(answer("echo ' 1.2 '; echo more").as_deref(), Some("1.2"));
        assert_eq!(answer("true").as_deref(), Some(""));
        assert_eq!(answer("echo 1.2; false"), None);
        assert_eq!(first_line(&mut Command::new("/nonexistent")), None);
    }
}
