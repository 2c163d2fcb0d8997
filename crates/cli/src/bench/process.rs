//! Processes of a benchmark: started from this same program, tied to it, and gone when it goes.
//!
//! Server, raw sender and load never share a process: a process has a limited number of descriptors, and their processor
//! accounts must not mix. Whatever way the orchestrator ends, nothing is left behind: dropping a process kills it, and the
//! kernel kills it when the orchestrator itself is killed.

use std::collections::VecDeque;
use std::env;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::control::{self, News, Order};
use super::error::BenchError;

/// News that wait for the orchestrator; a worker that is further ahead waits at its pipe.
const NEWS_PENDING_MAX: usize = 1024;
/// What is kept of a server's output, to be shown when it dies.
const OUTPUT_LINES_KEPT: usize = 12;
const OUTPUT_LINE_BYTES_MAX: u64 = 4096;
const END_WAIT: Duration = Duration::from_secs(3);

/// Asks the kernel to kill this process when its parent ends. For workers, at their start.
pub(super) fn die_with_parent() {
    // Where the kernel has no such service, a worker still ends with its standard input.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
}

/// Becomes another program, tied to the parent: the death signal outlives `exec`, and a server need not know that it is
/// being measured. Returns only when it failed.
pub(super) fn become_tethered(command: &[String]) -> io::Error {
    use std::os::unix::process::CommandExt;
    die_with_parent();
    match command.split_first() {
        Some((program, arguments)) => Command::new(program).args(arguments).exec(),
        None => io::Error::new(io::ErrorKind::InvalidInput, "no command"),
    }
}

/// Where this program lies: what workers and servers are started from.
pub(super) fn own_path() -> Result<PathBuf, BenchError> {
    env::current_exe().map_err(BenchError::io("finding this program"))
}

fn this_program(arguments: &[&str]) -> Result<Command, BenchError> {
    let mut command = Command::new(own_path()?);
    command.args(arguments);
    Ok(command)
}

/// Which worker of a crew.
pub(super) type WorkerId = usize;

/// The workers of one run and the one place where their news come together.
#[derive(Debug)]
pub(super) struct Crew {
    workers: Vec<Worker>,
    sender: SyncSender<(WorkerId, Option<News>)>,
    news: Receiver<(WorkerId, Option<News>)>,
}

#[derive(Debug)]
struct Worker {
    role: &'static str,
    orders: Option<ChildStdin>,
    child: Child,
}

impl Crew {
    pub(super) fn new() -> Self {
        let (sender, news) = sync_channel(NEWS_PENDING_MAX);
        Self { workers: Vec::new(), sender, news }
    }

    /// Starts `wavecast bench <role>`.
    pub(super) fn hire(&mut self, role: &'static str) -> Result<WorkerId, BenchError> {
        let mut command = this_program(&["bench", role])?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(BenchError::io(format!("starting the {role} process")))?;
        let (orders, output) = (child.stdin.take(), child.stdout.take());
        let id = self.workers.len();
        let sender = self.sender.clone();
        self.workers.push(Worker { role, orders, child });
        if let Some(output) = output {
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                // Anything that is no news ends the worker, like the end of its output.
                while let Ok(Some(news)) = control::read_line(&mut output) {
                    if sender.send((id, Some(news))).is_err() {
                        return;
                    }
                }
                let _ = sender.send((id, None));
            });
        }
        Ok(id)
    }

    pub(super) fn pid(&self, id: WorkerId) -> u32 {
        self.workers[id].child.id()
    }

    pub(super) fn order(&mut self, id: WorkerId, order: &Order) -> Result<(), BenchError> {
        let worker = &mut self.workers[id];
        let orders =
            worker.orders.as_mut().ok_or_else(|| BenchError::Worker("the worker has no input".into()))?;
        control::write_line(orders, order)
            .map_err(BenchError::io(format!("giving an order to the {} process", worker.role)))
    }

    /// The next news of any worker; `None` when there is none within `wait`.
    pub(super) fn next(&mut self, wait: Duration) -> Result<Option<(WorkerId, News)>, BenchError> {
        match self.news.recv_timeout(wait) {
            Ok((id, Some(News::Failed { reason }))) => {
                Err(BenchError::Worker(format!("{}: {reason}", self.workers[id].role)))
            }
            Ok((id, Some(news))) => Ok(Some((id, news))),
            Ok((id, None)) => {
                let worker = &mut self.workers[id];
                let status = wait_for_end(&mut worker.child, END_WAIT);
                let ended = status.map_or_else(|| "without a status".into(), |status| status.to_string());
                Err(BenchError::Worker(format!("the {} process ended too early ({ended})", worker.role)))
            }
            // The crew holds a sender itself, so the channel never closes.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }
}

impl Drop for Crew {
    /// The end of its input ends a worker in good order; one that does not listen is killed.
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(|worker| drop(worker.orders.take()));
        for worker in &mut self.workers {
            if wait_for_end(&mut worker.child, END_WAIT).is_none() {
                let _ = worker.child.kill();
                let _ = worker.child.wait();
            }
        }
    }
}

/// A server that was started for one run. Dropping it kills it.
#[derive(Debug)]
pub(super) struct ServerProcess {
    child: Child,
    output: Arc<Mutex<VecDeque<String>>>,
}

impl ServerProcess {
    /// Starts a program and waits, at most `wait`, for a line of its output with a `ws://` URL.
    pub(super) fn start(command: &[String], wait: Duration) -> Result<(Self, String), BenchError> {
        let mut child = this_program(&["bench", "tethered", "--"])?
            .args(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(BenchError::io("starting the server"))?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let (found, url) = sync_channel(1);
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
            child.stderr.take().map(|pipe| Box::new(pipe) as Box<dyn Read + Send>),
        ];
        for pipe in pipes.into_iter().flatten() {
            let (output, found) = (Arc::clone(&output), found.clone());
            thread::spawn(move || follow_output(pipe, &output, &found));
        }
        drop(found);
        let mut server = Self { child, output };
        match url.recv_timeout(wait) {
            Ok(url) => Ok((server, url)),
            Err(RecvTimeoutError::Disconnected) => {
                wait_for_end(&mut server.child, END_WAIT);
                Err(server.died().unwrap_or_else(|| server.failed("named no ws:// URL")))
            }
            Err(RecvTimeoutError::Timeout) => Err(server.failed("named no ws:// URL in time")),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to end (SIGTERM) and waits until it has. Fails when it does not, or ends in disorder.
    pub(super) fn terminate(&mut self, wait: Duration) -> Result<(), BenchError> {
        self.ask_to_end()?;
        let Some(status) = wait_for_end(&mut self.child, wait) else {
            return Err(self.failed(&format!("did not end within {} s of SIGTERM", wait.as_secs())));
        };
        self.judge(status)
    }

    /// Asks the server to end (SIGTERM).
    pub(super) fn ask_to_end(&self) -> Result<(), BenchError> {
        use rustix::process::{Pid, Signal, kill_process};
        let asked = kill_process(Pid::from_child(&self.child), Signal::TERM);
        asked.map_err(|error| BenchError::io("ending the server")(error.into()))
    }

    /// Whether a server that was asked to end has done so. Fails when it ended in disorder.
    pub(super) fn has_ended(&mut self) -> Result<bool, BenchError> {
        match self.child.try_wait().map_err(BenchError::io("waiting for the server"))? {
            Some(status) => self.judge(status).map(|()| true),
            None => Ok(false),
        }
    }

    fn judge(&self, status: std::process::ExitStatus) -> Result<(), BenchError> {
        use rustix::process::Signal;
        use std::os::unix::process::ExitStatusExt;
        if status.success() || status.signal() == Some(Signal::TERM.as_raw()) {
            return Ok(());
        }
        Err(self.failed(&format!("ended in disorder ({status})")))
    }

    /// `Some` when the server has ended by itself.
    pub(super) fn died(&mut self) -> Option<BenchError> {
        let status = self.child.try_wait().ok()??;
        Some(self.failed(&format!("died ({status})")))
    }

    fn failed(&self, how: &str) -> BenchError {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&str> = output.iter().map(String::as_str).collect();
        let said = if lines.is_empty() {
            "it said nothing".into()
        } else {
            format!("its last lines:\n{}", lines.join("\n"))
        };
        BenchError::Server(format!("the server {how}; {said}"))
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a server's output to its end, so that it never waits for us; keeps the last lines and passes on the first URL.
fn follow_output(pipe: impl Read, kept: &Mutex<VecDeque<String>>, found: &SyncSender<String>) {
    let mut pipe = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match pipe.by_ref().take(OUTPUT_LINE_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if let Some(url) = websocket_url(&line) {
            let _ = found.try_send(url.to_owned());
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == OUTPUT_LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}

/// The first `ws://` URL in a line, up to white space, a quote or a colour code.
fn websocket_url(line: &str) -> Option<&str> {
    let url = &line[line.find("ws://")?..];
    let end = url.find(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | ',' | ')'));
    Some(&url[..end.unwrap_or(url.len())])
}

fn wait_for_end(child: &mut Child, wait: Duration) -> Option<std::process::ExitStatus> {
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if begun.elapsed() < wait => thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_found_in_whatever_line_names_it() {
        assert_eq!(websocket_url("listening on ws://127.0.0.1:4000"), Some("ws://127.0.0.1:4000"));
        assert_eq!(websocket_url("INFO url=\"ws://[::1]:80/x\" ok"), Some("ws://[::1]:80/x"));
        assert_eq!(
            websocket_url("try \u{1b}[1mws://h:1/connection/websocket\u{1b}[0m"),
            Some("ws://h:1/connection/websocket")
        );
        assert_eq!(websocket_url("http://127.0.0.1:8000"), None);
    }
}
